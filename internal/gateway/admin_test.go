package gateway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/alecthomas/kong"

	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream/rest"
)

// Probes and metrics have a separate port, which reports ready only if the gateway is.
func TestAdminPortReportsReadiness(t *testing.T) {
	t.Parallel()
	p := start(t, "--admin-listen", "127.0.0.1:0")
	for path, want := range map[string]string{"/healthz": "200 ok\n", "/readyz": "200 ready\n"} {
		resp, text := p.do(http.MethodGet, p.admin+path, "")
		if got := fmt.Sprint(resp.StatusCode, " ", text); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
	p.query(`query Mine { bounces(window: {last: "P1D"}, first: 1) { nodes { id } } }`, nil)
	p.do(http.MethodPost, p.graphql, `{"query": "{ nothing }"}`, "Content-Type", "application/json", "X-Request-ID",
		"a-request.1")
	_, text := p.do(http.MethodGet, p.admin+"/metrics", "")
	for name, want := range map[string]float64{
		`deliverygraph_operations_total{outcome="ok",type="query"}`:                            1,
		`deliverygraph_operations_total{outcome="refused",type="unknown"}`:                     1,
		`deliverygraph_errors_total{code="BAD_USER_INPUT"}`:                                    1,
		`deliverygraph_http_requests_total{method="POST",status="200"}`:                        2,
		`deliverygraph_upstream_call_duration_seconds_count{endpoint="/bounces",status="200"}`: 1,
		`deliverygraph_cache_lookups_total{endpoint="/bounces",result="miss"}`:                 1,
		`deliverygraph_operation_upstream_questions_count`:                                     1,
		`deliverygraph_upstream_breaker_state{state="closed"}`:                                 1,
		`deliverygraph_upstream_limit`:                                                         16,
		`deliverygraph_operation_planned_upstream_calls_count`:                                 1,
		`deliverygraph_operation_planned_upstream_calls_sum`:                                   1,
		`deliverygraph_refused_total{reason="load"}`:                                           0,
		`deliverygraph_cache_capacity_bytes`:                                                   64 << 20,
		`deliverygraph_ready`:                                                                  1,
		`deliverygraph_streams{transport="sse"}`:                                               0,
		`deliverygraph_request_phase_seconds_count{phase="own"}`:                               2,
	} {
		if got := sample(t, text, name); got != want {
			t.Errorf("%s is %g, want %g", name, got, want)
		}
	}
	if sample(t, text, "deliverygraph_cache_entries") < 1 || sample(t, text, "deliverygraph_cache_bytes") < 100 {
		t.Error("the cache holds nothing")
	}
	if rows := sample(t, text, `deliverygraph_store_rows{kind="emails"}`); rows < 5_000 {
		t.Errorf("%g emails", rows)
	}
	for _, name := range []string{
		"go_goroutines", "process_resident_memory_bytes", "go_sched_latencies_seconds_bucket",
		"deliverygraph_build_info",
	} {
		if !strings.Contains(text, "\n"+name) {
			t.Errorf("no %s", name)
		}
	}
	if strings.Contains(text, "Mine") {
		t.Error("the metrics have the name of an operation")
	}
	if resp, _ := p.do(http.MethodGet, p.admin+"/debug/pprof/", ""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("profiles: %d", resp.StatusCode)
	}
	if resp, _ := p.do(http.MethodGet, strings.TrimSuffix(p.graphql, "graphql")+"metrics",
		""); resp.StatusCode != http.StatusNotFound {
		t.Errorf("metrics on the public port: %d", resp.StatusCode)
	}
	p.stop()
	log := p.log()
	for _, want := range []string{"request_id=a-request.1", "name=Mine", "asked=1 "} {
		if !strings.Contains(log, want) {
			t.Errorf("no %s in the log:\n%s", want, log)
		}
	}
}

// Profiles never show the command line, which may contain a key.
func TestProfiles(t *testing.T) {
	t.Parallel()
	p := start(t, "--admin-listen", "127.0.0.1:0", "--admin-pprof")
	for path, want := range map[string]int{
		"heap?debug=1": http.StatusOK, "goroutine?debug=1": http.StatusOK, "cmdline": http.StatusNotFound,
	} {
		if resp, _ := p.do(http.MethodGet, p.admin+"/debug/pprof/"+path, ""); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
}

// The files in deploy use only settings that exist.
func TestDeployUsesExistingSettings(t *testing.T) {
	t.Parallel()
	parser, err := kong.New(&commands{}, kong.DefaultEnvars("DELIVERYGRAPH"))
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, command := range parser.Model.Children {
		for _, flag := range command.Flags {
			for _, env := range flag.Envs {
				known[env] = true
			}
		}
	}
	files, err := filepath.Glob("../../deploy/*.*")
	if err != nil || len(files) < 4 {
		t.Fatalf("%q, %v", files, err)
	}
	for _, file := range append(files, "../../deploy/Dockerfile", "../../deploy/clickhouse/start") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, env := range regexp.MustCompile(`DELIVERYGRAPH_[A-Z0-9_]+`).FindAllString(string(text), -1) {
			if !known[env] {
				t.Errorf("%s: there is no setting %s", file, env)
			}
		}
	}
}

// Any answer of the upstream makes the gateway ready, even one that requires a key. The log warns of a refused key,
// unless callers send their own.
func TestReadyWithoutAKey(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte("a-key-of-the-tests-0123456789\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	behind := start(t, "--rest-listen", "127.0.0.1:0", "--rest-keys", keys)
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, c := range []struct {
		args []string
		want string
		log  []string
	}{
		{[]string{"--upstream", behind.rest, "--auth-pass-through"}, "200 ready\n", []string{"msg=ready"}},
		{[]string{"--upstream", behind.rest}, "200 ready\n", []string{"msg=ready", "--upstream-key"}},
		{
			[]string{"--upstream", gone.URL, "--auth-pass-through"},
			"503 not ready: the upstream has not answered yet\n", nil,
		},
	} {
		p := start(t, append(c.args, "--admin-listen", "127.0.0.1:0")...)
		for _, words := range c.log {
			p.await(words)
		}
		resp, text := p.do(http.MethodGet, p.admin+"/readyz", "")
		if got := fmt.Sprint(resp.StatusCode, " ", text); got != c.want {
			t.Errorf("%v: %q, want %q", c.args, got, c.want)
		}
		p.stop()
		for _, words := range []string{"msg=ready", "--upstream-key"} {
			if log := p.log(); strings.Contains(log, words) != slices.Contains(c.log, words) {
				t.Errorf("%v: the log lacks %s, or has it in vain:\n%s", c.args, words, log)
			}
		}
	}
}

// A gateway over an upstream is ready from the first answer on, however late and to whichever call. Until then the log
// says why it is not.
func TestReadyOnceTheUpstreamAnswers(t *testing.T) {
	t.Parallel()
	const categories = "/bounce/categories"
	for name, c := range map[string]struct {
		status int           // of answers; 0 refuses the connection
		takes  time.Duration // duration of an answer
		never  string        // path of calls that are never answered
		after  time.Duration // when it is ready; 0 is never
		log    []string
	}{
		"it answers at once":              {status: 200, after: time.Millisecond},
		"it takes three seconds":          {status: 200, takes: 3 * time.Second, after: 3 * time.Second},
		"it takes nine seconds":           {status: 200, takes: 9 * time.Second, after: 9 * time.Second},
		"it is overloaded":                {status: 503, takes: time.Second, after: time.Second},
		"it answers an identical request": {status: 202, after: time.Millisecond},
		"it limits rates":                 {status: 429, after: time.Millisecond},
		"it has failed": {
			status: 500, after: time.Millisecond, log: []string{"answers with an error", "status 500"},
		},
		"it refuses the key": {status: 451, after: time.Millisecond, log: []string{"--upstream-key"}},
		"it has another path": {
			status: 404, after: time.Millisecond, log: []string{"does not answer as the metrics API does"},
		},
		"it answers another call alone": {
			status: 200, takes: 3 * time.Second, never: categories, after: 3 * time.Second,
		},
		"a proxy has no answer of it":  {status: 502, log: []string{"not ready yet", "status 502"}},
		"a proxy waits for it in vain": {status: 504, log: []string{"not ready yet", "status 504"}},
		"it takes longer than any call may": {
			status: 200, takes: time.Minute, log: []string{"not ready yet", "did not answer in time"},
		},
		"it refuses connections": {log: []string{"not ready yet", "connection refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var log lockedLog
				g := &gateway{
					c: &serveCommand{}, logger: slog.New(slog.NewTextHandler(&log, nil)), answered: make(chan struct{}),
				}
				var err error
				g.client, err = rest.New(rest.Options{BaseURL: "http://metrics.example.com", Answered: g.noteAnswer,
					Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
						takes := c.takes
						if r.URL.Path == c.never {
							takes = time.Hour
						}
						select {
						case <-time.After(takes):
						case <-r.Context().Done():
							return nil, r.Context().Err()
						}
						if c.status == 0 {
							return nil, errors.New("connect: connection refused")
						}
						return &http.Response{
							StatusCode: c.status, Header: http.Header{},
							Body: io.NopCloser(strings.NewReader(`{"data": []}`)),
						}, nil
					})})
				if err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(t.Context())
				defer g.background.Wait()
				defer stop()
				g.begin(ctx, "graphql", "http://127.0.0.1:8080/graphql")
				go g.client.BlockedReasons(ctx)
				ready := func() bool { synctest.Wait(); return readyz(t, &g.ready) == "ready\n" }
				logged := func() bool {
					return strings.Contains(log.String(), "msg=ready graphql=http://127.0.0.1:8080/graphql")
				}
				if c.after > 0 {
					time.Sleep(c.after - time.Millisecond)
					if c.after > time.Millisecond && (ready() || logged()) {
						t.Errorf("it is ready after %v:\n%s", c.after-time.Millisecond, log.String())
					}
					time.Sleep(time.Millisecond)
				} else {
					time.Sleep(time.Hour)
				}
				if is := ready(); is != (c.after > 0) || logged() != is {
					t.Errorf("ready: %v, and in the log: %v", is, logged())
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				for _, want := range c.log {
					if !strings.Contains(log.String(), want) {
						t.Errorf("the log does not say %q:\n%s", want, log.String())
					}
				}
				if n := strings.Count(log.String(), "\n"); n > 125+3 { // at most one line a minute
					t.Errorf("%d lines:\n%.2000s", n, log.String())
				}
			})
		})
	}
}

// lockedLog is a log that can be read while it is being written.
type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// Log lines name the operation that they belong to.
func TestLogLinesNameTheirOperation(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log, flush := (&serveCommand{}).logger(&b)
	log = log.With("a", 1)
	log.InfoContext(operation.New(t.Context(), operation.Options{Name: "Bounces #7"}), "one")
	log.InfoContext(t.Context(), "two")
	flush()
	if got := b.String(); strings.Count(got, `operation="Bounces #7"`) != 1 || !strings.Contains(got, `msg=two a=1`) {
		t.Error(got)
	}
}
