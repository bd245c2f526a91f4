package rest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
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

// once is a server that, as the API's documentation says, gives the result only to the first of identical concurrent
// requests.
type once struct {
	took time.Duration

	mu       sync.Mutex
	underWay map[string]bool
	calls    int
	twice    int
}

func (o *once) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.calls++
	if o.underWay[r.RequestURI] {
		o.twice++
		o.mu.Unlock()
		reply(202, "")(w, r)
		return
	}
	if o.underWay == nil {
		o.underWay = map[string]bool{}
	}
	o.underWay[r.RequestURI] = true
	o.mu.Unlock()
	select {
	case <-time.After(o.took):
	case <-r.Context().Done():
	}
	o.mu.Lock()
	delete(o.underWay, r.RequestURI)
	o.mu.Unlock()
	reply(200, `{"data":[]}`)(w, r)
}

func TestEqualCallsAreOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &once{took: time.Second}
		var sent, joined atomic.Int64
		c := within(t, s, func(o *Options) {
			o.Observe = func(_ context.Context, call Call) {
				if call.Joined {
					joined.Add(1)
				} else {
					sent.Add(1)
				}
				if call.Status != 200 || call.Tries != 1 || call.Duration < time.Second || call.Endpoint != "/bounces" || call.Code != "" {
					t.Errorf("observed %+v", call)
				}
			}
		})
		// Equal although spelled differently: the order of headers does not matter.
		a, b := upstream.Header{Name: "X-A", Value: "1"}, upstream.Header{Name: "X-B", Value: "2"}
		var wg sync.WaitGroup
		for i := range 100 {
			q := upstream.ListQuery{Window: day, XHeaders: []upstream.Header{a, b}}
			if i%2 == 1 {
				q.XHeaders = []upstream.Header{b, a}
			}
			wg.Go(func() {
				if _, err := c.Bounces(t.Context(), q); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if s.calls != 1 || sent.Load() != 1 || joined.Load() != 99 {
			t.Errorf("%d calls arrived; observed %d sent and %d joined", s.calls, sent.Load(), joined.Load())
		}
	})
}

// When the first caller leaves, the caller that joined still gets the answer. When both have left, the request ends.
func TestLeavingASharedCall(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &once{took: 8 * time.Second}
		c := within(t, s)
		ask := func(patience time.Duration) <-chan error {
			done := make(chan error, 1)
			go func() {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				_, err := c.Emails(ctx, upstream.ListQuery{Window: day})
				done <- err
			}()
			synctest.Wait()
			return done
		}
		first, second := ask(time.Second), ask(20*time.Second)
		if err := <-first; upstream.CodeOf(err) != upstream.Timeout {
			t.Errorf("the first: %v", err)
		}
		if err := <-second; err != nil {
			t.Errorf("the second: %v", err)
		}
		if s.calls != 1 {
			t.Errorf("%d calls, want 1", s.calls)
		}

		start := time.Now()
		third := ask(time.Second)
		<-third
		synctest.Wait()
		s.mu.Lock()
		defer s.mu.Unlock()
		for uri, goesOn := range s.underWay {
			if goesOn || time.Since(start) != time.Second {
				t.Errorf("%s goes on after all have left", uri)
			}
		}
	})
}

// underWay is a transport that counts requests sent while an identical one is under way.
type underWay struct {
	http.RoundTripper
	mu    sync.Mutex
	now   map[string]int
	twice int
}

func (u *underWay) add(uri string, n int) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.now[uri] += n
	if u.now[uri] > 1 {
		u.twice++
	}
}

func (u *underWay) RoundTrip(r *http.Request) (*http.Response, error) {
	uri := r.URL.String()
	u.add(uri, 1)
	res, err := u.RoundTripper.RoundTrip(r)
	if err != nil {
		time.Sleep(5 * time.Millisecond) // ending a request may take a moment
		u.add(uri, -1)
		return nil, err
	}
	res.Body = &closing{res.Body, func() { u.add(uri, -1) }}
	return res, nil
}

type closing struct {
	io.ReadCloser
	closed func()
}

func (c *closing) Close() error { c.closed(); return c.ReadCloser.Close() }

// No two identical requests are ever under way together, however callers come and go, and every caller that waits long
// enough is answered.
func TestNeverTwoIdenticalRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &once{took: 50 * time.Millisecond}
		u := &underWay{now: map[string]int{}}
		c := within(t, s, func(o *Options) { u.RoundTripper, o.Transport = o.Transport, u })
		t.Cleanup(u.RoundTripper.(interface{ CloseIdleConnections() }).CloseIdleConnections)
		var wg sync.WaitGroup
		for i := range 300 {
			wg.Go(func() {
				time.Sleep(time.Duration(i*7919%997) * time.Millisecond)
				patience := time.Duration(i*104729%61) * time.Millisecond
				if i%3 == 0 {
					patience = time.Minute
				}
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				_, err := c.Emails(ctx, upstream.ListQuery{Window: day, UserID: upstream.ID(i % 2)})
				if i%3 == 0 && err != nil {
					t.Errorf("caller %d: %v", i, err)
				}
				if err != nil && upstream.CodeOf(err) != upstream.Timeout {
					t.Errorf("caller %d: %v", i, err)
				}
			})
		}
		wg.Wait()
		if u.twice != 0 {
			t.Errorf("%d requests went out while an identical one was under way", u.twice)
		}
		if s.calls < 10 || s.calls > 100 {
			t.Errorf("%d calls of 300 callers, want them joined", s.calls)
		}
	})
}

func TestConcurrencyIsLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		c := within(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			most.Store(max(most.Load(), now.Add(1)))
			time.Sleep(time.Second)
			now.Add(-1)
			reply(200, `{"data":[]}`)(w, r)
		}), func(o *Options) { o.MaxConcurrent = 4 })

		start := time.Now()
		var wg sync.WaitGroup
		for i := range 22 {
			wg.Go(func() {
				if _, err := c.Emails(t.Context(), upstream.ListQuery{Window: day, UserID: upstream.ID(i + 1)}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		// A caller that gives up waiting takes no slot.
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := c.Emails(ctx, upstream.ListQuery{Window: day, UserID: 99}); upstream.CodeOf(err) != upstream.Timeout {
			t.Errorf("the caller that gave up: %v", err)
		}
		if d := time.Since(start); d != 100*time.Millisecond {
			t.Errorf("the caller that gave up waited %v", d)
		}
		wg.Wait()
		if most.Load() != 4 {
			t.Errorf("%d requests at once, want 4", most.Load())
		}
		if d := time.Since(start); d != 6*time.Second {
			t.Errorf("22 calls by fours took %v, want 6s", d)
		}
	})
}

// A call that waits for its next try holds no slot.
func TestWaitingHoldsNoSlot(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &script{steps: []http.HandlerFunc{reply(503, "", "Retry-After: 5"), reply(200, codes)}}
		c := within(t, s, func(o *Options) { o.MaxConcurrent = 1 })
		done := make(chan error, 1)
		go func() {
			_, err := c.BounceCategories(t.Context())
			done <- err
		}()
		synctest.Wait()
		start := time.Now()
		if _, err := c.BlockedReasons(t.Context()); err != nil || time.Since(start) != 0 {
			t.Errorf("the other call: %v after %v", err, time.Since(start))
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// The log line of a call contains neither address nor key.
func TestEachCallLogsOneDebugLine(t *testing.T) {
	var log bytes.Buffer
	c := over(t, reply(200, `{"data":[]}`), func(o *Options) {
		o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	_, err := c.Bounces(t.Context(), upstream.ListQuery{
		Window: day, UserID: 21, Sender: "a@example.com", Local: "b", Recipient: "b@example.com", Domain: "example.com",
		XHeaders: []upstream.Header{{Name: "X-Customer", Value: "c@example.com"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	line := log.String()
	if strings.Count(line, "\n") != 1 {
		t.Errorf("%d lines, want 1:\n%s", strings.Count(line, "\n"), line)
	}
	for _, want := range []string{
		"level=DEBUG", `msg="upstream call"`, "endpoint=/bounces", "user_id=21&sender=…&domain=example.com&local=…&recipient=…&X-Customer=…",
		"status=200", "tries=1", "joined=false", "rows=0", "bytes=11", "duration_ms=",
	} {
		if !strings.Contains(line, want) {
			t.Errorf("the log lacks %s:\n%s", want, line)
		}
	}
	for _, secret := range append(secrets(t, c), "%40", "@") {
		if strings.Contains(line, secret) {
			t.Errorf("the log has %q in it:\n%s", secret, line)
		}
	}
	// A call logged by an observer shows no addresses either.
	log.Reset()
	slog.New(slog.NewTextHandler(&log, nil)).Info("seen", "call", Call{Query: "recipient=b%40example.com"})
	if strings.Contains(log.String(), "example") {
		t.Errorf("a logged call has the address in it:\n%s", log.String())
	}
}

type operation struct{}

// The observer's context has the values of the caller, both for the call that was sent and for those that joined.
func TestObserverGetsCallersValues(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := map[string]bool{}
		var mu sync.Mutex
		c := within(t, &once{took: time.Second}, func(o *Options) {
			o.Observe = func(ctx context.Context, call Call) {
				mu.Lock()
				defer mu.Unlock()
				seen[fmt.Sprint(ctx.Value(operation{}), " joined:", call.Joined)] = true
			}
		})
		var wg sync.WaitGroup
		for _, name := range []string{"first", "second"} {
			wg.Go(func() {
				c.Emails(context.WithValue(t.Context(), operation{}, name), upstream.ListQuery{Window: day})
			})
			synctest.Wait()
		}
		wg.Wait()
		if len(seen) != 2 || !seen["first joined:false"] || !seen["second joined:true"] {
			t.Errorf("observed %v", seen)
		}
	})
}

// A panicking transport fails only the call it panicked in.
func TestTransportPanicIsInternalError(t *testing.T) {
	var seen []Call
	c := client(t, "http://api.example.com", func(o *Options) {
		o.Transport = roundTrip(func(*http.Request) (*http.Response, error) { panic("kaboom") })
		o.Observe = func(_ context.Context, call Call) { seen = append(seen, call) }
		o.MaxConcurrent = 1
	})
	for range 2 { // the first call has returned its slot
		_, err := c.BlockedReasons(t.Context())
		var e *upstream.Error
		if upstream.CodeOf(err) != upstream.Internal || errors.As(err, &e) {
			t.Errorf("got %v", err)
		}
	}
	if len(seen) != 2 || seen[0].Code != upstream.Internal {
		t.Errorf("observed %+v", seen)
	}
}
