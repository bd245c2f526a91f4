package resolvers_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/feed"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
)

// events is a stream of server-sent events.
type events struct {
	t     *testing.T
	lines *bufio.Scanner
	body  io.Closer
}

// subscribe opens a stream for a caller who may see these users.
func subscribe(t *testing.T, s *httptest.Server, users auth.Users, query string, variables map[string]any) *events {
	t.Helper()
	v, err := json.Marshal(variables)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet,
		s.URL+"?query="+url.QueryEscape(query)+"&variables="+url.QueryEscape(string(v)), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("X-Users", users.String())
	resp, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if got := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK ||
		got != "text/event-stream; charset=utf-8" {
		t.Fatalf("status %d, %s", resp.StatusCode, got)
	}
	return &events{t, bufio.NewScanner(resp.Body), resp.Body}
}

// next returns the next event and its data. It skips heartbeats.
func (e *events) next() (name string, data response) {
	e.t.Helper()
	for e.lines.Scan() {
		line := e.lines.Text()
		if n, ok := strings.CutPrefix(line, "event: "); ok {
			name = n
		}
		if text, ok := strings.CutPrefix(line, "data: "); ok && text != "" {
			if err := json.Unmarshal([]byte(text), &data); err != nil {
				e.t.Fatalf("%v in %s", err, text)
			}
		}
		if line == "" && name != "" {
			return name, data
		}
	}
	return "", response{}
}

// Bounces come as they appear, once to each of many subscribers with one poll, with the selected fields, and
// only to callers who may see them.
func TestSubscriptionDeliversEachBounceOnce(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(12))
	f := feed.New(func(ctx context.Context) feed.View {
		c := auth.FromContext(ctx)
		return feed.View{API: auth.Limit(g.client, c, mask), Context: auth.With(context.Background(), c), Key: c.View()}
	}, feed.Options{Interval: 20 * time.Millisecond, Now: g.now})
	t.Cleanup(f.Close)
	streams := graph.NewStreams(100)
	one := auth.Only(21)
	endpoint := graph.NewHandler(generated.NewExecutableSchema(resolvers.Root{Feed: f}.Schema()), graph.Options{
		Streams: streams,
		Identify: func(ctx context.Context, r *http.Request, _ map[string]any) (context.Context, error) {
			users := auth.Everyone()
			if r.Header.Get("X-Users") == one.String() {
				users = one
			}
			return auth.With(ctx, auth.Caller{Users: users, Scopes: auth.AllScopes}), nil
		},
		Extensions: []graph.Extension{
			loaders.Extension{
				API: func(ctx context.Context) upstream.Asker {
					return auth.Limit(g.client, auth.FromContext(ctx), mask)
				}, Now: g.now,
			},
			resolvers.Columns(),
		},
	})
	s := httptest.NewServer(endpoint)
	t.Cleanup(s.Close)

	const everything = `subscription($f: BounceFilter, $after: String) { bounces(filter: $f, ` +
		`after: $after) { cursor node { emailId userId recipient sender { address } detail { ruleName } } } }`
	all := []*events{
		subscribe(t, s, auth.Everyone(), everything, nil), subscribe(t, s, auth.Everyone(), everything, nil),
		subscribe(t, s, one, everything, nil),
	}
	g.write(rowsAt(now-2, 700)) // of different users
	g.write(rowsAt(now-1, 701))
	var cursor string
	for i, e := range all[:2] {
		for n, want := range []string{"000000000700@", "000000000701@"} {
			name, data := e.next()
			event, _ := data.Data["bounces"].(map[string]any)
			node, _ := event["node"].(map[string]any)
			if name != "next" || len(data.Errors) > 0 || !strings.Contains(fmt.Sprint(node["emailId"]), want) {
				t.Fatalf("subscriber %d: event %d is %s, %v", i, n, name, data)
			}
			sender, _ := node["sender"].(map[string]any)
			if detail, ok := node["detail"].(map[string]any); !ok || detail["ruleName"] == "" ||
				sender["address"] == nil {
				t.Errorf("subscriber %d: event %d lacks joined data: %v", i, n, node)
			}
			if n == 0 {
				cursor, _ = event["cursor"].(string)
			}
		}
	}
	// A client that has the first event's cursor continues with the second.
	if _, data := subscribe(t, s, auth.Everyone(), everything,
		map[string]any{"after": cursor}).next(); !strings.Contains(fmt.Sprint(data.Data), "000000000701@") {
		t.Errorf("resumed: %v", data)
	}
	// A caller who may see one user sees only that user's bounces.
	for i := range 6 {
		g.write(rowsAt(now-1, 710+i))
	}
	if _, data := all[2].next(); get(data.Data, "bounces", "node", "userId") != "21" {
		t.Errorf("a caller who may see user 21 got %v", data)
	}
	// A cursor of another filter is an error, and the stream completes after it.
	e := subscribe(t, s, auth.Everyone(), everything,
		map[string]any{"after": cursor, "f": map[string]any{"type": "HARD"}})
	if name, data := e.next(); name != "next" || len(data.Errors) != 1 ||
		data.Errors[0].Extensions["code"] != "BAD_USER_INPUT" {
		t.Errorf("%s, %v", name, data)
	}
	if name, _ := e.next(); name != "complete" {
		t.Errorf("after the error comes %q", name)
	}
	// When the gateway stops, it cuts off all streams, so that clients know to connect again.
	if err := streams.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	for name, _ := all[0].next(); name != ""; name, _ = all[0].next() {
		if name != "next" {
			t.Fatalf("after the shutdown comes %q", name)
		}
	}
	// Queries are also answered as a stream, and subscriptions only as a stream.
	r := httptest.NewRequest(http.MethodGet, "/?query="+url.QueryEscape(everything), nil)
	w := httptest.NewRecorder()
	endpoint.ServeHTTP(w, r)
	if w.Code != http.StatusNotAcceptable && w.Code != http.StatusOK ||
		!strings.Contains(w.Body.String(), "accept text/event-stream") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
