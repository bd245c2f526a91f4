package telemetry

import (
	"context"
	"errors"
	"net/http"
	"net/http/pprof"
	"sync"
	"sync/atomic"
	"time"
)

// Ready does not mean healthy. In front of a remote API, a gateway becomes ready with the API's first answer and stays
// ready until it is stopped. If the API fails later, removing this gateway and all others before the same API
// would take cached answers and clear errors away from callers. The metrics show such failures.

// Readiness says whether to send requests to the gateway. It is not ready before [Readiness.Begin] and after
// [Readiness.Drain]. It is safe for concurrent use.
type Readiness struct {
	draining atomic.Bool

	mu      sync.Mutex
	check   Check
	every   time.Duration // minimum time between checks
	checked time.Time     // zero before the first check
	err     error
}

// Check returns the reason why requests could not be answered, or nil. The reason is shown to the prober.
type Check func(context.Context) error

// checkTimeout limits one check.
const checkTimeout = 2 * time.Second

// Begin ends the starting phase: from now on, check decides. It is called at most once per every, and its last result
// holds in between; 0 calls it each time.
func (r *Readiness) Begin(check Check, every time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.check, r.every = check, every
}

// Drain makes the gateway not ready until it ends.
func (r *Readiness) Drain() { r.draining.Store(true) }

// Err returns why the gateway is not ready, or nil. A check may take two seconds.
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

// AdminOptions say what the port serves.
type AdminOptions struct {
	Ready   *Readiness
	Metrics http.Handler
	// Pprof serves the profiles of net/http/pprof, except for the command line, which may contain keys.
	Pprof bool
}

// AdminHandler serves /healthz, /readyz and /metrics, and with [AdminOptions].Pprof also /debug/pprof/.
func AdminHandler(o AdminOptions) http.Handler {
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
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, text, status) // also for a status that is no error
}
