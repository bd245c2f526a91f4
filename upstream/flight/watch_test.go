package flight

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

type name struct{}

func named(ctx context.Context, n string) context.Context { return context.WithValue(ctx, name{}, n) }

// note records the names of callers.
type note struct{ of func(caller string) }

func (n *note) Board(caller context.Context) { n.of(caller.Value(name{}).(string)) }

// EachCaller reports the callers so far, and those that join later.
func TestEachCallerReportsCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g Group[string, int]
		var mu sync.Mutex
		var reported []string
		watch := func(ctx context.Context) func() {
			return EachCaller(ctx, &note{func(caller string) {
				mu.Lock()
				defer mu.Unlock()
				reported = append(reported, caller)
			}}).Stop
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
		do(&g, named(t.Context(), "a"), "key", work)
		synctest.Wait()
		do(&g, named(t.Context(), "b"), "key", work)
		time.Sleep(time.Second)
		is("a", "a", "b", "b") // to both watchers
		do(&g, named(t.Context(), "c"), "key", work)
		is("c", "c")
		time.Sleep(time.Second + 1)
		last := do(&g, named(t.Context(), "d"), "key", work)
		is("d") // one watcher has stopped
		if r := <-last; r.value != 7 || !r.joined {
			t.Errorf("got %+v", r)
		}
		// After Stop, callers are not reported.
		<-do(&g, named(t.Context(), "e"), "key", slow(0, 1))
		is()
	})
}

// Without a flight, the context is the caller. In nested flights, the inner one's callers are reported.
func TestEachCallerWithoutAndWithNestedFlight(t *testing.T) {
	var reported []string
	all := &note{func(caller string) { reported = append(reported, caller) }}
	EachCaller(named(t.Context(), "alone"), all).Stop()
	var outer, inner Group[string, int]
	outer.Do(named(t.Context(), "outer"), "key", func(ctx context.Context) (int, error) {
		v, _, err := inner.Do(named(ctx, "inner"), "key", func(ctx context.Context) (int, error) {
			EachCaller(ctx, all).Stop()
			return 1, nil
		})
		return v, err
	})
	if !slices.Equal(reported, []string{"alone", "inner"}) {
		t.Errorf("got %q", reported)
	}
}

// A caller that leaves at its deadline gets the error given to Explain. One that leaves earlier gets its own error, and
// one that stays gets the result.
func TestExplainSetsTheErrorAtTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why := errors.New("the server is busy")
		var outer, inner Group[string, int]
		work := func(ctx context.Context) (int, error) {
			v, _, err := inner.Do(ctx, "inner", func(ctx context.Context) (int, error) {
				time.Sleep(time.Second)
				Explain(ctx, why)
				time.Sleep(time.Minute)
				return 7, nil
			})
			return v, err
		}
		soon, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		gone, leave := context.WithCancel(t.Context())
		time.AfterFunc(2*time.Second, leave)
		late, left, stays := do(&outer, soon, "outer", work), do(&outer, gone, "outer", work), do(&outer, t.Context(), "outer", work)
		if r := <-late; r.err != why {
			t.Errorf("at its deadline: %+v", r)
		}
		if r := <-left; r.err != context.Canceled {
			t.Errorf("given up: %+v", r)
		}
		if r := <-stays; r.value != 7 || r.err != nil {
			t.Errorf("with time enough: %+v", r)
		}
	})
}
