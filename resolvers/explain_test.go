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
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/auth"
	"deliverygraph/resolvers/explain"
	"deliverygraph/resolvers/plan"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/ledger"
	"deliverygraph/upstream/rest"
	"deliverygraph/upstream/upstreamtest"
)

// explained gives a part of extensions.upstream.
func (r response) explained(path ...any) any {
	return get(r.Extensions, append([]any{"upstream"}, path...)...)
}

// A request that asks for it is told of every call, with addresses left out, where the
// answer came from, and what was shared; one that does not ask is told nothing.
func TestExplain(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(200))
	g.rememberingWith(nil, explain.Options{Allowed: true, MaxCalls: 200})
	const query = `{ a: bounces(window: {last: "P1D"}, filter: {recipient: "recipient1@example1.com"}) { nodes { recipient sender { address } detail { ruleName } } }
		b: bounces(window: {last: "P1D"}, filter: {recipient: "recipient1@example1.com"}) { nodes { category } } senders(window: {last: "P1D"}) { nodes { userId } } }`
	if r := g.ask(query, nil); r.Extensions != nil {
		t.Errorf("told without being asked: %v", r.Extensions)
	}
	g.rememberingWith(nil, explain.Options{Allowed: true, MaxCalls: 200})
	g.header = http.Header{"X-Explain": {"1"}}
	g.called()
	told := func(r response) (sources map[string]int) {
		sources = map[string]int{}
		for _, c := range list(r.explained(), "calls") {
			path := fmt.Sprint(get(c, "path"))
			if strings.Contains(path, "recipient1") || !strings.HasPrefix(path, "/") {
				t.Errorf("a call is shown as %s", path)
			}
			sources[fmt.Sprint(get(c, "source"))]++
			if get(c, "source") == "sent" && (fmt.Sprint(get(c, "status")) != "200" || fmt.Sprint(get(c, "tries")) != "1" || get(c, "bytes") == nil) {
				t.Errorf("a call is told as %v", c)
			}
		}
		return sources
	}
	cold := g.ask(query, nil)
	made := len(g.called())
	if got := told(cold); made == 0 || got["sent"] != made || fmt.Sprint(cold.explained("totals", "sent")) != fmt.Sprint(made) {
		t.Errorf("%d calls made, told are %v and %v", made, got, cold.explained("totals"))
	}
	if get(cold.Extensions, "upstream", "batches", "loaders", 0, "keys") == nil || fmt.Sprint(cold.explained("plan", "maxCalls")) != "200" {
		t.Errorf("told: %v", cold.Extensions)
	}
	warm := g.ask(query, nil)
	if got := told(warm); got["sent"] != 0 || got["cached"] == 0 || len(g.called()) != 0 {
		t.Errorf("asked again: %v", got)
	}
	if d := cmp.Diff(cold.Data, warm.Data); d != "" {
		t.Error(d)
	}
	g.header = http.Header{"X-Explain": {"everything"}}
	if r := g.ask(query, nil); len(r.Errors) != 1 || r.Errors[0].Extensions["code"] != "BAD_USER_INPUT" {
		t.Errorf("an unknown value: %+v", r)
	}
}

// What is explained tells a caller nothing that it does not see: it is the same whatever
// other users do, and whatever the recipients are that it sees pseudonyms of.
func TestExplainTellsNothingUnseen(t *testing.T) {
	t.Parallel()
	all, renamed := leakRows("rcpt"), leakRows("somebody-else-")
	many := auth.Only(leakUser(1), leakUser(3), 1, 2, 3, 4, 5, 6, 7) // are asked for by calls for all users
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
		g.serveWith(g.client, explain.Options{Allowed: true})
		g.header = http.Header{"X-Explain": {"1"}}
	}
	f := &forager{schema: generated.NewExecutableSchema(resolvers.Schema()).Schema(), random: rand.New(rand.NewPCG(7, 8)), words: leakWords(all), found: map[string][]string{}}
	rows, unseen := 0, 0
	for n := range 160 {
		query, c := f.operation(), n%len(callers)
		got, want := timeless(whole.askBy(callers[c], query, nil)), timeless(others[c].askBy(callers[c], query, nil))
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("caller %d is told of others in %s:\n%s", c, query, d)
		}
		rows, unseen = rows+strings.Count(got, `"rows":`), unseen+strings.Count(got, "rollup_to=user\",\"source\":\"sent\"}")
	}
	if rows < 60 || unseen < 20 {
		t.Errorf("only %d calls are told of with their rows, %d without", rows, unseen)
	}
}

// timeless is what extensions say, without times and batches, and in an order that no clock
// decides. The envelopes of details hold times too, so the sizes of these are left out.
func timeless(r response) string {
	if told, ok := r.explained().(map[string]any); ok {
		delete(told, "batches")
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

// An email's id that holds an address is not shown in the path of its bounce's detail.
func TestExplainedPathsHoldNoAddresses(t *testing.T) {
	t.Parallel()
	rows := leakRows("rcpt")
	g := newGateway(t, rows)
	g.serveWith(g.client, explain.Options{Allowed: true})
	g.header = http.Header{"X-Explain": {"1"}}
	const query = `{ bounces(` + today + `, first: 60) { nodes { detail { ruleName } } } }`
	for _, scopes := range []auth.Scopes{auth.AllScopes, auth.MetricsRead} {
		r := g.askBy(auth.Caller{Users: auth.Everyone(), Scopes: scopes}, query, nil)
		told := fmt.Sprint(r.Extensions)
		details := strings.Count(told, "/bounce/86753")
		if details < 30 || strings.Contains(told, "rcpt") || !strings.Contains(told, "/…") || strings.Contains(told, "@mark") == (scopes == auth.MetricsRead) {
			t.Errorf("%v: %d details, %v: %s", scopes, details, r.Errors, told)
		}
	}
}

// A price makes no call, and says what running would cost.
func TestExplainPlan(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(20))
	g.serveWith(ledger.Budget(g.client), explain.Options{Allowed: true, MaxCalls: 200})
	g.header = http.Header{"X-Explain": {"plan"}}
	g.called()
	r := g.ask(`{ bounces(`+today+`, first: 500) { nodes { detail { ruleName } } } }`, nil)
	if len(g.called()) != 0 || r.Data != nil || r.Errors != nil || fmt.Sprint(r.explained("plan", "calls")) != "501" || r.explained("plan", "dearest") != "bounces.nodes.detail" || fmt.Sprint(r.explained("plan", "worstRows")) != "500" {
		t.Errorf("%+v", r)
	}
	// The same by the request's extensions.
	body := `{"query": "{ stats(window: {last: \"P1D\"}) { sent } }", "extensions": {"explain": "plan"}}`
	req := httptest.NewRequestWithContext(auth.With(t.Context(), auth.Anyone()), http.MethodPost, "/graphql", strings.NewReader(body))
	req.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	g.graph.ServeHTTP(w, req)
	if !strings.Contains(w.Body.String(), `"plan":{"calls":1,`) || len(g.called()) != 0 {
		t.Errorf("%s", w.Body)
	}
}

// Where it is not allowed, whoever asks is told so: an operation runs all the same,
// but not one whose price alone is wanted.
func TestExplainNotAllowed(t *testing.T) {
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

// An operation that plans too many calls is refused before the first; one that turns
// out to need more is stopped there, and shows what it has.
func TestBudget(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(2000))
	g.rememberingWith(nil, explain.Options{MaxCalls: 3})
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
	// What is held costs nothing: asked again, the rest is had.
	if r = g.ask(probing, nil); len(r.Errors) != 0 || fmt.Sprint(get(r.Data, "b", "totalCount")) != "1000" {
		t.Errorf("%+v", r)
	}
}

// What the playground shows as examples is within the default budget.
func TestExamplesAreWithinTheBudget(t *testing.T) {
	t.Parallel()
	for _, tab := range playground.Examples() {
		var variables map[string]any
		if tab.Variables != "" {
			if err := json.Unmarshal([]byte(tab.Variables), &variables); err != nil {
				t.Fatal(err)
			}
		}
		if p := priceFor(t, tab.Query, variables, plan.Everyone); p.Calls > 100 {
			t.Errorf("%+v for %s", p, tab.Query)
		}
	}
}

// That an answer is stale is told to everyone, and such an answer is kept by nobody.
func TestStaleIsAlwaysTold(t *testing.T) {
	t.Parallel()
	g := newGateway(t, thirtyDays())
	g.remembering(nil)
	const query = `{ stats(window: {between: {start: "2016-11-22T23:00:00Z", end: "2016-11-24T00:00:00Z"}}) { sent bounced } }`
	fresh := g.ask(query, nil)
	if fresh.Extensions != nil {
		t.Errorf("told: %v", fresh.Extensions)
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

// cacheControl is the header of the answer to a GET.
func (g *gateway) cacheControl(who auth.Caller, query string) string {
	r := httptest.NewRequestWithContext(auth.With(g.t.Context(), who), http.MethodGet, "/graphql?query="+url.QueryEscape(query), nil)
	for name, value := range g.header {
		r.Header[name] = value
	}
	w := httptest.NewRecorder()
	g.graph.ServeHTTP(w, r)
	return strings.Join(w.Header().Values("Cache-Control"), ", ")
}

// An answer may be kept as long as its least fresh part, and by the caller alone where
// callers are told apart.
func TestCacheControl(t *testing.T) {
	t.Parallel()
	g := newGateway(t, thirtyDays())
	g.rememberingWith(nil, explain.Options{Allowed: true, MaxCalls: 200})
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
		{name: "a settled page of a window that moves", query: `{ emails(window: {last: "P1D"}, first: 1) { nodes { emailId } } }`, want: "max-age=5"},
		{name: "a catalogue", query: `{ bounceCategories { code } }`, want: "max-age=3600"},
		{name: "of a caller with a name", query: `{ stats(` + past + `) { sent } }`, who: one, want: "private, max-age=3600"},
		{name: "an error", query: `{ a: stats(` + past + `) { sent } node(id: "x") { id } }`, want: "no-store"},
		{name: "a document that is wrong", query: `{ nothing }`, want: "no-store"},
		{name: "who asks", query: `{ viewer { name } a: stats(` + past + `) { sent } }`, want: "no-store"},
		{name: "nothing asked", query: `{ __typename }`, want: ""},
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

// A dashboard that shows the last 30 days every ten seconds costs at most three small
// calls each time. When an hour begins its window starts later, and it asks for 30 days
// by the day.
func TestARelativeDashboardCostsThreeSmallCalls(t *testing.T) {
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
			if !small && !(byDay && i%180 == 0) && !(byHour && i%180 == 1) { // an hour begins, or has begun
				t.Errorf("refresh %d asks %s", i, c)
			}
		}
		if len(calls) > 3 {
			t.Errorf("refresh %d costs %v", i, calls)
		}
		g.later.Add(10)
	}
}

// One caller's 500 details do not hold up another's single call: it is answered
// when as many of them are as were under way, and one turn.
func TestOneCallersManyCallsDoNotStarveAnothers(t *testing.T) {
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
		c, err := cached.New(ledger.Budget(client), cached.Options{Bytes: cached.DefaultBytes, Fresh: time.Second})
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
		time.Sleep(time.Second) // some dozen details have been served, hundreds wait
		before, start := served.Load(), time.Now()
		g.data(`{ bounceCategories { code } }`, nil)
		if n, took := served.Load()-before, time.Since(start); n > 3*atOnce || took > 300*time.Millisecond {
			t.Errorf("another's one call waited for %d of them, %v", n, took)
		}
		<-done
	})
}

// modelServer answers bounces, their details and categories out of rows.
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

// An operation that has made its calls shows what it has, and an error at each place
// where something is missing.
func TestWhatABudgetLeavesOut(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(120))
	schema := generated.NewExecutableSchema(resolvers.Schema()).Schema()
	random := rand.New(rand.NewPCG(5, 6))
	variables := map[string]any{"yes": true, "no": false}
	stopped := 0
	for i := range 80 {
		query := operation{schema: schema, random: random, fragments: map[string]string{}, connections: 10, nesting: 3}.write()
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
			for i := range at { // a null goes up to where one may be
				if get(got.Data, at[:i+1]...) == nil {
					at = at[:i+1]
					break
				}
			}
			if missing := get(got.Data, at...); missing != nil && missing != true { // hasNextPage is true where that is not known
				t.Fatalf("operation %d: there is an error at %v, and %v: %s", i, at, missing, query)
			}
			blank(want, at)
			blank(got.Data, at)
		}
		if len(got.Errors) > 0 {
			stopped++
		}
		if d := cmp.Diff(want, got.Data); d != "" && len(got.Errors) < 100 { // an answer has so many errors at most
			t.Fatalf("operation %d: %s\n(-without a budget +with one)\n%s", i, query, d)
		}
	}
	if stopped < 20 {
		t.Errorf("only %d were stopped", stopped)
	}
}

// blank takes what is at a path out of the data.
func blank(data map[string]any, at []any) {
	switch in := get(data, at[:len(at)-1]...).(type) {
	case map[string]any:
		in[at[len(at)-1].(string)] = nil
	case []any:
		in[at[len(at)-1].(int)] = nil
	}
}

// path makes the path of an error one that get walks.
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
