package graph

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

const mib = 1 << 20

// Responses never have more room than there is, except for a single larger one, and all of it is given back. A caller
// never has more than is left for others, so a new caller always finds some.
func TestRoomIsLimitedAndShared(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := newMemoryLimit(256 * mib)
		var all []*reservation
		sizes := rapid.OneOf(rapid.Int64Range(0, 100_000), rapid.Int64Range(0, 20*mib),
			rapid.SampledFrom([]int64{0, smallAnswer, 300 * mib}))
		for range rapid.IntRange(1, 100).Draw(t, "steps") {
			size := sizes.Draw(t, "size")
			switch {
			case len(all) > 0 && rapid.IntRange(0, 3).Draw(t, "what") == 0:
				i := rapid.IntRange(0, len(all)-1).Draw(t, "which")
				all[i].release()
				all = append(all[:i], all[i+1:]...)
			case len(all) > 0 && rapid.Bool().Draw(t, "resized"):
				all[rapid.IntRange(0, len(all)-1).Draw(t, "which")].resize(size, 0)
			default:
				caller := rapid.SampledFrom([]string{"", "a", "b", "c"}).Draw(t, "caller")
				h, ok := r.reserve(caller, size)
				if ok {
					all = append(all, &h)
				} else if h.release(); size <= smallAnswer && r.used.Load()+size <= r.most {
					t.Fatalf("no room for %d bytes beside %d", size, r.used.Load())
				}
			}
			var sum, largest int64
			for _, h := range all {
				sum, largest = sum+h.bytes, max(largest, h.bytes)
			}
			if used := r.used.Load(); used != sum || r.answers != sum || sum-largest > r.most {
				t.Fatalf("%d bytes are counted, %d held, %d of them by one", used, sum, largest)
			}
		}
		for _, h := range all {
			h.release()
		}
		if r.used.Load() != 0 || r.answers != 0 || len(r.callers) != 0 {
			t.Fatalf("%d bytes, %d of answers, are left, of %v", r.used.Load(), r.answers, r.callers)
		}
	})
}

// Parts of a response count until they are sent, and are counted once.
func TestPartsOfResponsesCountOnce(t *testing.T) {
	t.Parallel()
	r := newMemoryLimit(256 * mib)
	h, _ := r.reserve("a", 1000)
	for i, step := range []struct {
		what string
		do   func()
		want int64
	}{
		{"reserved", func() {}, 1000},
		{"half of it is made", func() { h.cover(500) }, 1000},
		{"more is made than reserved", func() { h.cover(5000) }, 5000},
		{"the first part is complete", func() { h.resize(3000, 5000) }, 3000},
		{"of the second, 1000 bytes are made", func() { h.cover(6000) }, 4000},
		{"the first is sent", func() { h.shrink(3000) }, 1000},
		{"the second is complete", func() { h.grow(1500) }, 1500},
		{"of the third, 3000 are made", func() { h.cover(9000) }, 4500},
		{"a fourth, of what was counted for both, is complete", func() { h.grow(2000) }, 4500},
		{"both are sent", func() { h.shrink(3500) }, 1000},
		{"more of the third is made", func() { h.cover(10000) }, 2000},
		{"the third is complete", func() { h.grow(2000) }, 2000},
		{"it is sent", func() { h.shrink(2000) }, 0},
	} {
		if step.do(); h.bytes != step.want || r.used.Load() != step.want {
			t.Fatalf("%d: after %s: %d bytes count, want %d", i, step.what, h.bytes, step.want)
		}
	}
}

// Callers who do not read get less and less, and leave room for others.
func TestUnreadResponsesOfManyCallersLeaveRoom(t *testing.T) {
	t.Parallel()
	fill := func(r *memoryLimit, size int64, callers ...string) (n int) {
		for ok := true; ok; n++ {
			ok = false
			for _, c := range callers {
				if _, got := r.reserve(c, size); got {
					ok = true
				}
			}
		}
		return n
	}
	for name, greedy := range map[string][]string{
		"one": {"a"}, "two": {"a", "b"}, "eight": {"a", "b", "c", "d", "e", "f", "g", "h"}, "nameless": {""},
	} {
		r := newMemoryLimit(256 * mib)
		fill(r, 10*mib, greedy...)
		fill(r, 1*mib, greedy...)
		left := r.most - r.used.Load()
		if want := r.most/int64(len(greedy)+2) - 3*mib; name != "nameless" && left < want {
			t.Errorf("%s: %d MiB are left, want %d", name, left/mib, want/mib)
		}
		for _, other := range []string{"other", ""} {
			h, ok := r.reserve(other, 700_000)
			if !ok {
				t.Errorf("%s leave no room for the answer of %q", name, other)
			}
			h.release()
		}
	}
}

// A response without room gets it as soon as some is free, if that is soon.
func TestResponsesWaitForRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newMemoryLimit(16 * mib)
		large, _ := r.reserve("a", 0)
		large.grow(16*mib - smallAnswer)
		got := make(chan string, 2)
		for _, after := range []time.Duration{0, 900 * time.Millisecond} {
			go func() {
				time.Sleep(after)
				began := time.Now()
				h, ok := r.wait(t.Context(), "b", 16*mib)
				h.release()
				got <- fmt.Sprint(ok, time.Since(began))
			}()
		}
		time.Sleep(1500 * time.Millisecond)
		large.release()
		synctest.Wait()
		if first, second := <-got, <-got; first != "false 1s" || second != "true 600ms" {
			t.Errorf("%s, %s", first, second)
		}
	})
}
