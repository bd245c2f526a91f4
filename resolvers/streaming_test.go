package resolvers_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/feed"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// streaming is an endpoint with subscriptions over an upstream in memory, in the middle of the day. Callers
// give their name in a header or in connection_init.
type streaming struct {
	*httptest.Server
	model   *upstreamtest.Model
	api     *upstreamtest.Counting
	streams *graph.Streams
	made    int
}

func newStreaming(t *testing.T, callers map[string]auth.Caller, o graph.Options, poll time.Duration) *streaming {
	t.Helper()
	s := &streaming{model: upstreamtest.NewModel(upstreamtest.Rows{}), streams: graph.NewStreams(10_000)}
	s.api = &upstreamtest.Counting{API: s.model}
	view := func(ctx context.Context) upstream.Asker { return auth.Limit(s.api, auth.FromContext(ctx), mask) }
	clock := func() time.Time { return (day + 43200).UTC() }
	f := feed.New(func(ctx context.Context) feed.View {
		c := auth.FromContext(ctx)
		return feed.View{API: view(ctx), Context: auth.With(context.Background(), c), Key: c.View()}
	}, feed.Options{Interval: poll, Overlap: 12 * time.Hour, Now: clock})
	o.Streams = s.streams
	o.Extensions = []graph.Extension{loaders.Extension{API: view, Now: clock}, resolvers.Columns()}
	o.Identify = func(ctx context.Context, r *http.Request, init map[string]any) (context.Context, error) {
		name := r.Header.Get("X-Caller")
		if said, ok := init["caller"].(string); ok {
			name = said
		}
		return auth.With(ctx, callers[name]), nil
	}
	s.Server = httptest.NewServer(graph.NewHandler(generated.NewExecutableSchema(resolvers.Root{Feed: f}.Schema()), o))
	t.Cleanup(func() {
		f.Close()
		s.CloseClientConnections()
		s.Close()
	})
	return s
}

// appear adds a bounce of a user.
func (s *streaming) appear(user upstream.ID) {
	s.made++
	s.model.Add(upstreamtest.Rows{Bounces: []upstream.BounceDetail{{
		Bounce: upstream.Bounce{
			UserID: user, SenderID: user * 100, EmailID: fmt.Sprintf("made%d", s.made), EmailAddress: "r@example.com",
			Domain: "example.com", Type: upstream.Hard, BounceTime: day + 40000, ProcessTime: day + 40000,
		},
		RuleName: "rule",
	}}})
}

// reading is the client of a subscription. It returns each payload, and nil at the end.
type reading func() []byte

// events reads server-sent events.
func (s *streaming) events(t *testing.T, caller, query string) reading {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, s.URL+"?query="+url.QueryEscape(query), nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/event-stream")
	r.Header.Set("X-Caller", caller)
	resp, err := s.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	lines := bufio.NewScanner(resp.Body)
	return func() []byte {
		for lines.Scan() {
			if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
				return []byte(data)
			}
		}
		return nil
	}
}

// socket reads the messages of a WebSocket.
func (s *streaming) socket(t *testing.T, caller, query string) reading {
	t.Helper()
	c, _, err := websocket.Dial(t.Context(), s.URL,
		&websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.CloseNow() })
	c.SetReadLimit(1 << 20)
	text, _ := json.Marshal(query)
	for _, m := range []string{
		`{"type":"connection_init","payload":{"caller":"` + caller + `"}}`,
		`{"type":"subscribe","id":"1","payload":{"query":` + string(text) + `}}`,
	} {
		if err := c.Write(t.Context(), websocket.MessageText, []byte(m)); err != nil {
			t.Fatal(err)
		}
	}
	return func() []byte {
		for {
			_, data, err := c.Read(t.Context())
			if err != nil {
				return nil
			}
			if !strings.Contains(string(data), `"connection_ack"`) {
				return data
			}
		}
	}
}

func (s *streaming) transports() map[string]func(t *testing.T, caller, query string) reading {
	return map[string]func(t *testing.T, caller, query string) reading{"events": s.events, "socket": s.socket}
}
