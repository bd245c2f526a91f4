package fault

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Fault is one way in which a server can fail.
type Fault struct {
	// Name describes the fault, such as "503 for ever". It is unique.
	Name string

	// Wrap returns a handler that is like next but has the fault. A fault that happens
	// once happens once for each path and query.
	Wrap func(next http.Handler) http.Handler

	// Passes means that the fault is temporary or can be worked around: callers that
	// retry and drop what they did not request get the correct answer.
	Passes bool

	// Lies means that the answer is wrong but looks right, so that callers cannot notice.
	// Tests that compare answers with correct ones must skip such faults.
	Lies bool

	refuses bool // Server closes its listener
}

// Secret is contained in every text that faults invent and callers must not see.
const Secret = "s3cret-of-the-upstream"

// All lists all faults, including one of a wrong type for each of [Fields].
var All = slices.Concat(connectionFaults, statusFaults, timeFaults, bodyFaults, rowFaults, typeFaults())

// Named returns the fault with that name.
func Named(name string) (Fault, bool) {
	i := slices.IndexFunc(All, func(f Fault) bool { return f.Name == name })
	if i < 0 {
		return Fault{}, false
	}
	return All[i], true
}

// Random returns a handler that is like next but injects one of the faults into a share
// of the requests, from 0 for none to 1 for all. Equal seeds give the same faults in the
// same order. If injected is not nil, it is called before each.
func Random(next http.Handler, seed uint64, share float64, faults []Fault,
	injected func(*http.Request, Fault),
) http.Handler {
	wrapped := make([]http.Handler, len(faults))
	for i, f := range faults {
		wrapped[i] = f.Wrap(next)
	}
	var mu sync.Mutex
	random := rand.New(rand.NewPCG(seed, 0))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		hit, i := random.Float64() < share, random.IntN(max(1, len(faults)))
		mu.Unlock()
		if !hit || len(faults) == 0 {
			next.ServeHTTP(w, r)
			return
		}
		if injected != nil {
			injected(r, faults[i])
		}
		wrapped[i].ServeHTTP(w, r)
	})
}

// always answers every request with f.
func always(f http.HandlerFunc) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler { return f }
}

// once answers the first request for each path and query with f.
func once(f http.HandlerFunc) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		var seen sync.Map
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if _, again := seen.LoadOrStore(r.URL.RequestURI(), true); again {
				next.ServeHTTP(w, r)
				return
			}
			f(w, r)
		})
	}
}

// wait waits for d. It returns false if the caller leaves first.
func wait(r *http.Request, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-r.Context().Done():
		return false
	}
}
