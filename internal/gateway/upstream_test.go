package gateway

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/internal/telemetry"
	"deliverygraph/upstream"
	"deliverygraph/upstream/grouped"
	"deliverygraph/upstream/upstreamtest"
)

// A gateway in front of another gateway's REST port gives the same answers.
func TestRemoteUpstreamGivesTheSameAnswers(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte("a-key-of-the-tests-0123456789\nanother-key-of-the-tests users=21\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	first := start(t, "--rest-listen", "127.0.0.1:0", "--rest-keys", keys)
	second := start(t, "--upstream", first.rest, "--upstream-key", "a-key-of-the-tests-0123456789")
	limited := start(t, "--upstream", first.rest, "--upstream-key", "another-key-of-the-tests")
	// An absolute window, since now differs between the two.
	end := time.Now().Add(-time.Hour).Unix()
	w := fmt.Sprintf("window: {between: {start: %d, end: %d}}", end-7*86400, end)
	q := `{
		bounces(` + w + `, filter: {type: HARD}, first: 50) {
			totalCount
			nodes {
				id bouncedAt recipient xHeaders { name value } sender { address } user { userId }
				detail { diagnosticCode fullContent }
			}
			pageInfo { endCursor hasNextPage }
		}
		senders(` + w + `) {
			nodes { address stats(` + w + `) { sent bounceRate series(interval: DAY) { start sent blocked } } }
		}
	}`
	want := first.query(q, nil)
	if d := cmp.Diff(want, second.query(q, nil)); d != "" {
		t.Error(d)
	}
	users := at(limited.query(`{ users(`+w+`) { nodes { userId } } }`, nil), "users", "nodes")
	if d := cmp.Diff([]any{map[string]any{"userId": "21"}}, users); d != "" {
		t.Error(d)
	}
	stranger := start(t, "--upstream", first.rest)
	_, text := stranger.do(http.MethodPost, stranger.graphql, `{"query": "{ bounceCategories { code } }"}`,
		"Content-Type", "application/json")
	if !strings.Contains(text, "UPSTREAM_UNAUTHENTICATED") || strings.Contains(text, "127.0.0.1") {
		t.Error(text)
	}
}

// With a certificate, the endpoint serves HTTP/2, and the REST port HTTPS alone, which other gateways and doctor can
// use.
func TestPortsServeHTTPSWithACertificate(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(nil)
	server.EnableHTTP2 = true
	server.StartTLS()
	server.Close()
	cert, key := writePair(t, server.TLS.Certificates[0])
	first := start(t, "--rest-listen", "127.0.0.1:0", "--tls-cert", cert, "--tls-key", key)
	if !strings.HasPrefix(first.rest, "https://") {
		t.Fatalf("the log names %s", first.rest)
	}
	resp, err := server.Client().Post(first.graphql, "application/json", strings.NewReader(usersOfWeek))
	if err != nil {
		t.Fatal(err)
	}
	defer server.Client().CloseIdleConnections()
	defer resp.Body.Close()
	if text, err := io.ReadAll(resp.Body); resp.ProtoMajor != 2 || !strings.Contains(string(text), `"userId":"20"`) {
		t.Errorf("%s: %s, %v", resp.Proto, text, err)
	}
	second := start(t, "--upstream", first.rest, "--upstream-ca", cert)
	const query = `{ bounces(window: {last: "P90D"}) { totalCount } }`
	if n := at(second.query(query, nil), "bounces", "totalCount"); n == 0.0 {
		t.Error("there are no bounces")
	}
	plain := strings.Replace(first.rest, "https:", "http:", 1)
	for url, want := range map[string]string{
		first.rest: "The gateway can use this server", plain: "the URL should begin with https://",
	} {
		var out bytes.Buffer
		Run(t.Context(), []string{"doctor", "--upstream", url, "--upstream-ca", cert}, Streams{nil, &out, &out})
		if text := strings.Join(strings.Fields(out.String()), " "); !strings.Contains(text, want) {
			t.Errorf("doctor about %s:\n%s", url, out.String())
		}
	}
}

// Client, cache, handler and store together fulfil the contract.
func TestWholeUpstreamFulfilsTheContract(t *testing.T) {
	t.Parallel()
	upstreamtest.RunAPI(t, func(t *testing.T, rows upstreamtest.Rows) upstream.Asker {
		g := &gateway{
			c: &serveCommand{
				Data: filepath.Join(t.TempDir(), "contract.db"), Create: true, Timeout: time.Minute,
				upstreamSettings: upstreamSettings{UpstreamConcurrency: 16},
				CacheSize:        64 << 20, CacheFresh: time.Minute,
			},
			metrics: telemetry.NewMetrics("test", "go"), logger: slog.New(slog.DiscardHandler),
			grouped: &grouped.Layer{},
		}
		if err := g.upstream(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := g.close(); err != nil {
				t.Error(err)
			}
		})
		if _, err := g.store.Write(t.Context(), rows); err != nil {
			t.Fatal(err)
		}
		return g.cache
	})
}
