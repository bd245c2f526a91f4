package rest

import (
	"bytes"
	"context"
	"errors"
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
				if _, err := c.Emails(t.Context(),
					upstream.ListQuery{Window: day, UserID: upstream.ID(i + 1)}); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		// A caller that gives up waiting takes no slot.
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		if _, err := c.Emails(ctx, upstream.ListQuery{Window: day, UserID: 99}); upstream.CodeOf(
			err) != upstream.Timeout {
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
		XHeaders: upstream.HeaderFilters{{Name: "X-Customer", Value: "c@example.com"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	line := log.String()
	if strings.Count(line, "\n") != 1 {
		t.Errorf("%d lines, want 1:\n%s", strings.Count(line, "\n"), line)
	}
	for _, want := range []string{
		"level=DEBUG", `msg="upstream call"`, "endpoint=/bounces",
		"user_id=21&sender=…&domain=example.com&local=…&recipient=…&X-Customer=…",
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
	q := upstream.ListQuery{Recipient: "b@example.com", Domain: "b@example.com"}.Question(upstream.Bounces)
	slog.New(slog.NewTextHandler(&log, nil)).Info("seen", "call", Call{Question: &q})
	if strings.Contains(log.String(), "example") {
		t.Errorf("a logged call has the address in it:\n%s", log.String())
	}
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
