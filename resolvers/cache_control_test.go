package resolvers_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/internal/auth"
	"deliverygraph/resolvers/cost"
)

// A stale answer is always marked as stale, and no client or proxy may cache it.
func TestStaleAnswersAreMarkedAndNotCacheable(t *testing.T) {
	t.Parallel()
	g := newGateway(t, thirtyDays())
	g.remembering(nil)
	const query = `{
		stats(window: {between: {start: "2016-11-22T23:00:00Z", end: "2016-11-24T00:00:00Z"}}) { sent bounced }
	}`
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
	want := map[string]any{"upstream": map[string]any{"stale": map[string]any{
		"ageMs": json.Number("60000"), "answers": json.Number("2"),
	}}}
	if d := cmp.Diff(want, stale.Extensions); d != "" {
		t.Error(d)
	}
	if got := g.cacheControl(auth.Anyone(), query); got != "no-store" {
		t.Errorf("Cache-Control: %s", got)
	}
}

// cacheControl returns the Cache-Control header of the answer to a GET.
func (g *gateway) cacheControl(who auth.Caller, query string) string {
	r := httptest.NewRequestWithContext(auth.With(g.t.Context(), who),
		http.MethodGet, "/graphql?query="+url.QueryEscape(query), nil)
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
	const both = `{ a: stats(` + past + `) { sent } b: stats(` + open + `) { sent } }`
	const page = `{ emails(window: {last: "P1D"}, first: 1) { nodes { emailId } } }`
	one := auth.Caller{Name: "one", Users: auth.Everyone(), Scopes: auth.AllScopes}
	for _, c := range []struct {
		name, query, want string
		who               auth.Caller
		later             int64
	}{
		{name: "the settled past", query: `{ stats(` + past + `) { sent } }`, want: "max-age=3600"},
		{name: "the open edge", query: `{ stats(` + open + `) { sent } }`, want: "max-age=5"},
		{name: "both", query: both, want: "max-age=5"},
		{name: "two seconds later", query: both, later: 2, want: "max-age=3"},
		{name: "a settled page of a window that moves", query: page, want: "max-age=3"},
		{name: "when the next window begins", query: page, later: 4, want: "max-age=4"},
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
