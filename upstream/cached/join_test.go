package cached

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

type result struct {
	value  int
	joined bool
	err    error
}

// ask is calls.do for keys and answers of simple types.
func ask(g *calls, ctx context.Context, name string, work func(context.Context) (int, error)) (int, bool, error) {
	l, joined, err := g.do(ctx, &key{scope: name}, 0, func(ctx context.Context) (landed, error) {
		v, err := work(ctx)
		return landed{entry: entry{value: v}}, err
	})
	v, _ := l.value.(int)
	return v, joined, err
}

// begin runs ask on a goroutine and returns a channel for its result.
func begin(g *calls, ctx context.Context, key string, work func(context.Context) (int, error)) <-chan result {
	c := make(chan result, 1)
	go func() {
		v, joined, err := ask(g, ctx, key, work)
		c <- result{v, joined, err}
	}()
	return c
}

// slow returns work that takes d, or less if it is canceled.
func slow(d time.Duration, v int) func(context.Context) (int, error) {
	return func(ctx context.Context) (int, error) {
		select {
		case <-time.After(d):
			return v, nil
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}

func TestEqualCallsRunOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g calls
		var runs atomic.Int64
		work := func(ctx context.Context) (int, error) {
			runs.Add(1)
			return slow(time.Second, 7)(ctx)
		}
		var joined atomic.Int64
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				v, j, err := ask(&g, t.Context(), "key", work)
				if v != 7 || err != nil {
					t.Errorf("got %d, %v", v, err)
				}
				if j {
					joined.Add(1)
				}
			})
		}
		wg.Wait()
		if runs.Load() != 1 || joined.Load() != 99 {
			t.Errorf("%d runs and %d joined, want 1 and 99", runs.Load(), joined.Load())
		}
		// Results are not kept.
		if _, j, _ := ask(&g, t.Context(), "key", work); j || runs.Load() != 2 {
			t.Errorf("after it returned: joined %t, %d runs, want a new run", j, runs.Load())
		}
	})
}

func TestDifferentCallsRunConcurrently(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g calls
		start := time.Now()
		a, b := begin(&g, t.Context(), "a", slow(time.Second, 1)), begin(&g, t.Context(), "b", slow(time.Second, 2))
		if ra, rb := <-a, <-b; ra != (result{1, false, nil}) || rb != (result{2, false, nil}) {
			t.Errorf("got %v and %v", ra, rb)
		}
		if d := time.Since(start); d != time.Second {
			t.Errorf("took %v, want them concurrent", d)
		}
	})
}

func TestLeavingDoesNotAffectOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g calls
		first, leave := context.WithCancel(t.Context())
		short, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()

		a := begin(&g, first, "key", slow(10*time.Second, 7))
		synctest.Wait()
		b := begin(&g, short, "key", slow(0, 0))
		c := begin(&g, t.Context(), "key", slow(0, 0))
		synctest.Wait()

		start := time.Now()
		leave()
		if r := <-a; !errors.Is(r.err, context.Canceled) || time.Since(start) != 0 {
			t.Errorf("caller that left: %v after %v, want its own cancellation at once", r.err, time.Since(start))
		}
		if r := <-b; r.err != context.DeadlineExceeded || time.Since(start) != 2*time.Second {
			t.Errorf("caller with a deadline: %v after %v, want its own deadline", r.err, time.Since(start))
		}
		if r := <-c; r != (result{7, true, nil}) {
			t.Errorf("caller that stayed: %v, want the first one's result", r)
		}
	})
}

func TestWorkIsCanceledWhenTheLastCallerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g calls
		ended := make(chan error, 1)
		work := func(ctx context.Context) (int, error) {
			<-ctx.Done()
			ended <- context.Cause(ctx)
			return 0, ctx.Err()
		}
		one, leaveOne := context.WithCancel(t.Context())
		two, leaveTwo := context.WithTimeout(t.Context(), time.Second)
		defer leaveTwo()
		a, b := begin(&g, one, "key", work), begin(&g, two, "key", work)
		synctest.Wait()

		leaveOne()
		<-one.Done()
		synctest.Wait()
		select {
		case <-ended:
			t.Fatal("the work ended while one caller was still there")
		default:
		}
		if err := <-ended; err != context.DeadlineExceeded {
			t.Errorf("the work ended with %v, want the last caller's deadline as the cause", err)
		}
		<-a
		<-b
	})
}

func TestCanceledWorkIsNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g calls
		var running, most atomic.Int64
		enter := func() func() {
			most.Store(max(most.Load(), running.Add(1)))
			return func() { running.Add(-1) }
		}
		// Canceled work takes a second to return.
		ending := func(ctx context.Context) (int, error) {
			defer enter()()
			<-ctx.Done()
			time.Sleep(time.Second)
			return 1, nil
		}
		ctx, leave := context.WithCancel(t.Context())
		a := begin(&g, ctx, "key", ending)
		synctest.Wait()
		leave()
		<-a

		// A caller that leaves before its work has started never starts it, and does not let the next one start too
		// early.
		ctx, leave = context.WithCancel(t.Context())
		b := begin(&g, ctx, "key", func(context.Context) (int, error) {
			t.Error("work began that all had left")
			return 0, nil
		})
		synctest.Wait()
		leave()
		<-b

		start := time.Now()
		work := func(ctx context.Context) (int, error) {
			defer enter()()
			return slow(time.Second, 2)(ctx)
		}
		c := begin(&g, t.Context(), "key", work)
		synctest.Wait()
		d := begin(&g, t.Context(), "key", work)
		if r := <-c; r != (result{2, false, nil}) {
			t.Errorf("next caller: %v, want work of its own", r)
		}
		if r := <-d; r != (result{2, true, nil}) {
			t.Errorf("caller after that: %v, want it joined", r)
		}
		if took := time.Since(start); took != 2*time.Second || most.Load() != 1 {
			t.Errorf("took %v with %d at once, want the new work after the old one", took, most.Load())
		}
	})
}

func TestDeadlineIsTheLatestOfAllCallers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g calls
		start := time.Now()
		timeout := func(d time.Duration) context.Context {
			ctx, cancel := context.WithTimeout(t.Context(), d)
			t.Cleanup(cancel)
			return ctx
		}
		deadline := func(ctx context.Context) time.Duration {
			d, ok := ctx.Deadline()
			if !ok {
				return 0
			}
			return d.Sub(start)
		}
		work := func(ctx context.Context) (int, error) {
			var got []time.Duration
			for range 4 {
				got = append(got, deadline(ctx))
				time.Sleep(time.Second)
			}
			want := fmt.Sprint([]time.Duration{5 * time.Second, 9 * time.Second, 9 * time.Second, 0})
			if fmt.Sprint(got) != want {
				t.Errorf("deadlines %v, want %v", got, want)
			}
			return 0, nil
		}
		results := []<-chan result{begin(&g, timeout(5*time.Second), "key", work)}
		for _, ctx := range []context.Context{timeout(9 * time.Second), timeout(2 * time.Second), t.Context()} {
			time.Sleep(time.Second - time.Millisecond)
			synctest.Wait()
			results = append(results, begin(&g, ctx, "key", work))
		}
		for _, r := range results {
			<-r
		}
	})
}

type ctxKey struct{}

func TestWorkHasTheFirstCallersValues(t *testing.T) {
	var g calls
	ctx := context.WithValue(t.Context(), ctxKey{}, "first")
	_, _, err := ask(&g, ctx, "key", func(ctx context.Context) (int, error) {
		if ctx.Value(ctxKey{}) != "first" {
			return 0, errors.New("the value is lost")
		}
		// A context derived from the work's context, which is a custom type, ends with it.
		sub, cancel := context.WithTimeout(ctx, time.Hour)
		defer cancel()
		return 0, sub.Err()
	})
	if err != nil {
		t.Error(err)
	}
}

func TestEndedContextStartsNoWork(t *testing.T) {
	var g calls
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, joined, err := ask(&g, ctx, "key", func(context.Context) (int, error) {
		t.Error("work began for a caller that had left")
		return 0, nil
	})
	if err != context.Canceled || joined {
		t.Errorf("got %v, joined %t", err, joined)
	}
}

func TestPanicIsAnErrorForAllCallers(t *testing.T) {
	for name, crash := range map[string]func(){
		"panic":  func() { panic("kaboom") },
		"goexit": runtime.Goexit,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var g calls
				work := func(context.Context) (int, error) {
					time.Sleep(time.Second)
					crash()
					return 1, nil
				}
				a, b := begin(&g, t.Context(), "key", work), begin(&g, t.Context(), "key", work)
				for _, c := range []<-chan result{a, b} {
					r := <-c
					if r.err == nil || r.value != 0 {
						t.Errorf("got %d, %v, want an error", r.value, r.err)
					}
					if name == "panic" && !strings.Contains(r.err.Error(), "kaboom") {
						t.Errorf("%v does not say what happened", r.err)
					}
				}
				if _, _, err := ask(&g, t.Context(), "key", slow(0, 1)); err != nil {
					t.Errorf("the next caller: %v", err)
				}
			})
		})
	}
}

// A caller that leaves just as its call returns gets either the result or its own error, and the call is removed.
func TestLeavingWhileTheCallReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var g calls
		for i := range 2000 {
			ctx, leave := context.WithCancel(t.Context())
			go leave()
			v, _, err := ask(&g, ctx, fmt.Sprint(i%3), func(context.Context) (int, error) {
				runtime.Gosched()
				return 7, nil
			})
			if (v != 7 || err != nil) && (v != 0 || err != context.Canceled) {
				t.Fatalf("got %d, %v", v, err)
			}
		}
		synctest.Wait()
		if len(g.now) != 0 {
			t.Errorf("%d calls are kept", len(g.now))
		}
	})
}

// Callers that are ready to run when a call begins join it, even if it returns at once.
func TestReadyCallersJoin(t *testing.T) {
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1)) // keeps them ready without running
	const callers = 64
	var g calls
	var made atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			if _, _, err := ask(&g, t.Context(), "key",
				func(context.Context) (int, error) { return int(made.Add(1)), nil }); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := made.Load(); n > callers/4 {
		t.Errorf("%d calls for %d callers", n, callers)
	}
}
