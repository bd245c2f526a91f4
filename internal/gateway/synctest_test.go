package gateway

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"github.com/golang-jwt/jwt/v5"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/rest"
)

// bubble is an endpoint in a synctest bubble. Behind it is a metrics API server that takes a second per request and
// counts them.
type bubble struct {
	t      *testing.T
	public pipes
	asked  atomic.Int32
}

// newBubble serves the endpoint until close is called, without which the bubble would not end.
func newBubble(t *testing.T, o graph.Options) (b *bubble, done func()) {
	b = &bubble{t: t, public: make(pipes)}
	metricsAPI := make(pipes)
	behind := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b.asked.Add(1)
		time.Sleep(time.Second)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"data": ["bad-mailbox"]}`)
	})}
	go func() { _ = behind.Serve(metricsAPI) }()
	client, err := rest.New(rest.Options{
		BaseURL: "http://metrics.example.com", Transport: metricsAPI.client().Transport,
	})
	if err != nil {
		t.Fatal(err)
	}
	joining, err := cached.New(client, cached.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o.Extensions = []graph.Extension{
		loaders.Extension{API: func(context.Context) upstream.Asker { return joining }, Now: time.Now},
	}
	s := newServer(b.public, graph.NewHandler(generated.NewExecutableSchema(resolvers.Schema()), o))
	go func() { _ = s.Serve(s.listener) }()
	return b, func() {
		client.Close()
		_ = s.Close()
		_ = behind.Close()
	}
}

// dial opens a WebSocket and authenticates.
func (b *bubble) dial(init string) *websocket.Conn {
	b.t.Helper()
	c, _, err := websocket.Dial(b.t.Context(), "ws://gateway.example.com/graphql",
		&websocket.DialOptions{HTTPClient: b.public.client(), Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		b.t.Fatal(err)
	}
	b.say(c, init)
	if _, m, err := c.Read(b.t.Context()); err != nil || string(m) != `{"type":"connection_ack"}` {
		b.t.Fatalf("%s, %v", m, err)
	}
	return c
}

func (b *bubble) say(c *websocket.Conn, message string) {
	b.t.Helper()
	if err := c.Write(b.t.Context(), websocket.MessageText, []byte(message)); err != nil {
		b.t.Fatal(err)
	}
}

// A WebSocket whose client does not read is cut off after ten seconds and not earlier; its operations then free their
// memory.
func TestUnreadSocketsAreCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		streams := graph.NewStreams(10)
		b, done := newBubble(t, graph.Options{Streams: streams, Heartbeat: time.Hour})
		defer done()
		c := b.dial(`{"type":"connection_init"}`)
		defer func() { _ = c.CloseNow() }()
		b.say(c, `{"type":"subscribe","id":"1","payload":{"query":"{ __typename }"}}`)
		time.Sleep(10*time.Second - time.Millisecond) // the pipe has no buffer: the response waits for its reader
		synctest.Wait()
		if streams.Open() != 1 {
			t.Errorf("%d sockets are open before their time is over, want 1", streams.Open())
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if streams.Open() != 0 {
			t.Errorf("%d sockets are open after it, want none", streams.Open())
		}
		if _, m, err := c.Read(t.Context()); err == nil {
			t.Errorf("the client can go on: %s", m)
		}
	})
}

// A WebSocket whose token expires is closed with 4403 at the next heartbeat, after a tolerance of half a minute for
// differing clocks.
func TestSocketsCloseWhenTheirTokenExpires(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "jwks.json")
	if err := os.WriteFile(file, fmt.Appendf(nil, `{"keys": [{"kty": "RSA", "kid": "1", "n": %q, "e": "AQAB"}]}`,
		base64.RawURLEncoding.EncodeToString(private.N.Bytes())), 0o600); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		who, err := auth.OpenTokens(ctx, file, auth.TokenOptions{
			Algorithms: []string{"RS256"}, Issuer: "https://login.example.com/", Audience: "metrics",
			UsersClaim: "users", ScopesClaim: "scope",
		}, slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		b, done := newBubble(t, graph.Options{
			Identify: func(ctx context.Context, r *http.Request, init map[string]any) (context.Context, error) {
				return auth.Identify(ctx, who, r.Header, init)
			},
			Check: auth.Check, Heartbeat: 10 * time.Second,
		})
		defer done()
		began := time.Now()
		tok := jwt.NewWithClaims(jwt.SigningMethodRS256,
			jwt.MapClaims{
				"iss": "https://login.example.com/", "aud": "metrics", "sub": "omar",
				"exp": began.Add(time.Minute).Unix(), "users": "*", "scope": "metrics:read",
			})
		tok.Header["kid"] = "1"
		bearer, err := tok.SignedString(private)
		if err != nil {
			t.Fatal(err)
		}
		c := b.dial(`{"type":"connection_init","payload":{"Authorization":"Bearer ` + bearer + `"}}`)
		defer func() { _ = c.CloseNow() }()
		_, m, err := c.Read(t.Context())
		var end websocket.CloseError
		if !errors.As(err, &end) || end.Code != 4403 || !strings.Contains(end.Reason, "expired") {
			t.Errorf("%s, %v, want an end by 4403", m, err)
		}
		if lasted := time.Since(began); lasted < 90*time.Second || lasted > 100*time.Second {
			t.Errorf("it was closed after %v, want the token's minute, the clocks' 30 s and up to a heartbeat", lasted)
		}
	})
}

// Operations of a batch that need the same upstream call share it.
func TestEqualCallsOfABatchAreShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b, done := newBubble(t, graph.Options{MaxBatch: 10})
		defer done()
		caller := b.public.client()
		defer caller.CloseIdleConnections()
		const one = `{"query": "{ bounceCategories { code } }"}`
		resp, err := caller.Post("http://gateway.example.com/graphql", "application/json",
			strings.NewReader("["+strings.Repeat(one+",", 9)+one+"]"))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var answers []struct {
			Data struct{ BounceCategories []struct{ Code string } }
		}
		if err := json.NewDecoder(resp.Body).Decode(&answers); err != nil {
			t.Fatal(err)
		}
		for i, a := range answers {
			if len(a.Data.BounceCategories) != 1 || a.Data.BounceCategories[0].Code != "bad-mailbox" {
				t.Errorf("answer %d: %v", i, a)
			}
		}
		if got := b.asked.Load(); got != 1 || len(answers) != 10 {
			t.Errorf("%d requests for %d operations, want 1 for 10", got, len(answers))
		}
	})
}
