package resolvers_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"deliverygraph/graph/generated"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/rest"
	"deliverygraph/upstream/upstreamtest/fault"
)

// The environment variables of a long chaos run: its duration, such as 10m, and the seed of its operations and
// faults.
const chaosTime, chaosSeed = "DELIVERYGRAPH_TEST_CHAOS", "DELIVERYGRAPH_TEST_CHAOS_SEED"

// chaos returns the minimum number of operations of the chaos test, its duration and its seed. Without a
// duration, the run is short and always the same; with one, each run has another seed.
func chaos(t *testing.T) (operations int, d time.Duration, seed uint64) {
	operations, seed = 60, 1
	if text := os.Getenv(chaosTime); text != "" {
		var err error
		if d, err = time.ParseDuration(text); err != nil {
			t.Fatalf("%s must be a time such as 10m: %v", chaosTime, err)
		}
		operations, seed = 0, rand.Uint64()
	}
	if text := os.Getenv(chaosSeed); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("%s must be a seed as the test prints it: %v", chaosSeed, err)
		}
	}
	return operations, d, seed
}

// A remote fails in every way at random. The gateway answers as over a working remote, or an error names the
// path of what is missing. No goroutines, connections or significant amounts of memory are left behind.
func TestChaosNeverGivesWrongAnswers(t *testing.T) {
	// Not parallel: the goroutines of other tests would look like leaks.
	before := goleak.IgnoreCurrent()
	heap := heapInUse()
	operations, lasting, seed := chaos(t)
	t.Cleanup(func() {
		if t.Failed() {
			again := ""
			if lasting > 0 {
				again = fmt.Sprintf("%s=%s ", chaosTime, lasting)
			}
			t.Logf("to repeat: %s%s=%d go test ./resolvers -run %s$ -timeout 0", again, chaosSeed, seed, t.Name())
		}
	})
	t.Logf("seed %d", seed)
	t.Run("operations", func(t *testing.T) { // its cleanup must run before the checks below
		for name, kept := range map[string]*cached.Options{
			"without a cache": nil,
			"with a cache": {
				Bytes: 1 << 20, Settle: time.Hour, Fresh: 5 * time.Second, Catalogue: time.Hour,
				MaxStale: 10 * time.Minute,
			},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				testChaos(t, kept, operations/2, lasting, seed)
			})
		}
	})
	http.DefaultClient.CloseIdleConnections()
	goleak.VerifyNone(t, before)
	if now := heapInUse(); now > heap+32<<20 {
		t.Errorf("the heap has grown from %d to %d MB", heap>>20, now>>20)
	}
}

func heapInUse() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}

func testChaos(t *testing.T, kept *cached.Options, operations int, lasting time.Duration, seed uint64) {
	calm := newGateway(t, rowsOfDay(700))
	random := rand.New(rand.NewPCG(seed, 1))
	faults := detectable()
	var mu sync.Mutex
	injected, met := 0, []string{} // in total, and in this operation
	remote := fault.NewServer(fault.Random(embedded.New(calm.store, embedded.Options{}), seed, 0.2, faults,
		func(r *http.Request, f fault.Fault) {
			mu.Lock()
			defer mu.Unlock()
			injected++
			met = append(met, r.URL.RequestURI()+": "+f.Name)
		}))
	t.Cleanup(remote.Close)
	client, err := rest.New(rest.Options{
		BaseURL: remote.URL, Observe: operation.Call, MaxBodyBytes: 4 << 20,
		Timeout: 200 * time.Millisecond, CallTimeout: 400 * time.Millisecond, // for faults that stay silent
		Retry: rest.Retry{Tries: 2, Base: time.Millisecond, Max: time.Millisecond},
		// An open breaker answers nothing, so there would be little to compare.
		Breaker: rest.Breaker{Off: true},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	storm := &gateway{t: t, store: calm.store}
	if kept == nil {
		kept = &cached.Options{} // keeps nothing
	}
	kept.Now = storm.now
	api, err := cached.New(upstream.Around(client, operation.Budget), *kept)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(api.Close)
	storm.serve(api)

	schema := generated.NewExecutableSchema(resolvers.Schema()).Schema()
	callers := []auth.Users{auth.Everyone(), auth.Only(21), auth.Only(20, 22)}
	var c comparison
	begun := time.Now()
	n := 0
	for ; n < operations || time.Since(begun) < lasting; n++ {
		query := randomOperation{
			schema: schema, random: random, fragments: map[string]string{}, connections: 20, nesting: 2,
		}.write()
		who := callers[random.IntN(len(callers))]
		variables := map[string]any{"yes": true, "no": false}
		mu.Lock()
		met = nil
		mu.Unlock()
		want, got := calm.askAs(who, query, variables), storm.askAs(who, query, variables)
		if len(want.Errors) > 0 {
			continue // the operation exceeds a limit even without faults
		}
		c.missing = map[string]bool{}
		for _, e := range got.Errors {
			c.missing[pathPrefix(e.Path)] = true
			if text := fmt.Sprint(e); strings.Contains(text, fault.Secret) || strings.Contains(text, "127.0.0.1") {
				t.Fatalf("operation %d: %s\nan error reveals internals: %s", n, query, text)
			}
		}
		if problem := c.compare(nil, want.Data, got.Data); problem != "" {
			mu.Lock()
			defer mu.Unlock()
			t.Fatalf("operation %d: %s\n%s\nfaults: %s\nerrors: %v", n, query, problem, strings.Join(met, "\n"),
				got.Errors)
		}
		storm.later.Add(random.Int64N(4)) // answers become stale
		calm.later.Store(storm.later.Load())
	}
	t.Logf("%d operations, %d faults: %d values are right, %d missing", n, injected, c.right, c.nulls)
	if injected < 20 || c.right < 1000 || c.nulls < 10 {
		t.Error("too few faults or values for a meaningful test")
	}
}

// detectable returns the faults that cannot turn into a wrong answer.
func detectable() []fault.Fault {
	var all []fault.Fault
	for _, f := range fault.All {
		switch f.Name {
		case "unsorted rows": // shown in the remote's order
			continue
		case "rows of another user":
			f = where(f, "user_id")
		case "rows of another sender":
			f = where(f, "sender_id")
		}
		if !f.Lies {
			all = append(all, f)
		}
	}
	return all
}

// where limits a fault to requests with a parameter. In other requests it would be undetectable.
func where(f fault.Fault, parameter string) fault.Fault {
	wrap := f.Wrap
	f.Wrap = func(next http.Handler) http.Handler {
		wrapped := wrap(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Query().Has(parameter) {
				wrapped.ServeHTTP(w, r)
			} else {
				next.ServeHTTP(w, r)
			}
		})
	}
	return f
}

// comparison compares answers with correct ones.
type comparison struct {
	missing      map[string]bool // paths of errors
	right, nulls int
}

// compare returns a difference between two values at a path that no error explains, or "".
func (c *comparison) compare(at []any, want, got any) string {
	where := pathPrefix(at)
	switch w := want.(type) {
	case map[string]any:
		if g, ok := got.(map[string]any); ok && len(g) == len(w) {
			for k := range w {
				v, there := g[k]
				if !there {
					return fmt.Sprintf("%v has no %s", at, k)
				}
				if problem := c.compare(append(at[:len(at):len(at)], k), w[k], v); problem != "" {
					return problem
				}
			}
			return ""
		}
	case []any:
		if g, ok := got.([]any); ok && len(g) == len(w) {
			for i := range w {
				if problem := c.compare(append(at[:len(at):len(at)], fmt.Sprint(i)), w[i], g[i]); problem != "" {
					return problem
				}
			}
			return ""
		}
	default:
		if want == got {
			c.right++
			return ""
		}
		if g, ok := got.(bool); ok && g && c.missing[where] { // hasNextPage or hasPreviousPage, as the schema describes
			c.nulls++
			return ""
		}
		// If a remote returns rows from outside the window, paging works differently, and so cursors differ.
		if name, _ := at[len(at)-1].(string); got != nil && strings.Contains(strings.ToLower(name), "cursor") {
			return ""
		}
	}
	if got == nil && c.explained(where) {
		c.nulls++
		return ""
	}
	return fmt.Sprintf("at %v: got %v, want %v", at, got, want)
}

// pathPrefix formats a path so that the path of a parent is a prefix.
func pathPrefix(elements []any) string {
	var b strings.Builder
	for _, e := range elements {
		fmt.Fprintf(&b, "%v/", e)
	}
	return b.String()
}

// explained reports whether an error is at the path or below it: errors move up to a nullable field.
func (c *comparison) explained(where string) bool {
	for path := range c.missing {
		if strings.HasPrefix(path, where) {
			return true
		}
	}
	return false
}
