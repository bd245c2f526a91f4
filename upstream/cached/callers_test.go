package cached

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/upstream"
)

// A call reports its callers so far, and those that join later.
func TestCallsReportTheirCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g calls
		var mu sync.Mutex
		var reported []string
		watch := func(ctx context.Context) func() {
			return upstream.EachCaller(ctx, func(caller string) {
				mu.Lock()
				defer mu.Unlock()
				reported = append(reported, caller)
			})
		}
		is := func(want ...string) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			slices.Sort(reported)
			if !slices.Equal(reported, want) {
				t.Errorf("got %q, want %q", reported, want)
			}
			reported = nil
		}
		work := func(ctx context.Context) (int, error) {
			time.Sleep(time.Second)
			derived, cancel := context.WithCancel(ctx)
			defer cancel()
			stop := watch(derived)
			defer watch(ctx)()
			time.Sleep(time.Second)
			stop()
			time.Sleep(time.Second)
			return 7, nil
		}
		begin(&g, upstream.WithCaller(t.Context(), "a"), "key", work)
		synctest.Wait()
		begin(&g, upstream.WithCaller(t.Context(), "b"), "key", work)
		time.Sleep(time.Second)
		is("a", "a", "b", "b") // to both watchers
		begin(&g, upstream.WithCaller(t.Context(), "c"), "key", work)
		is("c", "c")
		time.Sleep(time.Second + 1)
		last := begin(&g, upstream.WithCaller(t.Context(), "d"), "key", work)
		is("d") // one watcher has stopped
		if r := <-last; r.value != 7 || !r.joined {
			t.Errorf("got %+v", r)
		}
		// After Stop, callers are not reported.
		<-begin(&g, upstream.WithCaller(t.Context(), "e"), "key", slow(0, 1))
		is()
	})
}

// A call that a joined call makes reports the callers of that one.
func TestNestedCallsReportTheirCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g calls
		var mu sync.Mutex
		var reported []string
		outer := func(ctx context.Context) (int, error) {
			v, _, err := ask(&g, ctx, "inner", func(ctx context.Context) (int, error) {
				stop := upstream.EachCaller(ctx, func(caller string) {
					mu.Lock()
					defer mu.Unlock()
					reported = append(reported, caller)
				})
				defer stop()
				time.Sleep(time.Second)
				return 1, nil
			})
			return v, err
		}
		a := begin(&g, upstream.WithCaller(t.Context(), "a"), "outer", outer)
		synctest.Wait()
		b := begin(&g, upstream.WithCaller(t.Context(), "b"), "outer", outer)
		<-a
		<-b
		if slices.Sort(reported); !slices.Equal(reported, []string{"a", "b"}) {
			t.Errorf("got %q", reported)
		}
	})
}
