package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"deliverygraph/upstream"
)

// taking returns a handler that answers an empty page after d.
func taking(d time.Duration) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(d)
		reply(200, `{"data":[]}`)(w, r)
	}
}

// emails asks for a page that no other call asks for.
func emails(ctx context.Context, c *Client, n int) error {
	_, err := c.Emails(ctx, upstream.ListQuery{Window: day, Offset: n})
	return err
}

// A caller's five hundred calls do not starve another caller's single ones: a single call waits for at most one other
// request.
func TestCallersTakeTurns(t *testing.T) {
	const took = 100 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		c := within(t, taking(took), func(o *Options) { o.MaxConcurrent = 4 })
		start := time.Now()
		var many []time.Duration
		var mu sync.Mutex
		var wg sync.WaitGroup
		greedy := upstream.WithCaller(t.Context(), "greedy")
		for i := range 500 {
			wg.Go(func() {
				if err := emails(greedy, c, i); err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				many = append(many, time.Since(start))
			})
		}
		synctest.Wait()
		time.Sleep(took / 2)

		modest := upstream.WithCaller(t.Context(), "modest")
		var single []time.Duration
		for i := range 20 {
			asked := time.Now()
			if err := emails(modest, c, 1000+i); err != nil {
				t.Error(err)
			}
			single = append(single, time.Since(asked))
		}
		wg.Wait()
		slices.Sort(many)
		slices.Sort(single)
		t.Logf("the modest caller's 20 calls, one after another: median %v, longest %v", single[10], single[19])
		t.Logf("the greedy caller's 500 calls, all at once: median %v, longest %v", many[250], many[499])
		if single[19] > 2*took {
			t.Errorf("a single call took %v, want at most %v", single[19], 2*took)
		}
		if all := (500 + 20) / 4 * took; many[499] > all+took {
			t.Errorf("all took %v, want %v: the turns cost nothing", many[499], all)
		}
	})
}

// Callers with equally many calls finish at about the same time.
func TestEqualCallersFinishTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := within(t, taking(time.Second), func(o *Options) { o.MaxConcurrent = 2; o.CallTimeout = time.Hour })
		start := time.Now()
		ends := make([]time.Duration, 5)
		var mu sync.Mutex
		var wg sync.WaitGroup
		for who := range ends {
			for i := range 20 {
				wg.Go(func() {
					emails(upstream.WithCaller(t.Context(), fmt.Sprint(who)), c, who*100+i)
					mu.Lock()
					defer mu.Unlock()
					ends[who] = time.Since(start)
				})
			}
			synctest.Wait()
		}
		wg.Wait()
		if least := slices.Min(ends); least < 44*time.Second || slices.Max(ends) != 50*time.Second {
			t.Errorf("callers end after %v, want all in the end", ends)
		}
	})
}

// shared is a call that several callers share.
type shared struct {
	mu    sync.Mutex
	names []string
	f     func(name string)
}

func (s *shared) Each(f func(name string)) (stop func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, name := range s.names {
		f(name)
	}
	s.f = f
	return func() {}
}

func (s *shared) join(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.names = append(s.names, name)
	s.f(name)
}

// A caller that joins a waiting call makes it wait in its own lane as well.
func TestJoiningAWaitingCallCanAdvanceIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := within(t, taking(time.Second), func(o *Options) { o.MaxConcurrent = 1 })
		last := &shared{names: []string{"greedy"}}
		var wg sync.WaitGroup
		for i := range 19 {
			wg.Go(func() { emails(upstream.WithCaller(t.Context(), "greedy"), c, i) })
			synctest.Wait()
		}
		start := time.Now()
		done := make(chan error)
		go func() { done <- emails(context.WithValue(t.Context(), upstream.CallerKey{}, last), c, 19) }()
		synctest.Wait()
		last.join("modest")
		if err := <-done; err != nil || time.Since(start) != 3*time.Second {
			t.Errorf("%v after %v, want the answer after 3s: one under way, one of the greedy, and its own", err,
				time.Since(start))
		}
		wg.Wait()
		if l := c.Load(); l.Waiting != 0 || l.UnderWay != 0 || len(c.gate.lanes) != 0 || len(c.gate.turns) != 0 {
			t.Errorf("in the end: %+v, %d lanes", l, len(c.gate.lanes))
		}
	})
}

// A caller that gives up leaves the queue at once, and its request is not sent.
func TestCallersThatGiveUpLeaveTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent atomic.Int64
		c := within(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sent.Add(1)
			taking(time.Second)(w, r)
		}), func(o *Options) { o.MaxConcurrent = 1 })
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { emails(t.Context(), c, 1000) })
		synctest.Wait()
		for i := range 100 {
			wg.Go(func() {
				if err := emails(ctx, c, i); !errors.Is(err, context.Canceled) {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		if l := c.Load(); l.UnderWay != 1 || l.Waiting != 100 {
			t.Errorf("before: %+v", l)
		}
		cancel()
		synctest.Wait()
		if l := c.Load(); l.UnderWay != 1 || l.Waiting != 0 || len(c.gate.lanes) != 0 {
			t.Errorf("after: %+v, %d lanes", l, len(c.gate.lanes))
		}
		wg.Wait()
		if err := emails(t.Context(), c, 1); err != nil || sent.Load() != 2 {
			t.Errorf("%v; %d sent", err, sent.Load())
		}
	})
}

// A full queue refuses calls at once with a RetryAfter, but makes room for a caller with fewer waiting calls.
func TestFullQueueRefusesCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := within(t, taking(time.Second), func(o *Options) { o.MaxConcurrent, o.MaxWaiting = 2, 10 })
		var refused, answered atomic.Int64
		var wg sync.WaitGroup
		greedy := upstream.WithCaller(t.Context(), "greedy")
		ask := func(i int) {
			wg.Go(func() {
				start := time.Now()
				if err := emails(greedy, c, i); err == nil {
					answered.Add(1)
				} else if e := public(t, err); e.Code == upstream.Unavailable && e.RetryAfter >= time.Second &&
					time.Since(start) < 5*time.Second {
					refused.Add(1)
				}
			})
			synctest.Wait()
		}
		for i := range 12 {
			ask(i)
		}
		if refused.Load() != 0 {
			t.Errorf("%d refused before the queue was full", refused.Load())
		}
		ask(12)
		if refused.Load() != 1 || c.Load().Refused != 1 {
			t.Errorf("%d refused, and Load says %d", refused.Load(), c.Load().Refused)
		}
		start := time.Now()
		if err := emails(upstream.WithCaller(t.Context(), "modest"), c, 99); err != nil ||
			time.Since(start) > 2*time.Second {
			t.Errorf("the modest caller: %v after %v", err, time.Since(start))
		}
		wg.Wait()
		if refused.Load() != 2 || answered.Load() != 11 || c.Load().Refused != 2 {
			t.Errorf("%d refused and %d answered; %+v", refused.Load(), answered.Load(), c.Load())
		}
	})
}

// The RetryAfter of a full queue estimates when those waiting will have been served.
func TestFullQueueEstimatesRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(2, 2, 1000)
		for range 100 {
			if _, f, err := g.enter(t.Context()); f != nil || err != nil {
				t.Fatal(f, err)
			}
			sent := time.Now()
			time.Sleep(400 * time.Millisecond)
			g.leave(&trial{sent: sent, outcome: answered}, "/emails")
		}
		for waiting, want := range map[int]time.Duration{0: time.Second, 50: 10 * time.Second, 1000: 30 * time.Second} {
			g.waiting = waiting
			if got := g.full().err.RetryAfter; got < want*95/100 || got > want {
				t.Errorf("%d wait: come back in %v, want about %v", waiting, got, want)
			}
		}
	})
}

// Whatever callers do, the limit holds, each call ends exactly once, and the gate is empty in the end.
func TestGateNeverLeaksSlots(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		most := rapid.IntRange(1, 4).Draw(rt, "limit")
		room := rapid.IntRange(1, 6).Draw(rt, "room")
		type visit struct{ caller, page, after, patience int }
		visits := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) visit {
			n := rapid.IntRange(0, 20)
			return visit{
				rapid.IntRange(0, 3).Draw(t, "caller"), rapid.IntRange(0, 9).Draw(t, "page"), n.Draw(t, "after"),
				n.Draw(t, "patience"),
			}
		}), 1, 30).Draw(rt, "visits")
		synctest.Test(t, func(t *testing.T) {
			var now, peak atomic.Int64
			c, err := New(Options{
				BaseURL: "http://api.example.com", MaxConcurrent: most, MinConcurrent: most, MaxWaiting: room,
				Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
					peak.Store(max(peak.Load(), now.Add(1)))
					defer now.Add(-1)
					select {
					case <-time.After(3 * time.Millisecond):
						return inMemory([]byte(`[]`))(r)
					case <-r.Context().Done():
						return nil, r.Context().Err()
					}
				}),
			})
			if err != nil {
				rt.Fatal(err)
			}
			var wg sync.WaitGroup
			for _, v := range visits {
				wg.Go(func() {
					time.Sleep(time.Duration(v.after) * time.Millisecond)
					ctx, cancel := context.WithTimeout(upstream.WithCaller(t.Context(), fmt.Sprint(v.caller)),
						time.Duration(v.patience)*time.Millisecond)
					defer cancel()
					err := emails(ctx, c, v.page)
					if code := upstream.CodeOf(err); err != nil && code != upstream.Timeout &&
						code != upstream.Unavailable {
						rt.Errorf("%+v: %v", v, err)
					}
				})
			}
			wg.Wait()
			synctest.Wait()
			if l := c.Load(); int(peak.Load()) > most || l.UnderWay != 0 || l.Waiting != 0 || len(c.gate.lanes) != 0 ||
				len(c.gate.turns) != 0 {
				rt.Errorf("at most %d at once; in the end %+v, %d lanes, %d turns", peak.Load(), l, len(c.gate.lanes),
					len(c.gate.turns))
			}
		})
	})
}
