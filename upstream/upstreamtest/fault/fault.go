package fault

import (
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"
)

// Fault is one way to go wrong.
type Fault struct {
	// Name says what happens, such as "503 for ever".
	Name string

	// Wrap makes a handler that goes wrong of one that does not. A fault that goes
	// away does so for each path and query by itself.
	Wrap func(next http.Handler) http.Handler

	// Passes says that the fault goes away, or can be worked around: a caller who
	// tries again, and drops what it did not ask for, has the true answer.
	Passes bool

	// Lies says that the answer is wrong and looks right, so that no caller can tell.
	// Leave such faults out where answers are compared with true ones.
	Lies bool

	refuses bool // there is no server: see Server.Inject
}

// Secret is part of everything that faults make up and no caller may see.
const Secret = "s3cret-of-the-upstream"

// All are all faults, each with a name of its own. Those of a wrong type are one a
// field of [Fields].
var All = slices.Concat(connectionFaults, statusFaults, timeFaults, bodyFaults, rowFaults, typeFaults())

// Named gives the fault of that name.
func Named(name string) (Fault, bool) {
	i := slices.IndexFunc(All, func(f Fault) bool { return f.Name == name })
	if i < 0 {
		return Fault{}, false
	}
	return All[i], true
}

// Random is next, with one of the faults in a share of the requests, from 0 for
// none to 1 for all. Equal seeds draw the same faults in the same order. injected,
// if not nil, is told of each.
func Random(next http.Handler, seed uint64, share float64, faults []Fault, injected func(*http.Request, Fault)) http.Handler {
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

// always answers every request in one way.
func always(f http.HandlerFunc) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler { return f }
}

// once answers the first request of each path and query in one way.
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

// wait waits, or is false if the caller has left before.
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
