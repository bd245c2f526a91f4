package gateway

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/coder/websocket"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/internal/auth"
	"deliverygraph/internal/telemetry"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/rest"
)

// pipes is a network in memory for synctest bubbles: writes block until they are read.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if c, ok := <-p; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error { close(p); return nil }

func (p pipes) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)} }

func (p pipes) client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableCompression: true,
		DialContext: func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			p <- there
			return here, nil
		}}}
}

// slowField delays a root field.
type slowField struct{ by *time.Duration }

func (s slowField) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	if graphql.GetFieldContext(ctx).Field.Name == "bounceCategories" {
		time.Sleep(*s.by)
	}
	return next(ctx)
}

// trickle is a body that arrives in two halves, the second one late.
type trickle struct {
	halves []string
	late   time.Duration
}

func (t *trickle) Read(p []byte) (int, error) {
	if len(t.halves) == 0 {
		return 0, io.EOF
	}
	if len(t.halves) == 1 {
		time.Sleep(t.late)
	}
	n := copy(p, t.halves[0])
	if t.halves[0] = t.halves[0][n:]; t.halves[0] == "" {
		t.halves = t.halves[1:]
	}
	return n, nil
}

func TestMetricsShowTheStateOfClientAndCache(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("test", "go")
	measureClient(m, func() rest.Load {
		return rest.Load{UnderWay: 2, Limit: 16, Waiting: 3, Refused: 4, Opened: 5, Breaker: "half-open"}
	})
	measureCache(m, func() cached.Use { return cached.Use{Answers: 6, Bytes: 700, Capacity: 8000} })
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, line := range []string{
		`upstream_requests_in_flight 2`, `upstream_limit 16`, `upstream_waiting 3`, `upstream_refused_total 4`,
		`upstream_breaker_opened_total 5`,
		`upstream_breaker_state{state="half-open"} 1`, `upstream_breaker_state{state="open"} 0`,
		`cache_entries 6`, `cache_bytes 700`, `cache_capacity_bytes 8000`,
	} {
		if !strings.Contains(w.Body.String(), "\ndeliverygraph_"+line+"\n") {
			t.Errorf("no line %q", line)
		}
	}
}

// The metrics alone show who is slow: callers that send, callers that read, the gateway, or the upstream.
func TestMetricsShowWhoIsSlow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var slow struct{ sending, reading, gateway, upstream time.Duration }
		metricsAPI := make(pipes)
		behind := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			time.Sleep(slow.upstream)
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"data": ["bad-mailbox"]}`)
		})}
		go func() { _ = behind.Serve(metricsAPI) }()
		m := telemetry.NewMetrics("test", "go")
		client, err := rest.New(rest.Options{
			BaseURL: "http://metrics.example.com", Transport: metricsAPI.client().Transport,
			Observe: func(_ context.Context, c rest.Call) { countCall(m, c) },
		})
		if err != nil {
			t.Fatal(err)
		}
		measureClient(m, client.Load)
		api := upstream.Around(client, operation.Measure(nil))
		endpoint := graph.NewHandler(generated.NewExecutableSchema(resolvers.Schema()), graph.Options{
			Extensions: []graph.Extension{
				loaders.Extension{API: func(context.Context) upstream.Asker { return api }, Now: time.Now},
				slowField{&slow.gateway},
			},
			Identify: func(ctx context.Context, r *http.Request, _ map[string]any) (context.Context, error) {
				return auth.Identify(ctx, auth.Open{}, r.Header, nil)
			},
			Observers: []telemetry.Observer{m.Operation},
			Waited:    operation.Waited,
		})
		public := make(pipes)
		s := newServer(public, m.Requests(endpoint))
		go func() { _ = s.Serve(public) }()
		caller := public.client()
		var ready telemetry.Readiness
		operators := telemetry.AdminHandler(telemetry.AdminOptions{Ready: &ready, Metrics: m.Handler()})

		ask := func() {
			body := `{"query": "{ bounceCategories { code } __schema { types { name description fields { name ` +
				`description } } } }"}`
			resp, err := caller.Post("http://gateway.example.com/graphql", "application/json",
				&trickle{[]string{body[:20], body[20:]}, slow.sending})
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			time.Sleep(slow.reading)
			if text, err := io.ReadAll(resp.Body); err != nil || !bytes.Contains(text, []byte("bad-mailbox")) ||
				len(text) < 16<<10 {
				t.Fatalf("%v in an answer of %d bytes: %.300s", err, len(text), text)
			}
			synctest.Wait()
		}
		seconds := func() map[string]float64 {
			text := scrape(t, operators)
			sums := map[string]float64{}
			for _, phase := range []string{"read", "own", "upstream", "write"} {
				sums[phase] = sample(t, text, `deliverygraph_request_phase_seconds_sum{phase="`+phase+`"}`)
			}
			sums["calls"] = sample(t, text,
				`deliverygraph_upstream_call_duration_seconds_sum{endpoint="/bounce/categories",status="200"}`)
			sums["total"] = sample(t, text, `deliverygraph_http_request_duration_seconds_sum`)
			return sums
		}
		ask()
		before := seconds()
		for _, turn := range []struct {
			name string
			who  *time.Duration
			want map[string]float64 // seconds added to each phase
		}{
			{"callers send slowly", &slow.sending, map[string]float64{"read": 3, "total": 3}},
			{"callers read slowly", &slow.reading, map[string]float64{"write": 3, "total": 3}},
			{"the gateway is slow", &slow.gateway, map[string]float64{"own": 3, "total": 3}},
			{"the upstream is slow", &slow.upstream, map[string]float64{"upstream": 3, "calls": 3, "total": 3}},
		} {
			*turn.who = 3 * time.Second
			ask()
			*turn.who = 0
			after := seconds()
			for what, sum := range after {
				if got := sum - before[what]; got < turn.want[what] || got > turn.want[what]+.001 {
					t.Errorf("%s: %s has grown by %gs, want %gs", turn.name, what, got, turn.want[what])
				}
			}
			before = after
		}
		caller.CloseIdleConnections()
		client.Close()
		_ = s.Close()
		_ = behind.Close()
	})
}

func scrape(t *testing.T, h http.Handler) string {
	t.Helper()
	w := &response{header: http.Header{}}
	r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	h.ServeHTTP(w, r)
	return w.String()
}

type response struct {
	bytes.Buffer
	header http.Header
}

func (r *response) Header() http.Header { return r.header }

func (r *response) WriteHeader(int) {}

// sample returns the value of a metric's line.
func sample(t *testing.T, text, name string) float64 {
	t.Helper()
	m := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("no %s in:\n%s", name, text)
	}
	v, err := strconv.ParseFloat(m[1], 64)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// A gateway over an upstream has all metrics except those of a store.
func TestMetricsOverAnUpstream(t *testing.T) {
	t.Parallel()
	behind := httptest.NewServer(http.NotFoundHandler())
	t.Cleanup(behind.Close)
	p := start(t, "--upstream", behind.URL, "--admin-listen", "127.0.0.1:0")
	resp, text := p.do(http.MethodGet, p.admin+"/metrics", "")
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d:\n%s", resp.StatusCode, text)
	}
	sample(t, text, `deliverygraph_upstream_breaker_state{state="closed"}`)
	if strings.Contains(text, "deliverygraph_store_rows") {
		t.Error("there are rows of a store")
	}
}

// Streams over any of the limits are counted as refused.
func TestRefusedStreamsAreCounted(t *testing.T) {
	t.Parallel()
	p := start(t, "--admin-listen", "127.0.0.1:0", "--subscriptions", "1", "--subscription-filters", "1")
	c, _, err := p.dial("", `{"type":"connection_init"}`)
	if err != nil {
		t.Fatal(err)
	}
	heard(t, c, "connection_ack")
	if _, resp, err := p.dial(""); err == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("a second socket: %v, %v", resp, err)
	}
	for _, user := range []string{"20", "21"} {
		if err := c.Write(t.Context(), websocket.MessageText,
			[]byte(`{"type":"subscribe","id":"`+user+`","payload":{"query":"subscription { bounces(filter: {userId: `+
				user+`}) { cursor } }"}}`)); err != nil {
			t.Fatal(err)
		}
	}
	if m, _ := heard(t, c, `"error"`); !strings.Contains(m, "RATE_LIMITED") {
		t.Errorf("a second subscription: %s", m)
	}
	_, text := p.do(http.MethodGet, p.admin+"/metrics", "")
	if got := sample(t, text, `deliverygraph_refused_total{reason="streams"}`); got != 2 {
		t.Errorf("%g are counted as refused, want 2", got)
	}
}
