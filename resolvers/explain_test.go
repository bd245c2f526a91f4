package resolvers_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/graph/generated"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/cost"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream"
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
	const query = `{
		a: bounces(window: {last: "P1D"}, filter: {recipient: "recipient1@example1.com"}) {
			nodes { recipient sender { address } detail { ruleName } }
		}
		b: bounces(window: {last: "P1D"}, filter: {recipient: "recipient1@example1.com"}) { nodes { category } }
		senders(window: {last: "P1D"}) { nodes { userId } }
	}`
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
			if get(c, "source") == "sent" &&
				(fmt.Sprint(get(c, "status"), "/", get(c, "tries")) != "200/1" || get(c, "bytes") == nil) {
				t.Errorf("a call is explained as %v", c)
			}
		}
		return sources
	}
	cold := g.ask(query, nil)
	made := len(g.called())
	if got := sourcesOf(cold); made == 0 || got["sent"] != made ||
		fmt.Sprint(cold.explained("totals", "sent")) != fmt.Sprint(made) {
		t.Errorf("%d calls made, but explained are %v and %v", made, got, cold.explained("totals"))
	}
	if get(cold.Extensions, "upstream", "batches", "loaders", 0, "keys") == nil ||
		fmt.Sprint(cold.explained("plan", "maxCalls")) != "200" {
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
	f := &attacker{
		schema: generated.NewExecutableSchema(resolvers.Schema()).Schema(),
		random: rand.New(rand.NewPCG(7, 8)),
		words:  leakWords(all),
		found:  map[string][]string{},
	}
	rows, unseen := 0, 0
	for n := range 50 {
		query, c := f.operation(), n%len(callers)
		got, want := timeless(whole.askBy(callers[c], query, nil)), timeless(others[c].askBy(callers[c], query, nil))
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("caller %d sees traces of other data in %s:\n%s", c, query, d)
		}
		rows += strings.Count(got, `"rows":`)
		unseen += strings.Count(got, `rollup_to=user","source":"sent"}`)
	}
	if rows < 20 || unseen < 6 {
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
	if repeated(calls) { // whether equal calls at the same time are joined depends on time
		totals := r.explained("totals").(map[string]any)
		sent, _ := totals["sent"].(float64)
		joined, _ := totals["joined"].(float64)
		totals["both"] = sent + joined
		for _, name := range []string{"sent", "joined", "tries", "bytes"} {
			delete(totals, name)
		}
		if charged, ok := r.Extensions["cost"].(map[string]any); ok {
			delete(charged, "actual")
		}
	}
	text := func(v any) string { b, _ := json.Marshal(v); return string(b) }
	slices.SortFunc(calls, func(a, b any) int { return strings.Compare(text(a), text(b)) })
	// Fields of the caller's users and fields of one of them may make the same call: whether they join depends on time.
	paths := map[any]bool{}
	once := slices.DeleteFunc(slices.Clone(calls), func(c any) bool {
		path := get(c, "path")
		again := paths[path]
		paths[path] = paths[path] || get(c, "source") != "joined"
		return again || get(c, "source") == "joined"
	})
	if len(once) < len(calls) {
		all := r.explained().(map[string]any)
		all["calls"] = once
		delete(all, "totals")
		delete(r.Extensions, "cost")
	}
	return text(r.Extensions)
}

// repeated reports whether some calls are equal, and removes from those what differs if they are joined.
func repeated(calls []any) (some bool) {
	times := map[string]int{}
	for _, c := range calls {
		times[c.(map[string]any)["path"].(string)]++
	}
	for _, c := range calls {
		if c := c.(map[string]any); times[c["path"].(string)] > 1 {
			some = true
			for _, name := range []string{"source", "status", "tries", "bytes"} {
				delete(c, name)
			}
		}
	}
	return some
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
		if details < 30 || strings.Contains(text, "rcpt") || !strings.Contains(text, "/…") ||
			strings.Contains(text, "@mark") == (scopes == auth.MetricsRead) {
			t.Errorf("%v: %d details, %v: %s", scopes, details, r.Errors, text)
		}
	}
}

// A plan makes no call, and reports what running the operation would cost.
func TestExplainPlanMakesNoCalls(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(20))
	g.serveWith(upstream.Around(g.client, operation.Budget), cost.Options{Allowed: true, MaxCalls: 200, MaxRows: 4000})
	g.header = http.Header{"X-Explain": {"plan"}}
	g.called()
	r := g.ask(`{ bounces(`+today+`, first: 500) { nodes { detail { ruleName } } } }`, nil)
	if len(g.called()) != 0 || r.Data != nil || r.Errors != nil || fmt.Sprint(r.explained("plan", "calls")) != "501" ||
		r.explained("plan", "dearest") != "bounces.nodes.detail" ||
		fmt.Sprint(r.explained("plan", "worstRows")) != "500" || fmt.Sprint(r.explained("plan", "maxRows")) != "4000" ||
		fmt.Sprint(r.explained("plan", "maxPoints")) != "500000" {
		t.Errorf("%+v", r)
	}
	// The same through the request's extensions.
	body := `{"query": "{ stats(window: {last: \"P1D\"}) { sent } }", "extensions": {"explain": "plan"}}`
	req := httptest.NewRequestWithContext(auth.With(t.Context(), auth.Anyone()),
		http.MethodPost, "/graphql", strings.NewReader(body))
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
	if !strings.Contains(fmt.Sprint(r.explained("message")), "--explain") || r.explained("calls") != nil ||
		r.explained("plan") != nil ||
		get(r.Data, "stats", "sent") == nil {
		t.Errorf("%+v", r)
	}
	g.called()
	g.header = http.Header{"X-Explain": {"plan"}}
	r = g.ask(`{ stats(`+today+`) { sent } }`, nil)
	if len(r.Errors) != 1 || r.Errors[0].Extensions["code"] != "FORBIDDEN" || len(g.called()) != 0 {
		t.Errorf("%+v", r)
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
