package resolvers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/graph/generated"
	"deliverygraph/graph/playground"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/cost"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/rest"
	"deliverygraph/upstream/upstreamtest"
)

// explained returns a part of extensions.upstream.
func (r response) explained(path ...any) any {
	return get(r.Extensions, append([]any{"upstream"}, path...)...)
}

// A request that asks for an explanation gets every call without addresses, the source of each answer, and what
// was shared. Other requests get none.
func TestExplainListsEveryCall(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(200))
	g.rememberingWith(nil, cost.Options{Allowed: true, MaxCalls: 200})
	const query = `{ a: bounces(window: {last: "P1D"}, filter: {recipient: "recipient1@example1.com"}) { nodes { recipient sender { address } detail { ruleName } } }
		b: bounces(window: {last: "P1D"}, filter: {recipient: "recipient1@example1.com"}) { nodes { category } } senders(window: {last: "P1D"}) { nodes { userId } } }`
	if r := g.ask(query, nil); r.Extensions != nil {
		t.Errorf("an explanation that was not requested: %v", r.Extensions)
	}
	g.rememberingWith(nil, cost.Options{Allowed: true, MaxCalls: 200})
	g.header = http.Header{"X-Explain": {"1"}}
	g.called()
	sourcesOf := func(r response) (sources map[string]int) {
		sources = map[string]int{}
		for _, c := range list(r.explained(), "calls") {
			path := fmt.Sprint(get(c, "path"))
			if strings.Contains(path, "recipient1") || !strings.HasPrefix(path, "/") {
				t.Errorf("a call has the path %s", path)
			}
			sources[fmt.Sprint(get(c, "source"))]++
			if get(c, "source") == "sent" && (fmt.Sprint(get(c, "status")) != "200" || fmt.Sprint(get(c, "tries")) != "1" || get(c, "bytes") == nil) {
				t.Errorf("a call is explained as %v", c)
			}
		}
		return sources
	}
	cold := g.ask(query, nil)
	made := len(g.called())
	if got := sourcesOf(cold); made == 0 || got["sent"] != made || fmt.Sprint(cold.explained("totals", "sent")) != fmt.Sprint(made) {
		t.Errorf("%d calls made, but explained are %v and %v", made, got, cold.explained("totals"))
	}
	if get(cold.Extensions, "upstream", "batches", "loaders", 0, "keys") == nil || fmt.Sprint(cold.explained("plan", "maxCalls")) != "200" {
		t.Errorf("extensions are %v", cold.Extensions)
	}
	warm := g.ask(query, nil)
	if got := sourcesOf(warm); got["sent"] != 0 || got["cached"] == 0 || len(g.called()) != 0 {
		t.Errorf("second request: %v", got)
	}
	if d := cmp.Diff(cold.Data, warm.Data); d != "" {
		t.Error(d)
	}
	g.header = http.Header{"X-Explain": {"everything"}}
	if r := g.ask(query, nil); len(r.Errors) != 1 || r.Errors[0].Extensions["code"] != "BAD_USER_INPUT" {
		t.Errorf("unknown X-Explain value: %+v", r)
	}
}

// An explanation reveals nothing that the caller cannot see. It does not depend on other users' data, or on
// recipients that the caller sees as pseudonyms.
func TestExplainRevealsNothingUnseen(t *testing.T) {
	t.Parallel()
	all, renamed := leakRows("rcpt"), leakRows("somebody-else-")
	many := auth.Only(leakUser(1), leakUser(3), 1, 2, 3, 4, 5, 6, 7) // too many users for calls of their own
	callers := []auth.Caller{
		{Users: many, Scopes: auth.AllScopes},
		{Users: many, Scopes: auth.MetricsRead | auth.ContentRead},
		{Users: auth.Only(leakUser(1)), Scopes: auth.AllScopes},
		{Users: auth.Everyone(), Scopes: auth.MetricsRead},
	}
	whole := newGateway(t, all)
	var others []*gateway
	for _, c := range callers {
		rows := all
		if !c.Scopes.Has(auth.RecipientsRead) {
			rows = renamed
		}
		others = append(others, newGateway(t, ofUsers(rows, c.Users)))
	}
	for _, g := range append(others, whole) {
		g.serveWith(g.client, cost.Options{Allowed: true})
		g.header = http.Header{"X-Explain": {"1"}}
	}
	f := &forager{schema: generated.NewExecutableSchema(resolvers.Schema()).Schema(), random: rand.New(rand.NewPCG(7, 8)), words: leakWords(all), found: map[string][]string{}}
	rows, unseen := 0, 0
	for n := range 160 {
		query, c := f.operation(), n%len(callers)
		got, want := timeless(whole.askBy(callers[c], query, nil)), timeless(others[c].askBy(callers[c], query, nil))
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("caller %d sees traces of other data in %s:\n%s", c, query, d)
		}
		rows, unseen = rows+strings.Count(got, `"rows":`), unseen+strings.Count(got, "rollup_to=user\",\"source\":\"sent\"}")
	}
	if rows < 60 || unseen < 20 {
		t.Errorf("only %d calls are explained with their rows, %d without", rows, unseen)
	}
}

// timeless returns the extensions without times and batches, in an order that does not depend on time. Details
// contain times, so their sizes are removed too.
func timeless(r response) string {
	if all, ok := r.explained().(map[string]any); ok {
		delete(all, "batches")
	}
	calls := list(r.explained(), "calls")
	for _, c := range calls {
		c := c.(map[string]any)
		for _, name := range []string{"ms", "waitedMs"} {
			delete(c, name)
		}
		if strings.HasPrefix(c["path"].(string), "/bounce/86753") {
			delete(c, "bytes")
			delete(r.explained("totals").(map[string]any), "bytes")
		}
	}
	text := func(v any) string { b, _ := json.Marshal(v); return string(b) }
	slices.SortFunc(calls, func(a, b any) int { return strings.Compare(text(a), text(b)) })
	return text(r.Extensions)
}

// The path of a bounce's detail does not show an address in an email id.
func TestExplainedPathsHaveNoAddresses(t *testing.T) {
	t.Parallel()
	rows := leakRows("rcpt")
	g := newGateway(t, rows)
	g.serveWith(g.client, cost.Options{Allowed: true})
	g.header = http.Header{"X-Explain": {"1"}}
	const query = `{ bounces(` + today + `, first: 60) { nodes { detail { ruleName } } } }`
	for _, scopes := range []auth.Scopes{auth.AllScopes, auth.MetricsRead} {
		r := g.askBy(auth.Caller{Users: auth.Everyone(), Scopes: scopes}, query, nil)
		text := fmt.Sprint(r.Extensions)
		details := strings.Count(text, "/bounce/86753")
		if details < 30 || strings.Contains(text, "rcpt") || !strings.Contains(text, "/…") || strings.Contains(text, "@mark") == (scopes == auth.MetricsRead) {
			t.Errorf("%v: %d details, %v: %s", scopes, details, r.Errors, text)
		}
	}
}

// A plan makes no call, and reports what running the operation would cost.
func TestExplainPlanMakesNoCalls(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(20))
	g.serveWith(upstream.Around(g.client, operation.Budget), cost.Options{Allowed: true, MaxCalls: 200})
	g.header = http.Header{"X-Explain": {"plan"}}
	g.called()
	r := g.ask(`{ bounces(`+today+`, first: 500) { nodes { detail { ruleName } } } }`, nil)
	if len(g.called()) != 0 || r.Data != nil || r.Errors != nil || fmt.Sprint(r.explained("plan", "calls")) != "501" || r.explained("plan", "dearest") != "bounces.nodes.detail" || fmt.Sprint(r.explained("plan", "worstRows")) != "500" {
		t.Errorf("%+v", r)
	}
	// The same through the request's extensions.
	body := `{"query": "{ stats(window: {last: \"P1D\"}) { sent } }", "extensions": {"explain": "plan"}}`
	req := httptest.NewRequestWithContext(auth.With(t.Context(), auth.Anyone()), http.MethodPost, "/graphql", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	g.graph.ServeHTTP(w, req)
	if !strings.Contains(w.Body.String(), `"plan":{"calls":1,`) || len(g.called()) != 0 {
		t.Errorf("%s", w.Body)
	}
}

// If explanations are not allowed, an operation runs and says so. A request for only the plan is refused.
func TestExplainIsRefusedUnlessAllowed(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(20))
	g.header = http.Header{"X-Explain": {"1"}}
	r := g.ask(`{ stats(`+today+`) { sent } }`, nil)
	if !strings.Contains(fmt.Sprint(r.explained("message")), "--explain") || r.explained("calls") != nil || r.explained("plan") != nil || get(r.Data, "stats", "sent") == nil {
		t.Errorf("%+v", r)
	}
	g.called()
	g.header = http.Header{"X-Explain": {"plan"}}
	r = g.ask(`{ stats(`+today+`) { sent } }`, nil)
	if len(r.Errors) != 1 || r.Errors[0].Extensions["code"] != "FORBIDDEN" || len(g.called()) != 0 {
		t.Errorf("%+v", r)
	}
}

// An operation that plans too many calls is refused before the first one. An operation that turns out to need
// more is stopped, and returns what it has.
func TestOperationsBeyondTheBudgetAreStopped(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(2000))
	g.rememberingWith(nil, cost.Options{MaxCalls: 3})
	g.called()
	r := g.ask(`{ bounces(`+today+`, first: 3) { nodes { detail { ruleName } } } }`, nil)
	if len(r.Errors) != 1 || r.Errors[0].Extensions["code"] != "QUERY_TOO_EXPENSIVE" || len(g.called()) != 0 ||
		r.Errors[0].Message != "this operation plans 4 upstream calls, 3 of them for bounces.nodes.detail, and an operation may make 3: ask for fewer rows at once (first) and page through them, or for less of each row" {
		t.Errorf("%+v", r)
	}
	r = g.askAs(auth.Only(20, 21), `{ users(`+today+`) { totalCount } }`, nil)
	if len(r.Errors) != 1 || !strings.Contains(r.Errors[0].Message, "plans 6 upstream calls, for users, and an operation may make 3: ") || !strings.Contains(r.Errors[0].Message, "all of your 2 users") {
		t.Errorf("%+v", r.Errors)
	}
	const probing = `{ a: stats(` + today + `) { sent } b: emails(` + today + `, filter: {deliveredOnly: true}) { totalCount } }` // of 1000 emails
	r = g.ask(probing, nil)
	if n := len(g.called()); n != 3 {
		t.Errorf("%d calls", n)
	}
	if len(r.Errors) != 1 || r.Errors[0].Extensions["code"] != "QUERY_TOO_EXPENSIVE" || fmt.Sprint(r.Errors[0].Path) != "[b totalCount]" || fmt.Sprint(get(r.Data, "a", "sent")) != "2000" {
		t.Errorf("%+v", r)
	}
	// Cached answers cost nothing, so each try gets further.
	for range 5 {
		r = g.ask(probing, nil)
	}
	if len(r.Errors) != 0 || fmt.Sprint(get(r.Data, "b", "totalCount")) != "1000" {
		t.Errorf("%+v", r)
	}
}

// The playground's examples are within the default budget.
func TestExamplesAreWithinTheBudget(t *testing.T) {
	t.Parallel()
	for _, tab := range playground.Examples() {
		var variables map[string]any
		if tab.Variables != "" {
			if err := json.Unmarshal([]byte(tab.Variables), &variables); err != nil {
				t.Fatal(err)
			}
		}
		if p := priceFor(t, tab.Query, variables, cost.Everyone); p.Calls > 100 {
			t.Errorf("%+v for %s", p, tab.Query)
		}
	}
}

// A stale answer is always marked as stale, and no client or proxy may cache it.
func TestStaleAnswersAreMarkedAndNotCacheable(t *testing.T) {
	t.Parallel()
	g := newGateway(t, thirtyDays())
	g.remembering(nil)
	const query = `{ stats(window: {between: {start: "2016-11-22T23:00:00Z", end: "2016-11-24T00:00:00Z"}}) { sent bounced } }`
	fresh := g.ask(query, nil)
	if fresh.Extensions != nil {
		t.Errorf("fresh answer has extensions %v", fresh.Extensions)
	}
	g.mu.Lock()
	g.intrude = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusInternalServerError)
		return true
	}
	g.mu.Unlock()
	g.later.Add(60)
	stale := g.ask(query, nil)
	if d := cmp.Diff(fresh.Data, stale.Data); d != "" || stale.Errors != nil {
		t.Errorf("%v %s", stale.Errors, d)
	}
	if d := cmp.Diff(map[string]any{"upstream": map[string]any{"stale": map[string]any{"ageMs": json.Number("60000"), "answers": json.Number("2")}}}, stale.Extensions); d != "" {
		t.Error(d)
	}
	if got := g.cacheControl(auth.Anyone(), query); got != "no-store" {
		t.Errorf("Cache-Control: %s", got)
	}
}

// cacheControl returns the Cache-Control header of the answer to a GET.
func (g *gateway) cacheControl(who auth.Caller, query string) string {
	r := httptest.NewRequestWithContext(auth.With(g.t.Context(), who), http.MethodGet, "/graphql?query="+url.QueryEscape(query), nil)
	for name, value := range g.header {
		r.Header[name] = value
	}
	w := httptest.NewRecorder()
	g.graph.ServeHTTP(w, r)
	return strings.Join(w.Header().Values("Cache-Control"), ", ")
}

// An answer may be cached as long as its least fresh part, and only by the caller if callers are distinguished.
func TestCacheControlFollowsLeastFreshPart(t *testing.T) {
	t.Parallel()
	g := newGateway(t, thirtyDays())
	g.rememberingWith(nil, cost.Options{Allowed: true, MaxCalls: 200})
	const past = `window: {between: {start: "2016-11-20T00:00:00Z", end: "2016-11-22T00:00:00Z"}}`
	const open = `window: {between: {start: "2016-11-20T00:00:00Z", end: "2016-11-24T00:00:00Z"}}`
	one := auth.Caller{Name: "one", Users: auth.Everyone(), Scopes: auth.AllScopes}
	for _, c := range []struct {
		name, query, want string
		who               auth.Caller
		later             int64
	}{
		{name: "the settled past", query: `{ stats(` + past + `) { sent } }`, want: "max-age=3600"},
		{name: "the open edge", query: `{ stats(` + open + `) { sent } }`, want: "max-age=5"},
		{name: "both", query: `{ a: stats(` + past + `) { sent } b: stats(` + open + `) { sent } }`, want: "max-age=5"},
		{name: "two seconds later", query: `{ a: stats(` + past + `) { sent } b: stats(` + open + `) { sent } }`, later: 2, want: "max-age=3"},
		{name: "a settled page of a window that moves", query: `{ emails(window: {last: "P1D"}, first: 1) { nodes { emailId } } }`, want: "max-age=3"},
		{name: "when the next window begins", query: `{ emails(window: {last: "P1D"}, first: 1) { nodes { emailId } } }`, later: 4, want: "max-age=4"},
		{name: "a catalogue", query: `{ bounceCategories { code } }`, want: "max-age=3600"},
		{name: "a named caller", query: `{ stats(` + past + `) { sent } }`, who: one, want: "private, max-age=3600"},
		{name: "an error", query: `{ a: stats(` + past + `) { sent } node(id: "x") { id } }`, want: "no-store"},
		{name: "an invalid document", query: `{ nothing }`, want: "no-store"},
		{name: "the viewer", query: `{ viewer { name } a: stats(` + past + `) { sent } }`, want: "no-store"},
		{name: "no data", query: `{ __typename }`, want: ""},
	} {
		g.later.Add(c.later)
		if c.who.Name == "" {
			c.who = auth.Anyone()
		}
		if got := g.cacheControl(c.who, c.query); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	g.header = http.Header{"X-Explain": {"1"}}
	if got := g.cacheControl(one, `{ stats(`+past+`) { sent } }`); got != "no-store" {
		t.Errorf("explained: %q", got)
	}
	g.header = nil
	g.serve(g.client)
	if got := g.cacheControl(one, `{ stats(`+past+`) { sent } }`); got != "no-store" {
		t.Errorf("without a cache: %q", got)
	}
}

// The window moves with the clock. When an hour begins, the window starts an hour later, and all 30 days are
// fetched by day.
func TestRelativeDashboardCostsThreeSmallCalls(t *testing.T) {
	t.Parallel()
	g := newGateway(t, thirtyDays())
	g.later.Store(1800)
	g.remembering(nil)
	for i := range 200 {
		g.called()
		g.data(`{ stats(window: {last: "P30D"}) { sent bounced hardBounced blocked bounceRate } }`, nil)
		calls := g.called()
		for _, c := range calls {
			_, query, _ := strings.Cut(c, "?")
			q, err := upstream.ParseCountQuery(upstream.Bounces, query)
			if err != nil {
				t.Fatal(err)
			}
			small := q.Window.End-q.Window.Start <= 2*3600+10
			byDay, byHour := strings.HasSuffix(query, "timeseries=day"), strings.HasSuffix(query, "timeseries=hour")
			if !small && !(byDay && i%180 == 0) && !(byHour && i%180 == 1) { // an hour begins, or has just begun
				t.Errorf("refresh %d asks %s", i, c)
			}
		}
		if len(calls) > 3 {
			t.Errorf("refresh %d costs %v", i, calls)
		}
		g.later.Add(10)
	}
}

// One caller's single call is answered while another caller's 500 details wait: it waits for the calls in
// progress and one more turn.
func TestManyCallsDoNotStarveOtherCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const atOnce = 4
		rows := rowsOfDay(500)
		g := &gateway{t: t}
		var served atomic.Int64
		client, err := rest.New(rest.Options{BaseURL: "http://upstream.example", MaxConcurrent: atOnce, MinConcurrent: atOnce, Transport: modelServer(rows, func() { time.Sleep(100 * time.Millisecond); served.Add(1) })})
		if err != nil {
			t.Fatal(err)
		}
		c, err := cached.New(upstream.Around(client, operation.Budget), cached.Options{Bytes: cached.DefaultBytes, Fresh: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		g.serve(c)
		done := make(chan bool)
		go func() {
			g.data(`{ bounces(`+today+`, first: 500) { nodes { detail { ruleName } } } }`, nil)
			close(done)
		}()
		time.Sleep(time.Second) // some details have been served, hundreds wait
		before, start := served.Load(), time.Now()
		g.data(`{ bounceCategories { code } }`, nil)
		if n, took := served.Load()-before, time.Since(start); n > 3*atOnce || took > 300*time.Millisecond {
			t.Errorf("the other caller's call waited for %d calls, %v", n, took)
		}
		<-done
	})
}

// modelServer returns a REST server that answers bounces, their details and categories from rows.
func modelServer(rows upstreamtest.Rows, before func()) roundTrip {
	model := upstreamtest.NewModel(rows)
	return func(r *http.Request) (*http.Response, error) {
		before()
		var body []byte
		switch {
		case r.URL.Path == "/bounces":
			q, err := upstream.ParseListQuery(upstream.Bounces, r.URL.RawQuery)
			if err != nil {
				return nil, err
			}
			found, _ := model.Bounces(r.Context(), q)
			body = upstream.AppendBounces(nil, found)
		case r.URL.Path == upstream.BounceCategoriesPath:
			codes, _ := model.BounceCategories(r.Context())
			body = upstream.AppendCodes(nil, codes)
		default:
			k, err := upstream.ParseBounceKey(r.URL.EscapedPath())
			if err != nil {
				return nil, err
			}
			d, _ := model.Bounce(r.Context(), k)
			body = upstream.AppendBounceDetail(nil, d, upstream.Envelope{})
		}
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)), Request: r}, nil
	}
}

// An operation that exceeds its budget returns what it has, with an error at each place where something is
// missing.
func TestMissingPartsBeyondTheBudgetHaveErrors(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(120))
	schema := generated.NewExecutableSchema(resolvers.Schema()).Schema()
	random := rand.New(rand.NewPCG(5, 6))
	variables := map[string]any{"yes": true, "no": false}
	stopped := 0
	for i := range 80 {
		query := randomOperation{schema: schema, random: random, fragments: map[string]string{}, connections: 10, nesting: 3}.write()
		g.serve(g.client)
		want := g.data(query, variables)
		left := new(atomic.Int64)
		left.Store(random.Int64N(6))
		g.serve(&upstreamtest.Counting{API: g.client, Before: func(context.Context, string) error {
			if left.Add(-1) < 0 {
				return &upstream.Error{Code: upstream.Exhausted, Message: "no more"}
			}
			return nil
		}})
		got := g.ask(query, variables)
		for _, e := range got.Errors {
			if e.Extensions["code"] != "QUERY_TOO_EXPENSIVE" {
				t.Fatalf("operation %d: %+v: %s", i, e, query)
			}
			at := path(e.Path)
			for i := range at { // null moves up to the nearest nullable field
				if get(got.Data, at[:i+1]...) == nil {
					at = at[:i+1]
					break
				}
			}
			if missing := get(got.Data, at...); missing != nil && missing != true { // an unknown hasNextPage is true
				t.Fatalf("operation %d: there is an error at %v, but the value is %v: %s", i, at, missing, query)
			}
			blank(want, at)
			blank(got.Data, at)
		}
		if len(got.Errors) > 0 {
			stopped++
		}
		if d := cmp.Diff(want, got.Data); d != "" && len(got.Errors) < 100 { // an answer has at most 100 errors
			t.Fatalf("operation %d: %s\n(-without a budget +with one)\n%s", i, query, d)
		}
	}
	if stopped < 20 {
		t.Errorf("only %d operations were stopped", stopped)
	}
}

// blank removes the value at a path from the data.
func blank(data map[string]any, at []any) {
	switch in := get(data, at[:len(at)-1]...).(type) {
	case map[string]any:
		in[at[len(at)-1].(string)] = nil
	case []any:
		in[at[len(at)-1].(int)] = nil
	}
}

// path converts the path of an error for get.
func path(p []any) []any {
	out := make([]any, len(p))
	for i, e := range p {
		out[i] = e
		if n, ok := e.(json.Number); ok {
			at, _ := n.Int64()
			out[i] = int(at)
		}
	}
	return out
}
