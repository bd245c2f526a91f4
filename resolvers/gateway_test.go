package resolvers_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/internal/auth"
	"deliverygraph/internal/ratelimit"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/cost"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/resolvers/operation"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/rest"
	"deliverygraph/upstream/upstreamtest"
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "6") // many tests wait for slow or faulty upstreams
	m.Run()
}

// day is the midnight UTC at the start of the tests' day, which contains their rows. now is the tests' clock:
// the end of that day.
const (
	day upstream.Time = 1479772800 // 2016-11-22
	now               = day + 86400
)

// mask is the gateway's mask.
var mask = auth.NewMask("a secret of the tests")

// gateway is the whole gateway except its flags: GraphQL over a real REST server on a socket. It records the
// calls to the REST server.
type gateway struct {
	t     testing.TB
	graph http.Handler
	store store.Store
	rest  *httptest.Server

	client upstream.API // of the REST server

	header  http.Header   // of further requests
	limit   int           // units per minute of each caller, for endpoints served afterwards; 0 means none
	timeout time.Duration // of an operation, for endpoints served afterwards; 0 means the default

	later   atomic.Int64 // seconds after now
	mu      sync.Mutex
	calls   []string                                          // path and query of each call, in order
	intrude func(w http.ResponseWriter, r *http.Request) bool // may answer a call instead of the server
}

// patience is long enough for calls and operations on the slowest machine.
const patience = 5 * time.Minute

func newGateway(t testing.TB, rows upstreamtest.Rows) *gateway {
	t.Helper()
	g := &gateway{t: t}
	s, err := sqlite.Open(t.Context(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	g.store = s
	g.write(rows)
	h := embedded.New(s, embedded.Options{})
	g.rest = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		g.calls = append(g.calls, r.URL.RequestURI())
		intrude := g.intrude
		g.mu.Unlock()
		if intrude == nil || !intrude(w, r) {
			h.ServeHTTP(w, r)
		}
	}))
	t.Cleanup(g.rest.Close)
	client, err := rest.New(rest.Options{
		BaseURL: g.rest.URL, Retry: rest.Retry{Tries: 1}, Observe: operation.Call,
		Timeout: patience, CallTimeout: patience,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	g.client = joining(t, client)
	g.serve(g.client)
	return g
}

// joining returns next with equal calls joined, and nothing kept.
func joining(t testing.TB, next upstream.Asker) upstream.API {
	c, err := cached.New(next, cached.Options{Observe: operation.Lookup})
	if err != nil {
		t.Fatal(err)
	}
	return upstream.API{Asker: c}
}

// serve starts the endpoint over the API.
func (g *gateway) serve(api upstream.Asker) { g.serveWith(api, cost.Options{}) }

func (g *gateway) serveWith(api upstream.Asker, o cost.Options) {
	o.Now, o.Limiter, o.CostPerMinute = g.now, ratelimit.NewLimiter(g.now, nil), g.limit
	o.Refused = func(string) {}
	e := cost.New(o)
	kept, _ := api.(*cached.Cache)
	g.graph = graph.NewHandler(generated.NewExecutableSchema(resolvers.Schema()), graph.Options{
		CacheControl: e.CacheControl,
		MaxErrors:    10_000,
		Timeout:      cmp.Or(g.timeout, patience),
		Headers:      e.Headers,
		Admit:        e.Admit,
		Extensions: []graph.Extension{e, loaders.Extension{
			API: func(ctx context.Context) upstream.Asker { return auth.Limit(api, auth.FromContext(ctx), mask) },
			Memory: func(ctx context.Context) func(upstream.Question) page.Memory {
				if kept == nil {
					return nil
				}
				return func(q upstream.Question) page.Memory { return kept.ListMemory(auth.FromContext(ctx).View(), q) }
			},
			Now: g.now, Shared: o.Shared,
		}, resolvers.Columns()},
	})
}

func (g *gateway) write(rows upstreamtest.Rows) {
	g.t.Helper()
	if _, err := g.store.Write(context.Background(), rows); err != nil {
		g.t.Fatal(err)
	}
}

// response is a GraphQL response.
type response struct {
	Data   map[string]any `json:"data"`
	Errors []struct {
		Message    string         `json:"message"`
		Path       []any          `json:"path"`
		Extensions map[string]any `json:"extensions"`
	} `json:"errors"`
	Extensions map[string]any `json:"extensions"`
}

// now returns the time of the gateway's clock.
func (g *gateway) now() time.Time { return (now + upstream.Time(g.later.Load())).UTC() }

// ask sends an operation of a caller who may see everything. The response may have errors.
func (g *gateway) ask(query string, variables map[string]any) response {
	return g.askAs(auth.Everyone(), query, variables)
}

// askAs sends an operation of a caller who may see all data of some users.
func (g *gateway) askAs(users auth.Users, query string, variables map[string]any) response {
	return g.askBy(auth.Caller{Users: users, Scopes: auth.AllScopes}, query, variables)
}

// askBy sends an operation of a caller.
func (g *gateway) askBy(c auth.Caller, query string, variables map[string]any) response {
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		g.t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(auth.With(g.t.Context(), c), http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for name, value := range g.header {
		r.Header[name] = value
	}
	w := httptest.NewRecorder()
	g.graph.ServeHTTP(w, r)
	var resp response
	d := json.NewDecoder(w.Body)
	d.UseNumber()
	if err := d.Decode(&resp); err != nil {
		g.t.Fatalf("the answer is not JSON: %v", err)
	}
	return resp
}

// data sends an operation that must not fail, and returns its data.
func (g *gateway) data(query string, variables map[string]any) map[string]any {
	g.t.Helper()
	return g.dataAs(auth.Everyone(), query, variables)
}

func (g *gateway) dataAs(users auth.Users, query string, variables map[string]any) map[string]any {
	g.t.Helper()
	resp := g.askAs(users, query, variables)
	for _, e := range resp.Errors {
		g.t.Errorf("%v: %s %v", e.Path, e.Message, e.Extensions)
	}
	return resp.Data
}

// called returns the calls since the last time it was called, sorted.
func (g *gateway) called() []string {
	g.mu.Lock()
	defer g.mu.Unlock()
	calls := slices.Sorted(slices.Values(g.calls))
	g.calls = nil
	return calls
}

// get returns the value at a path of field names and indexes.
func get(v any, path ...any) any {
	for _, p := range path {
		switch p := p.(type) {
		case string:
			m, ok := v.(map[string]any)
			if !ok {
				return nil
			}
			v = m[p]
		case int:
			l, ok := v.([]any)
			if !ok || p >= len(l) {
				return nil
			}
			v = l[p]
		}
	}
	return v
}

// list returns the list at a path.
func list(v any, path ...any) []any {
	l, _ := get(v, path...).([]any)
	return l
}

// The tests' accounts: users 20 to 25, each with four senders.
const users, sendersEach = 6, 4

func senderOf(i int) (user, sender upstream.ID, address string) {
	s := i * 7 % (users * sendersEach)
	sender = upstream.ID(100 + s)
	return upstream.ID(20 + s/sendersEach), sender, fmt.Sprintf("sender%d@example.com", sender)
}

// rowsOfDay returns n events of each kind, spread evenly over the tests' day.
func rowsOfDay(n int) upstreamtest.Rows {
	var rows upstreamtest.Rows
	for s := range users * sendersEach {
		u, id, address := senderOf(s)
		rows.Senders = append(rows.Senders, store.Sender{UserID: u, SenderID: id, Address: address})
	}
	for i := range n {
		rows.Append(rowsAt(day+upstream.Time(i*86400/n), i))
	}
	return rows
}

// rowsAt returns the email, bounce and blocked email of event i.
func rowsAt(at upstream.Time, i int) upstreamtest.Rows { return upstreamtest.RowsOf(eventAt(at, i)) }

// eventAt returns event i, which is an email, a bounce and a blocked email.
func eventAt(at upstream.Time, i int) store.Event {
	u, s, _ := senderOf(i)
	local, domain := fmt.Sprintf("recipient%d", i%97), fmt.Sprintf("example%d.com", i%5)
	recipient := local + "@" + domain
	e := store.Event{
		Identity: upstream.Identity{
			Time: at, EmailID: fmt.Sprintf("%s.%012d@mail6-40", at.UTC().Format("20060102150405"), i),
			Recipient: recipient, UserID: u, SenderID: s,
		},
		Local: local, Domain: domain, XHeaders: []upstream.Header{{Name: "X-Campaign", Value: fmt.Sprint("c", i%3)}},
		Own: store.Own{
			Delivered: i%2 == 0, ProcessTime: at, Reason: "hardbounce",
			Type: upstream.Soft, Category: "quota-issues", Code: "4.2.2", RuleName: fmt.Sprintf("rule%02d", i%7),
			DiagnosticCode: fmt.Sprintf("smtp;550 5.1.1 <%s>: event %d", recipient, i),
			FullContent:    fmt.Sprintf("Return-Path: <>\n\nevent %d", i),
		},
	}
	if i%3 == 0 {
		e.Type, e.Category, e.Code = upstream.Hard, "bad-mailbox", "5.1.1"
	}
	return e
}
