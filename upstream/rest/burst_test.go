package rest

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/upstream"
)

// firsts answers the first requests for each URL differently from later ones.
type firsts struct {
	first http.HandlerFunc
	many  int

	mu   sync.Mutex
	seen map[string]int
}

func (f *firsts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	if f.seen == nil {
		f.seen = map[string]int{}
	}
	f.seen[r.RequestURI]++
	first := f.seen[r.RequestURI] <= f.many
	f.mu.Unlock()
	if first {
		f.first(w, r)
		return
	}
	reply(200, `[]`)(w, r)
}

// burst makes size different calls concurrently and returns how many fail.
func burst(t *testing.T, c *Client, from, size int) (failed int) {
	t.Helper()
	errs := make(chan error, size)
	for i := range size {
		go func() { errs <- emails(t.Context(), c, from+i) }()
	}
	for range size {
		if err := <-errs; err != nil {
			failed++
			if failed == 1 {
				t.Log(err)
			}
		}
	}
	return failed
}

// A 202 means that an identical request is being answered. All calls succeed in the end, however many get a 202 and
// however often, and neither the breaker nor the limit reacts.
func TestCallsAnswered202SucceedInTheEnd(t *testing.T) {
	for name, times := range map[string]int{"once": 1, "five times": 5} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := within(t, &firsts{first: reply(202, ""), many: times}, func(o *Options) { o.Retry.Reserve = 1 })
				if failed := burst(t, c, 0, 100); failed > 0 {
					t.Errorf("%d of 100 calls fail", failed)
				}
				if l := c.Load(); l.Limit != 16 || l.Opened != 0 || !c.budget.spend() {
					t.Errorf("then the client holds back: %+v", l)
				}
			})
		})
	}
}

// A 202 does not count as one of the three tries.
func TestA202IsNotCountedAsTry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy, down := reply(202, ""), reply(503, "")
		s := &script{steps: []http.HandlerFunc{busy, down, busy, busy, down, busy, busy, busy, reply(200, codes)}}
		c := within(t, s)
		if _, err := c.BounceCategories(t.Context()); err != nil || len(s.at) != 9 {
			t.Errorf("%v after %d requests", err, len(s.at))
		}
	})
}

// A call that waits after a 202 holds no slot, so others proceed.
func TestA202HoldsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := within(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == upstream.BounceCategoriesPath {
				reply(202, "", "Retry-After: 10")(w, r)
				return
			}
			reply(200, codes)(w, r)
		}), func(o *Options) { o.MaxConcurrent = 1 })
		go c.BounceCategories(t.Context())
		synctest.Wait()
		start := time.Now()
		if _, err := c.BlockedReasons(t.Context()); err != nil || time.Since(start) != 0 {
			t.Errorf("another call: %v after %v", err, time.Since(start))
		}
		if l := c.Load(); l.UnderWay != 0 {
			t.Errorf("%+v", l)
		}
	})
}

// A call that is always answered 202 is retried until its deadline. Its error then says why.
func TestA202UntilTheDeadline(t *testing.T) {
	for name, test := range map[string]struct{ takes, deadline time.Duration }{
		"a server that answers at once": {0, 30 * time.Second},
		"a slow server":                 {2 * time.Second, 30 * time.Second},
		"a caller with one second":      {0, time.Second},
		"a caller with ten minutes":     {0, 10 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &script{steps: []http.HandlerFunc{func(w http.ResponseWriter, r *http.Request) {
					time.Sleep(test.takes)
					reply(202, "")(w, r)
				}}}
				c := within(t, s)
				ctx, cancel := context.WithTimeout(t.Context(), test.deadline)
				defer cancel()
				start := time.Now()
				_, err := c.BounceCategories(ctx)
				if e := public(t, err); e.Code != upstream.Unavailable || e.Status != 202 {
					t.Errorf("the error is %+v", e)
				}
				early := test.deadline - time.Since(start)
				if early < 0 || early > 100*time.Millisecond+2*test.takes {
					t.Errorf("gave up %v before the deadline", early)
				}
				if n := len(s.at); test.takes == 0 && n < 4 || n > 10+int(test.deadline/time.Second) {
					t.Errorf("%d requests", n)
				}
			})
		})
	}
}

// After a quiet minute 100 calls side by side survive one passing fault each, and calls
// that come one after the other do at 1.8 a second, as docs/operating.md says.
func TestEveryCallSurvivesAPassingFault(t *testing.T) {
	t.Parallel()
	once := map[string]http.HandlerFunc{
		"503": reply(503, ""),
		"503 after a while": func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(300 * time.Millisecond)
			reply(503, "")(w, r)
		},
		"429 with Retry-After": reply(429, "", "Retry-After: 1"),
		"a broken connection":  reset(""),
		"an answer broken off": reset("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"),
		"503 with Retry-After": reply(503, "", "Retry-After: 3"),
		"503 from a slow proxy": func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			reply(503, "")(w, r)
		},
	}
	for name, first := range once {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := within(t, &firsts{first: first, many: 1})
				size := 100
				if name == "503 from a slow proxy" {
					size = 20
				}
				for i := range 5 {
					if failed := burst(t, c, 1000*i, size); failed > 0 {
						t.Errorf("%d of %d calls side by side fail", failed, size)
					}
					time.Sleep(time.Minute)
				}
			})
		})
	}
	t.Run("at a rate", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			c := within(t, &firsts{first: reply(503, ""), many: 1})
			atRate := func(from int, rate float64, d time.Duration) (failed int) {
				size := int(rate * d.Seconds())
				errs := make(chan error, size)
				for i := range size {
					go func() { errs <- emails(t.Context(), c, from+i) }()
					time.Sleep(time.Duration(float64(time.Second) / rate))
				}
				for range size {
					if <-errs != nil {
						failed++
					}
				}
				return failed
			}
			if failed := atRate(0, 1.8, time.Hour); failed > 0 {
				t.Errorf("at 1.8 calls a second %d fail in an hour", failed)
			}
			if failed := atRate(100_000, 4, 10*time.Minute); failed == 0 {
				t.Error("at 4 calls a second none fails: docs/operating.md says too little")
			}
		})
	})
}
