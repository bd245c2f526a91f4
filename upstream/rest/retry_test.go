package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"deliverygraph/upstream"
)

// waits returns the times between the tries that a server saw.
func waits(at []time.Time) []time.Duration {
	var w []time.Duration
	for i := 1; i < len(at); i++ {
		w = append(w, at[i].Sub(at[i-1]))
	}
	return w
}

func TestBackoffDoubles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []http.HandlerFunc{reply(503, "")}}
		c := within(t, s, func(o *Options) {
			o.Retry = Retry{Tries: 6, Base: time.Second, Max: 4 * time.Second}
			o.Breaker.Off = true
		})
		for range 20 {
			s.at = nil
			c.budget.left = 20
			if _, err := c.BounceCategories(t.Context()); upstream.CodeOf(err) != upstream.Unavailable {
				t.Fatal(err)
			}
			if len(s.at) != 6 {
				t.Fatalf("%d tries, want 6", len(s.at))
			}
			for i, wait := range waits(s.at) {
				if most := min(time.Second<<i, 4*time.Second); wait > most+time.Millisecond {
					t.Errorf("waited %v before try %d, want at most %v", wait, i+2, most)
				}
			}
		}
	})
}

// Waits are spread over their whole range, so that clients that failed together do not retry together.
func TestWaitsAreBoundedAndJittered(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := Retry{
			Base: time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "base")),
			Max:  time.Duration(rapid.Int64Range(1, int64(time.Hour)).Draw(t, "max")),
		}
		tried := rapid.IntRange(1, 100).Draw(t, "tried")
		if wait := r.backoff(tried); wait < 0 || wait > r.Max || tried == 1 && wait > r.Base {
			t.Fatalf("waits %v", wait)
		}
	})
	low, high := time.Hour, time.Duration(0)
	for range 1000 {
		w := Retry{Base: time.Second, Max: time.Minute}.backoff(1)
		low, high = min(low, w), max(high, w)
	}
	if low > 100*time.Millisecond || high < 900*time.Millisecond {
		t.Errorf("1000 waits lie between %v and %v, want them all over a second", low, high)
	}
}

func TestRetryAfterIsHonored(t *testing.T) {
	for name, test := range map[string]struct {
		status int
		header func() string
		wait   time.Duration
	}{
		"429 in seconds": {429, func() string { return "7" }, 7 * time.Second},
		"503 in seconds": {503, func() string { return "2" }, 2 * time.Second},
		"429 by date": {
			429, func() string { return time.Now().Add(9 * time.Second).UTC().Format(http.TimeFormat) },
			9 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{steps: []http.HandlerFunc{
					func(w http.ResponseWriter, r *http.Request) {
						reply(test.status, "", "Retry-After: "+test.header())(w, r)
					},
					reply(200, codes),
				}}
				c := within(t, s)
				if _, err := c.BounceCategories(t.Context()); err != nil {
					t.Fatal(err)
				}
				if w := waits(s.at); len(w) != 1 || w[0] < test.wait || w[0] > test.wait+time.Second {
					t.Errorf("waited %v, want %v and a little", w, test.wait)
				}
			})
		})
	}
}

// A call fails at once if its deadline is before the server's Retry-After.
func TestNoWaitPastTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []http.HandlerFunc{reply(429, "", "Retry-After: 60")}}
		c := within(t, s)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Second)
		defer cancel()
		_, err := c.BounceCategories(ctx)
		e := public(t, err)
		if e.Code != upstream.Unavailable || e.RetryAfter != time.Minute || len(s.at) != 1 {
			t.Errorf("got %+v after %d tries", e, len(s.at))
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("took %v", d)
		}
		// The default deadline counts as well.
		if _, err := c.BounceCategories(t.Context()); public(t, err).RetryAfter != time.Minute ||
			time.Since(start) != 0 {
			t.Errorf("without a deadline: %v after %v", err, time.Since(start))
		}
	})
}

// movable is a context whose deadline can move.
type movable struct {
	context.Context
	deadline atomic.Int64 // Unix nanoseconds
}

func (m *movable) Deadline() (time.Time, bool) { return time.Unix(0, m.deadline.Load()), true }

// If a call's deadline moves because a more patient caller joins, the call waits for its retry.
func TestMovedDeadlineDecidesAboutRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []http.HandlerFunc{
			func(w http.ResponseWriter, r *http.Request) {
				time.Sleep(time.Second)
				reply(503, "", "Retry-After: 10")(w, r)
			},
			reply(200, codes),
		}}
		c := within(t, s)
		ctx := &movable{Context: t.Context()}
		ctx.deadline.Store(time.Now().Add(5 * time.Second).UnixNano())
		time.AfterFunc(500*time.Millisecond, func() { ctx.deadline.Store(time.Now().Add(20 * time.Second).UnixNano()) })
		if _, err := c.BounceCategories(ctx); err != nil || len(s.at) != 2 {
			t.Errorf("%v after %d tries, want 2", err, len(s.at))
		}
	})
}

func TestDeadlines(t *testing.T) {
	trickle := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for tick := time.Tick(time.Second); ; {
			w.Write([]byte(" "))
			w.(http.Flusher).Flush()
			select {
			case <-tick:
			case <-r.Context().Done():
				return
			}
		}
	}
	for name, test := range map[string]struct {
		answer  http.HandlerFunc
		patient time.Duration // the caller's deadline; 0 means none
		took    time.Duration
		tries   int
	}{
		"the caller's":                      {silent, 3 * time.Second, 3 * time.Second, 1},
		"the caller's, in a later try":      {silent, 15 * time.Second, 15 * time.Second, 2},
		"a try's, again and again":          {silent, time.Hour, 30 * time.Second, 3},
		"a try's, at one byte a second":     {trickle, time.Hour, 30 * time.Second, 3},
		"the standard one":                  {silent, 0, 25 * time.Second, 3},
		"the caller's, at a byte a second":  {trickle, 2500 * time.Millisecond, 2500 * time.Millisecond, 1},
		"a try's, of an error's slow words": {slowError, time.Hour, 30 * time.Second, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{steps: []http.HandlerFunc{test.answer}}
				var seen []Call
				c := within(t, s, func(o *Options) {
					o.Retry.Base = 1
					o.CallTimeout = 25 * time.Second
					o.Observe = func(_ context.Context, call Call) { seen = append(seen, call) }
				})
				ctx := t.Context()
				if test.patient != 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, test.patient)
					defer cancel()
				}
				start := time.Now()
				_, err := c.BounceCategories(ctx)
				took := time.Since(start)
				e := public(t, err)
				wrong := e.Code != upstream.Timeout
				if name == "a try's, of an error's slow words" {
					wrong = e.Code != upstream.Unavailable
				}
				if wrong || took.Round(time.Millisecond) != test.took {
					t.Errorf("got %v after %v, want a timeout after %v", err, took, test.took)
				}
				if early := test.patient != 0 && test.patient < test.took+1 ||
					test.patient == 0; early != errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v: is the caller's deadline: %t", err, !early)
				}
				synctest.Wait() // the call that its caller has left ends
				if len(seen) != 1 || seen[0].Code != e.Code || seen[0].Canceled || seen[0].Tries != test.tries {
					t.Errorf("observed %+v", seen)
				}
			})
		})
	}
}

func slowError(w http.ResponseWriter, r *http.Request) {
	w.WriteHeader(503)
	w.(http.Flusher).Flush()
	<-r.Context().Done()
}

func TestCancellation(t *testing.T) {
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		tries  int
	}{
		"while waiting for the answer":   {silent, 1},
		"while waiting for another try":  {reply(503, "", "Retry-After: 20"), 1},
		"while the answer trickles in":   {slowError, 1},
		"while waiting for a connection": {nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{steps: []http.HandlerFunc{test.answer}}
				var seen []Call
				c := within(t, s, func(o *Options) {
					o.Observe = func(_ context.Context, call Call) { seen = append(seen, call) }
					if test.answer == nil {
						o.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
							<-r.Context().Done()
							return nil, fmt.Errorf("dial: %w", r.Context().Err())
						})
					}
				})
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(5*time.Second, cancel)
				start := time.Now()
				_, err := c.BounceCategories(ctx)
				if !errors.Is(err, context.Canceled) || time.Since(start) != 5*time.Second {
					t.Errorf("got %v after %v", err, time.Since(start))
				}
				synctest.Wait()
				if len(seen) != 1 || seen[0].Code != "" || !seen[0].Canceled || seen[0].Tries != test.tries {
					t.Errorf("observed %+v", seen)
				}
			})
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// While everything fails, retries are a tenth of the calls on top of the reserve. The reserve refills afterwards.
func TestBudgetLimitsRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		down := true
		s := &script{steps: []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
			if down {
				reply(503, "")(w, r)
			} else {
				reply(200, codes)(w, r)
			}
		}}}
		c := within(t, s, func(o *Options) {
			o.Retry = Retry{Base: 1, Max: 1, Budget: 0.1, Reserve: 6}
			o.Breaker.Off = true
		})
		call := func(n int) (tries int) {
			s.at = nil
			for range n {
				c.BounceCategories(t.Context())
			}
			return len(s.at)
		}
		if got := call(1000); got < 1000+6+90 || got > 1000+6+100 {
			t.Errorf("an outage: %d tries of 1000 calls, want 6 and a tenth more", got)
		}
		time.Sleep(30 * time.Second)
		if got := call(2); got < 2+3 || got > 2+4 {
			t.Errorf("half a minute later: %d tries of 2 calls", got)
		}
		down = false
		if got := call(100); got != 100 {
			t.Errorf("all well: %d tries of 100 calls", got)
		}
		down = true
		if got := call(2); got != 6 {
			t.Errorf("down again: %d tries of 2 calls, want 3 each", got)
		}
	})
}
