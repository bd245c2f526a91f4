package resolvers_test

import (
	"bytes"
	"flag"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/internal/auth"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/rest"
	"deliverygraph/upstream/upstreamtest/fault"
)

var update = flag.Bool("update", false, "update the table of faults in docs/operating.md")

// faultCase describes a fault in one call of an operation: what its field shows, and after how many requests.
// The rest of the operation is not affected.
type faultCase struct {
	remote string        // what the remote does, for docs/operating.md
	faults []string      // names in package fault; "wrong type" means all of them
	in     int           // index into faulted
	code   string        // code of the error; if empty, see applies
	see    string        // what clients see if there is no error, for docs/operating.md
	tries  int           // number of requests; 0 means many, until the deadline
	after  time.Duration // minimum retryAfterMs
	lies   bool          // the answer is wrong, and cannot be recognised as wrong
}

// faulted lists the calls that fail, and the fields that need them.
var faulted = []struct{ path, field, at string }{
	{
		"/bounces",
		`bounces(` + today + `, filter: {userId: "21"}, first: 3) { nodes { emailId userId bouncedAt ` +
			`xHeaders { name } } }`, "hit/nodes/",
	},
	{"/bounce/counts", `stats(` + today + `) { bounced }`, "hit/bounced/"},
	{
		"/bounce/21/",
		`bounces(` + today + `, filter: {userId: "21"}, first: 1) { nodes { emailId detail { ruleName } } }`,
		"hit/nodes/0/detail/",
	},
}

const (
	ofList = iota
	ofCounts
	ofDetail
)

// survives is the rate of calls up to which an answer is guaranteed, as tested in package rest.
const survives = "; up to 100 concurrent calls after a quiet minute, and 1.8 calls per second, " +
	"each survive one such fault; " +
	"above that rate, calls may fail with `UPSTREAM_UNAVAILABLE`, because retries must not amplify an outage"

var faultCases = []faultCase{
	{remote: "refuses or resets the connection", faults: []string{"refused", "reset before the answer"},
		code: "UPSTREAM_UNAVAILABLE", tries: 3},
	{remote: "resets or closes the connection within the header or body, or between chunks",
		faults: []string{"closed in the header", "reset in the body", "closed in the body", "closed between chunks"},
		code:   "UPSTREAM_UNAVAILABLE", tries: 3},
	{remote: "does not speak HTTP, or sends an endless header", faults: []string{"not HTTP", "endless header"},
		code: "UPSTREAM_INVALID_RESPONSE", tries: 1},
	{remote: "answers 202 (an identical request is being answered) once", faults: []string{"202 once"},
		see: "the answer", tries: 2},
	{remote: "always answers 202", faults: []string{"202 for ever"}, code: "UPSTREAM_UNAVAILABLE"},
	{remote: "answers 503, or 429 with `Retry-After: 1`, once; its `Retry-After` comes from a clock that is " +
		"an hour off",
		faults: []string{"503 once", "429 once with Retry-After", "clock skew"},
		see:    "the answer" + survives, tries: 2},
	{remote: "always answers 503", faults: []string{"503 for ever"}, code: "UPSTREAM_UNAVAILABLE", tries: 3},
	{remote: "answers 429 with `Retry-After: 60`", faults: []string{"429 with Retry-After"},
		code: "UPSTREAM_UNAVAILABLE", tries: 1, after: time.Minute},
	{remote: "answers 451", faults: []string{"451"}, code: "UPSTREAM_UNAUTHENTICATED", tries: 1},
	{remote: "answers 452", faults: []string{"452"}, code: "UPSTREAM_REJECTED", tries: 1},
	{remote: "answers 404 for a list or counts", faults: []string{"404"}, code: "UPSTREAM_INVALID_RESPONSE", tries: 1},
	{remote: "answers 404 for a bounce", faults: []string{"404"}, in: ofDetail, code: "NOT_FOUND", tries: 1},
	{remote: "answers 500, 204 or a redirect", faults: []string{"500", "no content", "redirect"},
		code: "UPSTREAM_INVALID_RESPONSE", tries: 1},
	{remote: "is behind a proxy that answers 502", faults: []string{"502"}, code: "UPSTREAM_UNAVAILABLE", tries: 1},
	{remote: "is behind a proxy that answers 504", faults: []string{"504"}, code: "UPSTREAM_TIMEOUT", tries: 1},
	{remote: "sends nothing, or one byte per second",
		faults: []string{"30 s silence", "silence after the header", "one byte a second"},
		code:   "UPSTREAM_TIMEOUT", tries: 3},
	{remote: "answers 200 with an empty body, HTML, another content type or an error",
		faults: []string{"empty body", "HTML with 200", "HTML as JSON", "wrong content type", "error with 200"},
		code:   "UPSTREAM_INVALID_RESPONSE", tries: 1},
	{remote: "sends JSON that is truncated, has trailing data, is nested too deeply, or has a field of the wrong type",
		faults: []string{
			"truncated JSON", "JSON and more", "deep nesting", "wrong type of email_id", "wrong type of bounce_time",
			"wrong type of user_id", "wrong type of xheaders",
		},
		code: "UPSTREAM_INVALID_RESPONSE", tries: 1},
	{remote: "sends an endless body, a gzip bomb, or a broken or unrequested encoding",
		faults: []string{"endless body", "gzip bomb", "broken gzip", "unasked encoding"},
		code:   "UPSTREAM_INVALID_RESPONSE", tries: 1},
	{remote: "returns negative counts", faults: []string{"negative counts"}, in: ofCounts,
		code: "UPSTREAM_INVALID_RESPONSE", tries: 1},
	{remote: "returns rows of a user or sender that was not requested", faults: []string{"rows of another user"},
		code: "UPSTREAM_INVALID_RESPONSE", tries: 1},
	{remote: "returns the detail of another bounce", faults: []string{"detail of another bounce"}, in: ofDetail,
		code: "UPSTREAM_INVALID_RESPONSE", tries: 1},
	{remote: "returns times in milliseconds, or far in the future",
		faults: []string{"times in milliseconds", "times far in the future"},
		code:   "UPSTREAM_INVALID_RESPONSE", tries: 1},
	{remote: "returns more than 500 rows", faults: []string{"page longer than 500"},
		see: "the answer, without the excess rows", tries: 1},
	{remote: "returns rows outside the window, always or sometimes", faults: []string{"rows outside the window"},
		see: "the answer, without these rows; `totalCount` of a filter that no counts endpoint takes is null, " +
			"`UPSTREAM_INVALID_RESPONSE`, unless they reveal both ends of the list", tries: 1},
	{remote: "repeats a row immediately", faults: []string{"rows repeated in a page"},
		see: "the answer: each row once; totals as above", tries: 1},
	{remote: "returns rows out of order", faults: []string{"unsorted rows"},
		see: "the remote's order, each row once", tries: 1, lies: true},
	{remote: "returns a page of fewer than 500 rows in the middle of a list",
		faults: []string{"page shorter than 500 in the middle"},
		see:    "a list that ends there; `deliverygraph doctor` detects such remotes", tries: 1, lies: true},
}

// A fault of the remote affects one field, and the error reveals no internals.
func TestRemoteFaultAffectsOnlyItsField(t *testing.T) {
	t.Parallel()
	for _, c := range faultCases {
		for _, name := range c.faults {
			t.Run(name+" of "+faulted[c.in].path, func(t *testing.T) {
				t.Parallel()
				c.test(t, name)
			})
		}
	}
}

func (c faultCase) test(t *testing.T, name string) {
	f, ok := fault.Named(name)
	if !ok {
		t.Fatal("there is no such fault")
	}
	hit := faulted[c.in]
	calm := newGateway(t, rowsOfDay(60))
	whole := embedded.New(calm.store, embedded.Options{})
	broken := f.Wrap(whole)
	var mu sync.Mutex
	tries := 0
	remote := fault.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == hit.path || strings.HasPrefix(r.URL.Path, hit.path) && strings.HasSuffix(hit.path, "/") {
			mu.Lock()
			tries++
			mu.Unlock()
			broken.ServeHTTP(w, r)
			return
		}
		whole.ServeHTTP(w, r)
	}))
	t.Cleanup(remote.Close)
	o := rest.Options{
		BaseURL: remote.URL, Key: "the-gateway's-own-key", Observe: operation.Call, MaxBodyBytes: 1 << 20,
		Retry: rest.Retry{Base: time.Millisecond, Max: 50 * time.Millisecond},
	}
	timeout := 30 * time.Second
	if c.tries == 0 {
		timeout = 3 * time.Second // enough for the rest of the operation on a slow machine
	}
	if c.code == "UPSTREAM_TIMEOUT" {
		o.Timeout = 200 * time.Millisecond
	}
	client, err := rest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	g := &gateway{t: t, store: calm.store, timeout: timeout}
	g.serve(joining(t, client))

	query := "{ hit: " + hit.field + " calm: emails(" + today +
		`, filter: {userId: "21"}, first: 2) { totalCount nodes { emailId } } }`
	who := auth.Only(21)
	want, got := calm.askAs(who, query, nil), g.askAs(who, query, nil)
	if d := cmp.Diff(want.Data["calm"], got.Data["calm"]); d != "" {
		t.Errorf("the rest of the operation differs:\n%s", d)
	}
	mu.Lock()
	defer mu.Unlock()
	// net/http may send further requests to find out that a kept connection is gone.
	if reset := name == "refused" || name == "reset before the answer"; tries < c.tries ||
		tries > c.tries && !reset && c.tries > 0 || tries < 4 && c.tries == 0 {
		t.Errorf("%d requests, want %d", tries, c.tries)
	}
	if c.code == "" {
		if len(got.Errors) > 0 {
			t.Fatalf("errors: %v", got.Errors)
		}
		if same := cmp.Equal(want.Data, got.Data); same == c.lies && name != "page shorter than 500 in the middle" {
			t.Errorf("got %v\nwant %v", got.Data["hit"], want.Data["hit"])
		}
		return
	}
	if len(got.Errors) != 1 {
		t.Fatalf("want one error: %v", got.Errors)
	}
	e := got.Errors[0]
	retryable := c.code == "UPSTREAM_UNAVAILABLE" || c.code == "UPSTREAM_TIMEOUT"
	if e.Extensions["code"] != c.code || e.Extensions["retryable"] != retryable || pathPrefix(e.Path) != hit.at {
		t.Errorf("%s at %v: %v", e.Message, e.Path, e.Extensions)
	}
	ms, _ := plain(e.Extensions["retryAfterMs"]).(string)
	if at := fmt.Sprint(c.after.Milliseconds()); c.after > 0 && (len(ms) != len(at) || ms > at) {
		t.Errorf("retryAfterMs is %s, want about %s", ms, at)
	}
	if text := fmt.Sprint(got); strings.Contains(text, fault.Secret) || strings.Contains(text, "127.0.0.1") ||
		strings.Contains(text, "own-key") || strings.Contains(text, "219") && strings.Contains(name, "another user") {
		t.Errorf("the answer reveals internals: %s", text)
	}
}

// over returns a gateway with another remote and g's store.
func (g *gateway) over(t *testing.T, remote http.Handler) *gateway {
	t.Helper()
	s := fault.NewServer(remote)
	t.Cleanup(s.Close)
	client, err := rest.New(rest.Options{BaseURL: s.URL, Observe: operation.Call})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	other := &gateway{t: t, store: g.store}
	other.serve(joining(t, client))
	return other
}

// inFirst returns the REST API of the gateway's store, with a fault in the first calls whose path has a prefix.
func (g *gateway) inFirst(calls int64, path string, f fault.Fault) http.Handler {
	whole := embedded.New(g.store, embedded.Options{})
	broken := f.Wrap(whole)
	var asked atomic.Int64
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, path) && asked.Add(1) <= calls {
			broken.ServeHTTP(w, r)
			return
		}
		whole.ServeHTTP(w, r)
	})
}

// The table in docs/operating.md is generated from faultCases.
func TestReadmeListsEveryFault(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../docs/operating.md", "<!-- faults: go test ./resolvers -run Readme -update -->\n",
		"<!-- end of faults -->\n"
	var table strings.Builder
	table.WriteString("\n| the remote | the field that needs it | requests |\n| --- | --- | --- |\n")
	for _, c := range faultCases {
		see := c.see
		if c.code != "" {
			see = "null, `" + c.code + "`"
			if c.after > 0 {
				see += " with `retryAfterMs`"
			}
		}
		requests := "until the deadline"
		if c.tries > 0 {
			requests = fmt.Sprint(c.tries)
		}
		fmt.Fprintf(&table, "| %s | %s | %s |\n", c.remote, see, requests)
	}
	table.WriteString("\n")
	readme, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := bytes.Cut(readme, []byte(begin))
	old, tail, closed := bytes.Cut(rest, []byte(end))
	switch {
	case !ok || !closed:
		t.Fatal("docs/operating.md has no markers for the table")
	case string(old) == table.String():
	case *update:
		if err := os.WriteFile(path, []byte(string(head)+begin+table.String()+end+string(tail)), 0o644); err != nil {
			t.Fatal(err)
		}
	default:
		t.Error("the table of faults in docs/operating.md is out of date: run go test ./resolvers -run Readme -update")
	}
}
