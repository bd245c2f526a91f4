// Package admin serves the people and programs that run the gateway: whether it lives,
// whether it is to be sent requests, its metrics, and profiles.
//
// Ready is not well. A gateway is ready once it has seen that it can answer, and until
// it is told to stop: that its upstream fails later is no reason to take it, and with it
// all others before the same upstream, away from callers, who would lose the answers
// that are still in memory and the errors that say whose fault it is. The metrics tell
// of that.
//
// Start reading at [Readiness] and [Handler].
package admin

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/pprof"
	"sync"
	"sync/atomic"
	"time"
)

// Readiness is whether the gateway is to be sent requests. It is not until [Readiness.Begin]
// has been called, and after [Readiness.Drain]. It is safe for concurrent use.
type Readiness struct {
	draining atomic.Bool

	mu      sync.Mutex
	check   Check
	every   time.Duration // at most
	checked time.Time     // zero: never
	err     error
}

// Check says why requests could not be answered. What it says is shown.
type Check func(context.Context) error

// checkTimeout is for one check.
const checkTimeout = 2 * time.Second

// Begin ends the start: from now on the check decides. It is asked at most every so often,
// and its last answer holds meanwhile; 0 asks it each time.
func (r *Readiness) Begin(check Check, every time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.check, r.every = check, every
}

// Drain takes readiness away for good.
func (r *Readiness) Drain() { r.draining.Store(true) }

// Err says why the gateway is not ready. It gives the check two seconds.
func (r *Readiness) Err(ctx context.Context) error {
	if r.draining.Load() {
		return errors.New("stopping: finishing the requests under way")
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.check == nil:
		return errors.New("starting")
	case r.checked.IsZero(), time.Since(r.checked) >= r.every:
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTimeout)
		defer cancel()
		r.err = r.check(ctx)
		r.checked = time.Now()
	}
	return r.err
}

// Options say what the port serves.
type Options struct {
	Ready   *Readiness
	Metrics http.Handler
	// Pprof serves the profiles of net/http/pprof, but the command line, which may hold
	// keys.
	Pprof bool
}

// Handler serves /healthz, /readyz and /metrics, and /debug/pprof/ if it is wanted.
func Handler(o Options) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := o.Ready.Err(r.Context()); err != nil {
			say(w, http.StatusServiceUnavailable, "not ready: "+err.Error())
			return
		}
		say(w, http.StatusOK, "ready")
	})
	mux.Handle("GET /metrics", o.Metrics)
	if o.Pprof {
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/cmdline", http.NotFound)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return mux
}

func say(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	fmt.Fprintln(w, text)
}
