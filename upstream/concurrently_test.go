package upstream_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"deliverygraph/upstream"
)

func TestEachRunsForAll(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 256, 1000} {
		ran := make([]atomic.Int32, n)
		upstream.Concurrently(n, func(i int) { ran[i].Add(1) })
		for i := range ran {
			if ran[i].Load() != 1 {
				t.Errorf("%d of %d ran %d times", i, n, ran[i].Load())
			}
		}
	}
}

// All run side by side, up to a bound.
func TestEachRunsSideBySide(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		running := 0
		release := make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			upstream.Concurrently(1000, func(int) {
				mu.Lock()
				running++
				mu.Unlock()
				<-release
			})
		}()
		synctest.Wait()
		mu.Lock()
		if running != 256 {
			t.Errorf("%d run side by side", running)
		}
		mu.Unlock()
		close(release)
		<-done
	})
}

// A panic is the caller's, with the stack of where it was; others run on.
func TestPanicsAreTheCallers(t *testing.T) {
	t.Parallel()
	var ran atomic.Int32
	defer func() {
		p, ok := recover().(*upstream.Panic)
		if !ok || p.Value != "broken" || !strings.Contains(p.Error(), "broken\n") ||
			!strings.Contains(string(p.Stack), "concurrently_test.go") {
			t.Errorf("%v", p)
		}
		if upstream.Recovered(p) != p {
			t.Error("a panic passed on is another")
		}
		if ran.Load() != 2 {
			t.Errorf("%d others ran", ran.Load())
		}
	}()
	upstream.Concurrently(3, func(i int) {
		if i == 1 {
			panic("broken")
		}
		ran.Add(1)
	})
}
