package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/upstream"
)

// switched is a server whose answer can be changed. It counts its calls.
type switched struct {
	answer atomic.Pointer[http.HandlerFunc]
	calls  atomic.Int64
}

func (s *switched) to(h http.HandlerFunc) { s.answer.Store(&h) }

func (s *switched) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.calls.Add(1)
	(*s.answer.Load())(w, r)
}

func once3(o *Options) { o.Retry.Tries = 1; o.Breaker = Breaker{Failures: 3, OpenFor: 5 * time.Second} }

func TestBreakerOpensProbesAndCloses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &switched{}
		var log bytes.Buffer
		c := within(t, s, once3, func(o *Options) { o.Logger = slog.New(slog.NewTextHandler(&log, nil)) })
		ask := func() *upstream.Error {
			t.Helper()
			_, err := c.BounceCategories(t.Context())
			if err == nil {
				return &upstream.Error{}
			}
			return public(t, err)
		}
		is := func(state string, calls int64) {
			t.Helper()
			if l := c.Load(); l.Breaker != state || s.calls.Load() != calls {
				t.Errorf("the breaker is %s after %d calls, want %s after %d", l.Breaker, s.calls.Load(), state, calls)
			}
		}

		s.to(reply(200, codes))
		for range 3 {
			ask()
		}
		is("closed", 3)
		s.to(reply(503, ""))
		ask()
		ask()
		is("closed", 5) // two failures of five are too few
		ask()
		is("open", 6)

		time.Sleep(2 * time.Second)
		if e := ask(); e.Code != upstream.Unavailable || e.RetryAfter != 3*time.Second || e.Status != 0 ||
			!strings.Contains(e.Message, "no calls are sent") {
			t.Errorf("open: %+v", e)
		}
		is("open", 6)

		// The probe fails.
		time.Sleep(3*time.Second + time.Millisecond)
		is("half-open", 6)
		if e := ask(); e.Status != 503 || e.RetryAfter != 5*time.Second {
			t.Errorf("the probe: %+v", e)
		}
		is("open", 7)
		if e := ask(); e.RetryAfter != 5*time.Second {
			t.Errorf("open anew: %+v", e)
		}

		// One of many calls is the probe, and succeeds.
		time.Sleep(5*time.Second + time.Millisecond)
		s.to(func(w http.ResponseWriter, r *http.Request) {
			time.Sleep(time.Second)
			reply(200, codes)(w, r)
		})
		var probed, refused atomic.Int64
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				start := time.Now()
				_, err := c.Emails(t.Context(), upstream.ListQuery{Window: day, Offset: i})
				if upstream.CodeOf(err) == upstream.InvalidResponse { // codes are no emails
					probed.Add(1)
				} else if e := public(t, err); e.Code == upstream.Unavailable && e.RetryAfter == time.Second &&
					time.Since(start) == 0 {
					refused.Add(1)
				}
			})
		}
		wg.Wait()
		if probed.Load() != 1 || refused.Load() != 9 {
			t.Errorf("half-open: %d probes, %d refused at once", probed.Load(), refused.Load())
		}
		is("closed", 8)
		ask()
		is("closed", 9)
		if l := c.Load(); l.Opened != 2 || l.UnderWay != 0 || l.Waiting != 0 {
			t.Errorf("in the end: %+v", l)
		}
		if n := strings.Count(log.String(), "level=WARN"); n != 2 || strings.Count(log.String(), "\n") != 5 {
			t.Errorf("the log:\n%s", log.String())
		}
	})
}

// A run of identical outcomes opens the breaker only if they are failures.
func TestOnlyFailuresOpenBreaker(t *testing.T) {
	bounce := `{"data":[{"user_id":22,"sender_id":17,"email_id":"a","bounce_time":1479772800}]}`
	refuse := func(*http.Request) (*http.Response, error) { return nil, errors.New("connect: connection refused") }
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		change func(*Options)
		give   time.Duration // the caller's deadline; 0 is the default
		cancel bool          // the caller cancels instead
		opens  bool
	}{
		"200":                   {answer: reply(200, `{"data":[]}`)},
		"404":                   {answer: reply(404, "")},
		"451":                   {answer: reply(451, "")},
		"452":                   {answer: reply(452, "")},
		"418":                   {answer: reply(418, "")},
		"a row of another user": {answer: reply(200, bounce)},
		"JSON broken off":       {answer: reply(200, `{"data":[{`)},
		"too large": {
			answer: reply(200, strings.Repeat(" ", 99)), change: func(o *Options) { o.MaxBodyBytes = 98 },
		},
		"202 before an answer": {answer: alternate(reply(202, ""), reply(404, ""))},
		"always 202":           {answer: reply(202, ""), change: func(o *Options) { o.CallTimeout = time.Second }},
		"503 before an answer": {
			answer: alternate(reply(503, ""), reply(404, "")),
			change: func(o *Options) { o.Retry = Retry{Tries: 2, Base: 1} },
		},
		"a third that fails": {
			answer: alternate(reply(200, `{"data":[]}`), reply(503, ""), reply(200, `{"data":[]}`)),
		},
		"cancelled callers": {answer: silent, give: 9 * time.Second, cancel: true},
		"impatient callers": {answer: silent, give: 4 * time.Second},
		"few within the window": {
			answer: reply(503, ""), change: func(o *Options) { o.Breaker.Window = 300 * time.Millisecond },
		},
		"switched off": {answer: reply(503, ""), change: func(o *Options) { o.Breaker.Off = true }},
		"a transport that panics": {change: func(o *Options) {
			o.Transport = roundTrip(func(*http.Request) (*http.Response, error) { panic("kaboom") })
		}},
		"408":                    {answer: reply(408, ""), opens: true},
		"429":                    {answer: reply(429, ""), opens: true},
		"500":                    {answer: reply(500, ""), opens: true},
		"502":                    {answer: reply(502, ""), opens: true},
		"503":                    {answer: reply(503, ""), opens: true},
		"504":                    {answer: reply(504, ""), opens: true},
		"a redirect":             {answer: reply(302, "", "Location: /"), opens: true},
		"HTML":                   {answer: reply(200, "<html>", "Content-Type: text/html"), opens: true},
		"an empty body":          {answer: reply(200, ""), opens: true},
		"a body that breaks off": {answer: reset("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), opens: true},
		"no connection":          {change: func(o *Options) { o.Transport = roundTrip(refuse) }, opens: true},
		"silence":                {answer: silent, opens: true},
		"silence before an answer": {
			answer: alternate(silent, reply(404, "")), change: func(o *Options) { o.Retry.Tries = 2 }, opens: true,
		},
		"callers that waited long": {answer: silent, give: 6 * time.Second, opens: true},
		"half that fail":           {answer: alternate(reply(503, ""), reply(200, `{"data":[]}`)), opens: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := test.answer
				c := within(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h(w, r) }), once3,
					func(o *Options) {
						if test.change != nil {
							test.change(o)
						}
					})
				for range 20 {
					ctx, cancel := context.WithCancel(t.Context())
					switch {
					case test.cancel:
						time.AfterFunc(test.give, cancel)
					case test.give != 0:
						ctx, cancel = context.WithTimeout(t.Context(), test.give)
					}
					c.Bounces(ctx, upstream.ListQuery{Window: day, UserID: 21})
					cancel()
					synctest.Wait()
					if c.Load().Breaker != "closed" {
						break
					}
					time.Sleep(200 * time.Millisecond)
				}
				if opened := c.Load().Opened; opened > 0 != test.opens {
					t.Errorf("it opened %d times", opened)
				}
			})
		})
	}
}

// After it has opened, a 202 closes the breaker, and so does a minute without calls: many concurrent calls then survive
// one failure each.
func TestBreakerClosesAgain(t *testing.T) {
	for name, test := range map[string]struct {
		idle  time.Duration
		first http.HandlerFunc
		fails int // of 20 calls at once
	}{
		"after an idle minute":         {time.Minute, reply(503, ""), 0},
		"by a 202":                     {10 * time.Second, reply(202, ""), 19}, // the others find the probe under way
		"not by another failure, soon": {10 * time.Second, reply(503, ""), 20},
		"by an answer":                 {10 * time.Second, reply(200, "[]"), 19},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &switched{}
				s.to(reply(503, ""))
				c := within(t, s)
				burst(t, c, 0, 100)
				if c.Load().Breaker != "open" {
					t.Fatal("the outage did not open the breaker")
				}
				time.Sleep(test.idle)
				s.to((&firsts{first: func(w http.ResponseWriter, r *http.Request) {
					time.Sleep(time.Millisecond)
					test.first(w, r)
				}, many: 1}).ServeHTTP)
				if failed := burst(t, c, 1000, 20); failed != test.fails {
					t.Errorf("%d of 20 calls fail, want %d", failed, test.fails)
				}
				if state := c.Load().Breaker; (state == "open") != (test.fails == 20) {
					t.Errorf("then it is %s", state)
				}
			})
		})
	}
}

// alternate cycles through the given handlers.
func alternate(steps ...http.HandlerFunc) http.HandlerFunc {
	var n atomic.Int64
	return func(w http.ResponseWriter, r *http.Request) { steps[int(n.Add(1)-1)%len(steps)](w, r) }
}

// A call whose failure opens the breaker is not retried; its RetryAfter says when the breaker closes.
func TestOpenBreakerStopsRetries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []http.HandlerFunc{silent}}
		c := within(t, s, func(o *Options) {
			o.Retry.Tries = 9
			o.Breaker = Breaker{Failures: 2, OpenFor: time.Minute}
		})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_, err := c.BounceCategories(ctx)
		if e := public(t, err); len(s.calls()) != 2 || e.Code != upstream.Timeout || e.RetryAfter != time.Minute {
			t.Errorf("%d tries, %+v", len(s.calls()), e)
		}
	})
}

// A call that finds the breaker open before a retry keeps its own error.
func TestBreakerOpeningBetweenTriesKeepsTheError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := within(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasSuffix(r.URL.Path, "/categories") {
				reply(429, "", "Retry-After: 3")(w, r)
			} else {
				reply(500, "")(w, r)
			}
		}), func(o *Options) { o.Breaker = Breaker{Failures: 1, OpenFor: time.Minute} })
		done := make(chan error, 1)
		go func() {
			_, err := c.BounceCategories(t.Context())
			done <- err
		}()
		synctest.Wait()
		time.Sleep(time.Second)
		c.BlockedReasons(t.Context())
		if e := public(t, <-done); e.Status != 429 || e.RetryAfter < 57*time.Second || e.RetryAfter > 58*time.Second {
			t.Errorf("got %+v", e)
		}
	})
}

// When the breaker opens, waiting calls fail at once, even if no slot becomes free.
func TestOpeningBreakerFailsWaitingCalls(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		c := within(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if n.Add(1) < 8 {
				silent(w, r)
				return
			}
			time.Sleep(time.Second)
			reply(503, "")(w, r)
		}), func(o *Options) { o.MaxConcurrent, o.Retry.Tries, o.Breaker = 8, 1, Breaker{Failures: 1} })
		start := time.Now()
		took := map[time.Duration]int{}
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				err := emails(t.Context(), c, i)
				mu.Lock()
				defer mu.Unlock()
				took[time.Since(start)]++
				if e := public(t, err); e.Code == upstream.Unavailable && e.Status == 0 &&
					e.RetryAfter != 5*time.Second {
					t.Errorf("call %d: %+v", i, e)
				}
			})
		}
		wg.Wait()
		if n.Load() != 8 || took[time.Second] != 43 || took[10*time.Second] != 7 {
			t.Errorf("%d were sent; calls took %v", n.Load(), took)
		}
	})
}

func ExampleClient_Load() {
	c, _ := New(Options{BaseURL: "https://api.example.com"})
	fmt.Printf("%+v\n", c.Load())
	// Output: {UnderWay:0 Limit:16 Waiting:0 Refused:0 Breaker:closed Opened:0}
}
