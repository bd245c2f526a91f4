package graph

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

var errGone = errors.New("gone")

// Whoever looks at it, when and how, sees what the context of context.WithDeadline would
// show, as do contexts below it. Of several ends the first that was seen counts.
func TestDeadline(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		synctest.Test(t, func(*testing.T) {
			type key struct{}
			parent, leave := context.WithCancelCause(context.WithValue(context.Background(), key{}, 7))
			defer leave(nil)
			if rapid.Bool().Draw(rt, "with an earlier deadline") {
				earlier, cancel := context.WithTimeout(parent, 2*time.Second)
				defer cancel()
				parent = earlier
			}
			at := time.Now().Add(time.Duration(rapid.IntRange(0, 4).Draw(rt, "seconds")) * time.Second)
			want, cancel := context.WithDeadline(parent, at)
			defer cancel()
			d := &deadline{}
			d.set(parent, at)
			defer d.cancel()
			type pair struct{ got, want context.Context }
			pairs := []pair{{d, want}}
			var ended [2]atomic.Int32 // told so by AfterFunc
			for range rapid.IntRange(1, 12).Draw(rt, "steps") {
				switch rapid.IntRange(0, 7).Draw(rt, "step") {
				case 0:
					_ = d.Err()
					leave(errGone)
				case 1:
					_ = d.Err()
					cancel()
					d.cancel()
				case 2, 3:
					time.Sleep(time.Second)
				case 4:
					a, stopA := context.WithCancel(d)
					defer stopA()
					b, stopB := context.WithCancel(want)
					defer stopB()
					pairs = append(pairs, pair{a, b}, pair{context.WithValue(d, key{}, 8), context.WithValue(want, key{}, 8)})
				case 5:
					context.AfterFunc(d, func() { ended[0].Add(1) })
					context.AfterFunc(want, func() { ended[1].Add(1) })
				case 6:
					if over(d) != over(want) {
						rt.Fatal("one is done, and the other is not")
					}
				}
				synctest.Wait()
				if ended[0].Load() != ended[1].Load() {
					rt.Fatalf("told %d times, want %d", ended[0].Load(), ended[1].Load())
				}
				if rapid.Bool().Draw(rt, "unseen") {
					continue
				}
				for _, p := range pairs {
					got, gotOK := p.got.Deadline()
					want, wantOK := p.want.Deadline()
					if g, w := p.got.Err(), p.want.Err(); g != w || context.Cause(p.got) != context.Cause(p.want) || p.got.Value(key{}) != p.want.Value(key{}) || !got.Equal(want) || gotOK != wantOK {
						rt.Fatalf("%v (%v), %v, want %v (%v), %v", g, context.Cause(p.got), got, w, context.Cause(p.want), want)
					}
				}
			}
		})
	})
}

func over(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return true
	default:
		return false
	}
}
