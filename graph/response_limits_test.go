package graph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/upstreamtest"
)

// withColumns returns an endpoint whose lists are answered column by column.
func withColumns(o graph.Options, extensions ...graph.Extension) endpoint {
	e := newEndpoint(graph.Options{})
	o.Extensions = append([]graph.Extension{
		loaders.Extension{API: func(context.Context) upstream.Asker { return e.api }, Now: upstreamtest.SampleDay.UTC},
		resolvers.Columns(),
	}, extensions...)
	h := graph.NewHandler(generated.NewExecutableSchema(resolvers.Schema()), o)
	e.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(auth.With(r.Context(), auth.Anyone())))
	})
	return e
}

// Aliases repeat the fields of rows without further calls, and do not multiply a response beyond the memory for it.
func TestBytesOfListsAreLimited(t *testing.T) {
	t.Parallel()
	list := "bounces(" + window + ") { nodes {" + repeat(20, " a%d: id") + " } }"
	size := len(withColumns(graph.Options{}).ask(t, "{"+list+"}", "").body)
	most := 3*size + size/2
	e := withColumns(graph.Options{MaxInFlight: int64(4 * most)})
	lists := func(n int) string { return "{" + repeat(n, " b%d: "+list) + "}" }
	if a := e.ask(t, lists(3), ""); len(a.errors) > 0 || len(a.body) < 3*size-100 {
		t.Errorf("3 lists of %d bytes: %d bytes, %+v", size, len(a.body), a.errors)
	}
	for name, query := range map[string]string{
		"several lists": lists(4),
		"a list":        "{ bounces(" + window + ") { nodes {" + repeat(240, " a%d: id") + " } } }",
		"a list in slow fields": "{ bounces(" + window + ") { nodes {" + repeat(240, " a%d: id") +
			" user { senders(" + window + ", first: 0) { totalCount } } } } }",
	} {
		a := e.ask(t, query, "")
		if len(a.errors) != 1 || a.errors[0].code() != "QUERY_TOO_EXPENSIVE" || len(a.body) > most ||
			!strings.Contains(a.errors[0].Message, fmt.Sprintf("more than %d bytes", most)) ||
			len(a.errors[0].Path) != 2 {
			t.Errorf("%s: %d bytes, %+v", name, len(a.body), a.errors)
		}
	}
	parts, _ := json.Marshal(map[string]string{"query": "{ bounces(" + window + ") { nodes {" +
		repeat(8, " ... @defer(label: \"%d\") { id }") + " } } }"})
	if w := e.record(t.Context(), post(string(parts), "Accept", "multipart/mixed")); !strings.Contains(w.Body.String(),
		fmt.Sprintf("more than %d bytes", most)) {
		t.Errorf("parts of rows: %.300s", w.Body)
	}
}

// The groups of a breakdown count by their bytes: the dashboard asks for those of every hour of 30 days and of the 30
// days before, for eight domains at once.
func TestHoursOfManyDomainsFitInLittleMemory(t *testing.T) {
	t.Parallel()
	const hours = 720
	var rows upstreamtest.Rows
	for i := range 2 * hours {
		at := upstreamtest.SampleDay + upstream.Time(i-2*hours)*3600
		id := upstream.Identity{Time: at, EmailID: fmt.Sprint(at), Recipient: "a@example.com", UserID: 1, SenderID: 1}
		own := store.Own{Type: upstream.Soft, Category: "quota-issues", Code: "4.2.2", Reason: "manual"}
		rows.Append(upstreamtest.RowsOf(store.Event{Identity: id, Local: "a", Domain: "example.com", Own: own}))
	}
	e := withColumns(graph.Options{MaxInFlight: 115 << 20})
	e.api.API = upstreamtest.NewModel(rows)
	var query strings.Builder
	for _, days := range []int{60, 30} {
		start := upstreamtest.SampleDay - upstream.Time(days)*86400
		in := fmt.Sprintf("(window: {between: {start: %d, end: %d}}, filter: {domain: %q}) ", start, start+30*86400,
			"example.com")
		groups := func(arguments, also string) string {
			return in + "{ breakdown(" + arguments + ") { groups { keys { value } count" + also + " } } }"
		}
		name := fmt.Sprintf(" from%d_", days)
		query.WriteString(repeat(8, name+"sent%d: emails"+groups("by: [HOUR], top: 1000", "")) +
			repeat(8, name+"blocked%d: blockedEmails"+groups("by: [HOUR], top: 1000", "")) +
			repeat(8, name+"bounces%d: bounces"+
				groups("by: [TYPE], top: 2", " series(interval: HOUR) { start count }")))
	}
	a := e.ask(t, "{"+query.String()+" }", "")
	if n := strings.Count(a.body, `"keys"`); len(a.errors) > 0 || n < 32*hours {
		t.Errorf("%d groups, %.1000s", n, a.body)
	}
}

// A response takes room as it grows, not only once it is complete.
func TestResponsesTakeRoomAsTheyGrow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type name struct{}
		large := repeat(5, " b%d: bounces("+window+") { nodes {"+repeat(40, " a%d: id")+" } }")
		size := len(withColumns(graph.Options{}).ask(t, "{"+large+"}", "").body)
		e := withColumns(graph.Options{
			MaxInFlight: int64(9 * size / 2),
			Caller:      func(ctx context.Context) string { s, _ := ctx.Value(name{}).(string); return s },
		})
		finish := make(chan struct{})
		e.api.Before = func(_ context.Context, call string) error {
			if strings.HasPrefix(call, "/emails/counts") {
				<-finish
			}
			return nil
		}
		ask := func(query string) answer {
			body, _ := json.Marshal(map[string]string{"query": query})
			return e.doIn(context.WithValue(t.Context(), name{}, "a"), t, post(string(body)))
		}
		var all sync.WaitGroup
		for range 2 {
			all.Go(func() {
				if a := ask("{" + large + " stats(" + window + ") { sent } }"); a.status != 200 || len(a.errors) > 0 {
					t.Errorf("status %d, %.300s", a.status, a.body)
				}
			})
		}
		synctest.Wait()
		if a := ask("{" + large + "}"); !shed(a) {
			t.Errorf("while others grow: status %d, %.300s", a.status, a.body)
		}
		close(finish)
		all.Wait()
		if a := ask("{" + large + "}"); a.status != 200 || len(a.errors) > 0 {
			t.Errorf("afterwards: status %d, %.300s", a.status, a.body)
		}
	})
}

// priced answers every operation with its price, without running it.
type priced struct{}

func (priced) Begin(ctx context.Context, _ *graphql.OperationContext) (context.Context, *graphql.Response) {
	return ctx, &graphql.Response{Extensions: map[string]any{"price": 1}}
}

// The response to a subscription that an extension answers instead of running it is JSON, and the only one.
func TestSubscriptionsMayBeAnsweredByExtensions(t *testing.T) {
	t.Parallel()
	e := withColumns(graph.Options{}, priced{})
	w := e.record(t.Context(), post(`{"query": "subscription { bounces { cursor } }"}`, "Accept", "text/event-stream"))
	const want = "event: next\ndata: {\"data\":null,\"extensions\":{\"price\":1}}\n\nevent: complete\ndata: \n\n"
	if got := strings.TrimPrefix(w.Body.String(), ":\n\n"); got != want {
		t.Errorf("%q", got)
	}
}

// A document that is kept does not keep the URL that it came in.
func TestKeptDocumentsDoNotKeepURLs(t *testing.T) {
	const documents, url = 300, 100_000
	heap := func() int64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	e := newEndpoint(graph.Options{})
	before := heap()
	for i := range documents {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/graphql", http.NoBody)
		r.URL.RawQuery = fmt.Sprintf("query={a%d:__typename}&x=", i) + strings.Repeat("x", url)
		w := httptest.NewRecorder()
		if e.ServeHTTP(w, r); w.Code != 200 {
			t.Fatalf("status %d: %s", w.Code, w.Body)
		}
	}
	if kept := heap() - before; kept > documents*url/2 {
		t.Errorf("%d bytes are kept", kept)
	}
	runtime.KeepAlive(e)
}
