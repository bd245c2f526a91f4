package cutoff

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type key struct{}

// A tree of contexts is cut off as one of package context's is: at once, with the cause of
// whichever end came first.
func TestContextsEndAsOthersDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		causes := []error{nil, context.DeadlineExceeded, errors.New("a"), errors.New("b")}
		type pair struct {
			ours   context.Context
			theirs context.Context
			cut    func(error)
		}
		ours := &Context{Context: context.WithValue(context.Background(), key{}, "value")}
		theirs, end := context.WithCancelCause(context.Background())
		all := []pair{{ours, theirs, func(err error) { ours.Cut(err); end(err) }}}
		defer all[0].cut(nil)
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			p := rapid.SampledFrom(all).Draw(t, "of")
			if rapid.IntRange(0, 3).Draw(t, "step") == 0 {
				p.cut(rapid.SampledFrom(causes).Draw(t, "cause"))
			} else {
				theirs, end := context.WithCancelCause(p.theirs)
				if rapid.Bool().Draw(t, "one of package context") {
					ours, endOurs := context.WithCancelCause(p.ours)
					all = append(all, pair{ours, theirs, func(err error) { endOurs(err); end(err) }})
				} else {
					ours := Within(p.ours)
					all = append(all, pair{ours, theirs, func(err error) { ours.Cut(err); end(err) }})
				}
			}
			for i, p := range all {
				want := context.Cause(p.theirs)
				if want != nil {
					<-p.ours.Done() // those of package context hear of it on goroutines of theirs
				}
				got := context.Cause(p.ours)
				if c, ok := p.ours.(*Context); ok {
					got = c.Err() // also below one of package context, of which Cause tells
				}
				if got != want || (p.ours.Err() == nil) != (want == nil) {
					t.Fatalf("context %d ended with %v, want %v", i, got, want)
				}
				if p.ours.Value(key{}) != "value" {
					t.Fatalf("context %d lost its values", i)
				}
			}
		}
		for i := len(all) - 1; i >= 0; i-- {
			all[i].cut(nil)
		}
	})
}

// A child ends at once, and has its parent forget it.
func TestChildren(t *testing.T) {
	parent := &Context{Context: context.Background()}
	for range 3 {
		Within(parent).Cut(nil)
	}
	if len(parent.ends) > 0 {
		t.Errorf("%d children are held that have ended", len(parent.ends))
	}
	a, b := Within(parent), Within(Within(parent))
	parent.Cut(context.DeadlineExceeded)
	late := Within(parent)
	for _, c := range []*Context{a, b, late} {
		if c.Err() != context.DeadlineExceeded {
			t.Errorf("a child ended with %v", c.Err())
		}
		<-c.Done()
	}
}

// What is to be called is called once, at the end, unless it is stopped before.
func TestAfterFunc(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, ctx := range map[string]context.Context{"ours": Within(t.Context()), "derived": func() context.Context {
			ctx, cancel := context.WithCancel(Within(t.Context()))
			t.Cleanup(cancel)
			return ctx
		}(), "others": t.Context()} {
			ctx := Within(ctx)
			called := map[string]int{}
			var mu sync.Mutex
			call := func(name string) func() bool {
				return AfterFunc(ctx, func() {
					mu.Lock()
					defer mu.Unlock()
					called[name]++
				})
			}
			call("first")
			stop := call("stopped")
			last := call("last")
			if !stop() || stop() {
				t.Errorf("%s: stopped never, or twice", name)
			}
			time.AfterFunc(time.Second, func() { ctx.Cut(nil) })
			<-ctx.Done()
			synctest.Wait()
			if last() {
				t.Errorf("%s: stopped after it was called", name)
			}
			call("late")
			synctest.Wait()
			mu.Lock()
			if called["first"] != 1 || called["last"] != 1 || called["late"] != 1 || called["stopped"] != 0 {
				t.Errorf("%s: %v", name, called)
			}
			mu.Unlock()
		}
	})
}

// Ends from all sides at once are one end.
func TestManyEnds(t *testing.T) {
	for range 100 {
		parent := &Context{Context: context.Background()}
		var wg sync.WaitGroup
		for range 4 {
			wg.Go(func() {
				c := Within(parent)
				stop := c.AfterFunc(func() {})
				wg.Go(func() { c.Cut(nil) })
				<-c.Done()
				stop()
			})
		}
		wg.Go(func() { parent.Cut(context.DeadlineExceeded) })
		wg.Wait()
		if len(parent.ends) > 0 {
			t.Error("children are held that have ended")
		}
	}
}

// TestContextsTakeFewAllocations bounds them, of a try in a call.
func TestContextsTakeFewAllocations(t *testing.T) {
	parent := &Context{Context: context.Background()}
	defer parent.Cut(nil)
	interrupt := func() {}
	const most = 2
	if n := testing.AllocsPerRun(100, func() {
		c := Within(parent)
		stop := AfterFunc(c, interrupt)
		stop()
		c.Cut(nil)
	}); n > most {
		t.Errorf("%v allocations, want at most %d", n, most)
	}
}
