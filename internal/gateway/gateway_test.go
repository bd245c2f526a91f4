package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"

	"deliverygraph/graph/generated"
	"deliverygraph/graph/playground"
	"deliverygraph/resolvers"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/upstreamtest"
)

// program is the real program, running.
type program struct {
	t       *testing.T
	graphql string // URL of the endpoint
	rest    string // URL of the REST API, where it is served
	admin   string // URL of the admin port, where there is one
	hooks   string // URL of the port of webhooks, likewise
	log     func() string
	stop    func() int // stops it gracefully and returns its exit code
}

// start runs the program until it is ready. If args name no data, it serves a few days of demo data from a file.
func start(t *testing.T, args ...string) *program {
	t.Helper()
	return launch(t, withData(t, args)...)
}

// launch runs the program with exactly these arguments until it listens.
func launch(t *testing.T, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	exit := make(chan int, 1)
	go func() {
		exit <- Run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...),
			Streams{strings.NewReader(""), w, w})
		_ = w.Close()
	}()
	p := &program{t: t}
	listening := make(chan struct{})
	var log bytes.Buffer
	done := make(chan struct{})
	go func() {
		defer close(done)
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			log.WriteString(lines.Text() + "\n")
			if m := regexp.MustCompile(`msg="REST API of the store" url=(\S+)`).FindStringSubmatch(
				lines.Text()); m != nil {
				p.rest = m[1]
			}
			if m := regexp.MustCompile(`msg=webhooks url=(\S+)`).FindStringSubmatch(lines.Text()); m != nil {
				p.hooks = m[1]
			}
			if m := regexp.MustCompile(`msg=admin url=(\S+)`).FindStringSubmatch(lines.Text()); m != nil {
				p.admin = m[1]
			}
			if m := regexp.MustCompile(`msg=(ready|listening) graphql=(\S+)`).FindStringSubmatch(
				lines.Text()); m != nil && p.graphql == "" {
				p.graphql = m[2]
				close(listening)
			}
		}
	}()
	code := -1
	p.stop = func() int {
		cancel()
		if code < 0 {
			code = <-exit
			<-done
		}
		return code
	}
	p.log = func() string { <-done; return log.String() }
	t.Cleanup(func() { p.stop() })
	select {
	case <-listening:
	case code = <-exit:
		<-done
		t.Fatalf("the program ended with %d:\n%s", code, log.String())
	}
	return p
}

// client keeps no idle connections, which would delay a graceful stop.
var client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}

func (p *program) do(method, url, body string, header ...string) (*http.Response, string) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	req.Host = req.Header.Get("Host") // empty means the URL's host
	resp, err := client.Do(req)
	for n := 0; errors.Is(err, syscall.ECONNRESET) && n < 10; n++ {
		// The response to a body that is refused early can be lost.
		req.Body, _ = req.GetBody()
		resp, err = client.Do(req)
	}
	if err != nil {
		p.t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return resp, string(b)
}

// query sends a GraphQL query, whose response must have no errors.
func (p *program) query(query string, variables map[string]any) map[string]any {
	p.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": variables})
	if err != nil {
		p.t.Fatal(err)
	}
	_, text := p.do(http.MethodPost, p.graphql, string(body), "Content-Type", "application/json")
	var answer struct {
		Data   map[string]any
		Errors []any
	}
	if err := json.Unmarshal([]byte(text), &answer); err != nil || len(answer.Errors) > 0 {
		p.t.Fatalf("%v %v in the answer to %s", err, answer.Errors, query)
	}
	return answer.Data
}

func at(v any, path ...string) any {
	for _, p := range path {
		m, _ := v.(map[string]any)
		v = m[p]
	}
	return v
}

// Without settings the program serves demo data, on which every example of the playground returns data, and it stops
// gracefully.
func TestExamplesHaveAnswersOnDemoData(t *testing.T) {
	t.Parallel()
	p := launch(t, "--rest-listen", "127.0.0.1:0")
	if resp, page := p.do(http.MethodGet, strings.TrimSuffix(p.graphql, "graphql"),
		""); resp.StatusCode != http.StatusOK || !strings.Contains(page, "Demo data") {
		t.Errorf("the playground does not say that it shows demo data: %d", resp.StatusCode)
	}
	for _, tab := range playground.Examples() {
		var variables map[string]any
		if tab.Variables != "" {
			if err := json.Unmarshal([]byte(tab.Variables), &variables); err != nil {
				t.Fatal(err)
			}
		}
		if strings.HasPrefix(tab.Query, "subscription ") {
			continue // TestLive of package demo and TestSubscription
		}
		for field, v := range p.query(tab.Query, variables) {
			if v == nil {
				t.Errorf("%s is null in the answer to:\n%s", field, tab.Query)
			}
			if nodes := at(v, "nodes"); nodes != nil && len(nodes.([]any)) == 0 {
				t.Errorf("%s is empty in the answer to:\n%s", field, tab.Query)
			}
		}
	}
	sent := at(p.query(`{ stats(window: {last: "P90D"}) { sent } }`, nil), "stats", "sent").(float64)
	if sent < 60_000 {
		t.Errorf("%v emails", sent)
	}
	if code := p.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if log := p.log(); !strings.Contains(log, "demo data") || !strings.Contains(log, "msg=stopped") {
		t.Errorf("log:\n%s", log)
	}
}

// Requests for other paths are told where the endpoint is, in the format that they accept.
func TestWrongPathsNameTheEndpoint(t *testing.T) {
	t.Parallel()
	p := start(t)
	const form = "application/graphql-response+json"
	for name, c := range map[string]struct{ method, path, accept, media string }{
		"below the endpoint":         {"GET", "/graphql/x", "*/*", "application/json"},
		"with two slashes behind it": {"POST", "/graphql/x/", form, form},
		"a client at another path":   {"POST", "/api/graphql", "application/json", "application/json"},
		"a client that says nothing": {"POST", "/query", "", "application/json"},
		"a client's GET":             {"GET", "/query", form, form},
		"a visitor of a page": {
			"GET", "/playground", "text/html,application/xhtml+xml,*/*;q=0.8", "text/plain",
		},
		"a visitor, near to it": {"GET", "/graphql/x", "text/html,*/*;q=0.8", "text/plain"},
		"HEAD of a file":        {"HEAD", "/favicon.ico", "", "text/plain"},
	} {
		resp, body := p.do(c.method, strings.TrimSuffix(p.graphql, "/graphql")+c.path, "", "Accept", c.accept)
		media, _, _ := strings.Cut(resp.Header.Get("Content-Type"), ";")
		if resp.StatusCode != 404 || media != c.media {
			t.Errorf("%s: status %d, %s", name, resp.StatusCode, media)
		}
		if want := "send operations to /graphql; the playground is at /"; c.method != "HEAD" &&
			!strings.Contains(body, want) {
			t.Errorf("%s: want %q, got %s", name, want, body)
		}
		if isJSON := strings.Contains(body, `"code":"NOT_FOUND"`); isJSON != strings.HasSuffix(media, "json") {
			t.Errorf("%s: %s as %s", name, body, media)
		}
	}
}

// The endpoint ignores a trailing slash, and every port answers HEAD.
func TestTrailingSlashesAndHead(t *testing.T) {
	t.Parallel()
	p := start(t, "--rest-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	const query = "?query={__typename}"
	for _, c := range []struct{ method, url, body, holds string }{
		{http.MethodPost, p.graphql, `{"query": "{ __typename }"}`, `{"data":{"__typename":"Query"}}`},
		{http.MethodPost, p.graphql + "/", `{"query": "{ __typename }"}`, `{"data":{"__typename":"Query"}}`},
		{http.MethodGet, p.graphql + "/" + query, "", `{"data":{"__typename":"Query"}}`},
		{http.MethodHead, p.graphql + query, "", ""},
		{http.MethodHead, p.graphql + "/" + query, "", ""},
		{http.MethodHead, p.graphql + "?query=subscription{bounces{cursor}}", "", ""},
		{http.MethodGet, p.rest + "/bounce/categories/", "", `{"data":[`},
		{http.MethodHead, p.rest + "/bounce/categories", "", ""},
		{http.MethodHead, p.rest + "/bounce/categories/", "", ""},
		{http.MethodHead, p.admin + "/healthz", "", ""},
	} {
		resp, body := p.do(c.method, c.url, c.body, "Content-Type", "application/json", "Accept",
			"application/json, text/event-stream")
		if resp.StatusCode != http.StatusOK || !strings.Contains(body, c.holds) ||
			c.method == http.MethodHead && body != "" {
			t.Errorf("%s %s: %d %.200s", c.method, c.url, resp.StatusCode, body)
		}
		if stream := resp.Header.Get(
			"Content-Type") == "text/event-stream; charset=utf-8"; c.method == http.MethodHead &&
			(resp.ContentLength > 0) == stream {
			t.Errorf("%s %s: Content-Length %d", c.method, c.url, resp.ContentLength)
		}
	}
	resp, _ := p.do(http.MethodOptions, p.graphql+"/", "", "Origin", "http://localhost:3000",
		"Access-Control-Request-Method", "HEAD", "Access-Control-Request-Headers", "content-encoding")
	if got := resp.Header; got.Get("Access-Control-Allow-Methods") != "HEAD" ||
		got.Get("Access-Control-Allow-Headers") != "content-encoding" {
		t.Errorf("a page's preflight: %v", got)
	}
	if resp, _ := p.do(http.MethodHead, p.graphql+query, "", "Origin",
		"http://localhost:3000"); resp.Header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("a page's HEAD: %v", resp.Header)
	}
	c, _, err := websocket.Dial(t.Context(), p.graphql+"/",
		&websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		t.Fatal(err)
	}
	_ = c.CloseNow()
}

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

// The program prices, explains and limits operations according to its flags, and its log assigns calls to operations.
func TestFlagsControlExplainAndBudget(t *testing.T) {
	t.Parallel()
	const details = `{"query": "query Details { bounces(window: {last: \"P30D\"}, ` +
		`first: 8) { nodes { detail { ruleName } } } }"}`
	const stats = `{"query": "query Stats { stats(window: {last: \"P30D\"}) { sent } }"}`
	ask := func(p *program, body, explain string) string {
		_, text := p.do(http.MethodPost, p.graphql, body, "Content-Type", "application/json", "X-Explain", explain)
		return text
	}
	p := start(t, "--max-upstream-calls", "8", "--log-level", "debug")
	for _, c := range []struct{ body, explain, want string }{
		{details, "", `"code":"QUERY_TOO_EXPENSIVE"`},
		{details, "", `plans 9 upstream calls, 8 of them for bounces.nodes.detail, and an operation may make 8:`},
		{details, "plan", `"plan":{"calls":9,`},
		{stats, "1", `"calls":[{"path":"/email/counts?start_time=`},
		{stats, "1", `"source":"cached"`},
	} {
		if got := ask(p, c.body, c.explain); !strings.Contains(got, c.want) {
			t.Errorf("X-Explain %q: %s lacks %s", c.explain, got, c.want)
		}
	}
	resp, _ := p.do(http.MethodGet, p.graphql+"?query="+url.QueryEscape(`{ stats(window: {last: "P30D"}) { sent } }`),
		"")
	// cache and clock are real
	if got := resp.Header.Get("Cache-Control"); !regexp.MustCompile(`^max-age=[1-5]$|^no-store$`).MatchString(got) {
		t.Errorf("Cache-Control: %s", got)
	}
	if vary := strings.Join(resp.Header.Values("Vary"), ","); !strings.Contains(vary, "X-Explain") ||
		!strings.Contains(vary, "Authorization") {
		t.Errorf("Vary: %s", vary)
	}
	p.stop()
	for _, line := range []string{
		`msg="upstream call" endpoint=/email/counts .* operation="Stats #\d+"`,
		`msg=operation type=query name=Stats .* operation="Stats #\d+"`,
	} {
		if !regexp.MustCompile(line).MatchString(p.log()) {
			t.Errorf("the log has no %s:\n%s", line, p.log())
		}
	}
	p = start(t, "--explain", "off", "--max-upstream-calls", "0")
	if got := ask(p, stats, "1"); !strings.Contains(got, "--explain") || strings.Contains(got, "/email/counts") {
		t.Errorf("explained all the same: %s", got)
	}
	if got := ask(p, details, ""); strings.Contains(got, `"errors":`) {
		t.Errorf("without a limit: %s", got)
	}
}

// An invalid setting stops the start with a message that names it and gives an example.
func TestWrongSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	weak := filepath.Join(dir, "weak")
	if err := os.WriteFile(weak, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	notAStore := filepath.Join(dir, "not-a-store")
	if err := os.WriteFile(notAStore, bytes.Repeat([]byte("no store "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		args []string
		says []string
	}{
		"an unknown flag":         {[]string{"--lisen", "x"}, []string{"--lisen", "--listen"}},
		"an unknown command":      {[]string{"server"}, []string{"server"}},
		"an address that is none": {[]string{"--listen", "8080"}, []string{"--listen", "127.0.0.1:8080"}},
		"a duration without unit": {[]string{"--timeout", "30"}, []string{"--timeout", "30s"}},
		"no time for operations":  {[]string{"--timeout", "0s"}, []string{"--timeout", "30s"}},
		"a size that is none":     {[]string{"--cache-size", "much"}, []string{"--cache-size", "64MiB"}},
		"an upstream without scheme": {
			[]string{"--upstream", "metrics.example.com"}, []string{"--upstream must begin", "https://"},
		},
		"an upstream and a key with spaces": {
			[]string{"--upstream", "https://metrics.example.com/?", "--upstream-key", "a key"},
			[]string{"--upstream must not have a query", "--upstream-key has a character"},
		},
		"authorities that are not there": {
			[]string{"--upstream", "https://metrics.example.com", "--upstream-ca", filepath.Join(dir, "none")},
			[]string{"--upstream-ca cannot be read", "none"},
		},
		"a key without an upstream": {
			[]string{"--upstream-key", "k"}, []string{"--upstream-key", "--upstream https://"},
		},
		"an upstream that is empty": {[]string{"--upstream", ""}, []string{"--upstream", "demo data"}},
		"a certificate that is empty": {
			[]string{"--tls-cert=", "--tls-key="}, []string{"--tls-cert", "plain HTTP"},
		},
		"a store and an upstream": {
			[]string{"--upstream", "https://metrics.example.com", "--data", "x.db"}, []string{"--data", "--upstream"},
		},
		"keys without a port": {
			[]string{"--rest-keys", weak}, []string{"--rest-keys", "--rest-listen 127.0.0.1:8081"},
		},
		"keys that are too short": {
			[]string{"--rest-listen", "127.0.0.1:0", "--rest-keys", weak}, []string{"--rest-keys", "line 1"},
		},
		"keys that are not there": {
			[]string{"--rest-listen", "127.0.0.1:0", "--rest-keys", filepath.Join(dir, "none")},
			[]string{"--rest-keys", "none"},
		},
		"the REST API to all, without keys": {[]string{"--rest-listen", "0.0.0.0:0"}, []string{"--rest-listen", "key"}},
		"a file that is no store":           {[]string{"--data", notAStore}, []string{"not-a-store"}},
		"only trusted documents, and none": {
			[]string{"--trusted-only"}, []string{"--trusted-only", "--trusted-documents persisted.json"},
		},
		"trusted documents that are none": {
			[]string{"--trusted-documents", weak}, []string{"--trusted-documents", "manifest"},
		},
		"trusted documents not there": {
			[]string{"--trusted-documents", filepath.Join(dir, "none")}, []string{"--trusted-documents", "none"},
		},
		"a cost below nothing":       {[]string{"--cost-per-minute=-1"}, []string{"--cost-per-minute", "2000"}},
		"fewer operations than none": {[]string{"--max-operations=-1"}, []string{"--max-operations", "128"}},
		"batches below nothing":      {[]string{"--batch-limit=-1"}, []string{"--batch-limit", "10"}},
		"introspection perhaps": {
			[]string{"--introspection", "perhaps"}, []string{"--introspection", "auto"},
		},
		"explaining perhaps": {[]string{"--explain", "perhaps"}, []string{"--explain", "auto"}},
		"fewer calls than none": {
			[]string{"--max-upstream-calls=-1"}, []string{"--max-upstream-calls", "200"},
		},
		"stale for less than no time": {[]string{"--cache-stale=-1s"}, []string{"--cache-stale", "10s"}},
		"an origin with a path": {
			[]string{"--cors-origins", "https://app.example.com/"},
			[]string{"--cors-origins", "https://app.example.com"},
		},
		"a host with a port": {
			[]string{"--allowed-hosts", "metrics.example.com:8080"}, []string{"--allowed-hosts", "metrics.example.com"},
		},
		"profiles without a port": {
			[]string{"--admin-pprof"}, []string{"--admin-pprof", "--admin-listen 127.0.0.1:9090"},
		},
		"a limit with no room":             {[]string{"--memory-limit", "1MiB"}, []string{"--memory-limit", "512MiB"}},
		"collecting less often than never": {[]string{"--gc-percent=-1"}, []string{"--gc-percent", "adapt"}},
		"a delay that is negative":         {[]string{"--drain-delay=-5s"}, []string{"--drain-delay", "5s"}},
		"an unknown log level": {
			[]string{"--log-level", "loud"}, []string{"--log-level", "debug, info, warn or error"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // in case it starts after all
			defer cancel()
			var out bytes.Buffer
			args := c.args
			if !slices.Contains(args, "--listen") && name != "an unknown command" {
				args = append([]string{"--listen", "127.0.0.1:0"}, args...)
			}
			code := Run(ctx, args, Streams{strings.NewReader(""), &out, &out})
			if code == exitOK {
				t.Errorf("it started:\n%s", out.String())
			}
			for _, s := range c.says {
				if !strings.Contains(out.String(), s) {
					t.Errorf("the message lacks %q:\n%s", s, out.String())
				}
			}
		})
	}
}

func TestHelpAndVersion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args string
		says string
	}{
		{"--help", "--upstream"},
		{"--help", "DELIVERYGRAPH_LISTEN"},
		{"--help", "import"},
		{"--help", "reclassify"},
		{"--help", "deliverygraph classify"},
		{"serve --help", "--rest-keys"},
		{"import --help", "NDJSON"},
		{"doctor --help", "Exit code"},
		{"version", "deliverygraph"},
		{"--version", "deliverygraph"},
	} {
		var out bytes.Buffer
		if code := Run(t.Context(), strings.Fields(c.args), Streams{strings.NewReader(""), &out, &out}); code != 0 ||
			!strings.Contains(out.String(), c.says) {
			t.Errorf("%s: exit code %d, want %q in:\n%s", c.args, code, c.says, out.String())
		}
	}
}

func TestMistypedCommandsGetASuggestion(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"imort": "import", "clasify": "classify", "reclasify": "reclassify", "infos": "info", "bakup": "backup",
		"versoin": "version", "metrics.db": "",
	} {
		said := refused(t, given, "--data", "metrics.db")
		if !strings.Contains(said, given) || strings.Contains(said, "did you mean") != (want != "") ||
			!strings.Contains(said, want) {
			t.Errorf("%s: %q, want %q", given, said, want)
		}
	}
}

// Frontends and partners generate code from the published copy.
func TestPublishedSchemaIsCurrent(t *testing.T) {
	t.Parallel()
	var out, file bytes.Buffer
	if code := Run(t.Context(), []string{"schema"}, Streams{nil, &out, io.Discard}); code != exitOK {
		t.Fatalf("exit code %d", code)
	}
	path := filepath.Join(t.TempDir(), "schema.graphql")
	if code := Run(t.Context(), []string{"schema", "--output", path},
		Streams{nil, &file, io.Discard}); code != exitOK || file.Len() != 0 {
		t.Errorf("exit code %d, printed %q", code, &file)
	}
	written, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	published, err := os.ReadFile("../../schema/published/schema.graphql")
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(published) || out.String() != string(written) {
		t.Error("the published schema is not the gateway's: run go generate ./graph")
	}
	// Introspection shows the same directives.
	doc, err := parser.ParseSchema(&ast.Source{Input: out.String()})
	if err != nil {
		t.Fatal(err)
	}
	printed := map[string]string{}
	for _, d := range doc.Directives {
		printed[d.Name] = signature(d)
	}
	introspected := map[string]string{}
	for name, d := range generated.NewExecutableSchema(resolvers.Schema()).Schema().Directives {
		introspected[name] = signature(d)
	}
	if !maps.Equal(printed, introspected) {
		t.Errorf("printed: %v\nby introspection: %v", printed, introspected)
	}
	if got, want := printed["defer"], "(if: Boolean! = true, label: String) [FRAGMENT_SPREAD "+
		"INLINE_FRAGMENT]"; got != want {
		t.Errorf("@defer%s, want %s", got, want)
	}
}

// signature returns the arguments and locations of a directive.
func signature(d *ast.DirectiveDefinition) string {
	var args []string
	for _, a := range d.Arguments {
		arg := a.Name + ": " + a.Type.String()
		if a.DefaultValue != nil {
			arg += " = " + a.DefaultValue.String()
		}
		args = append(args, arg)
	}
	return fmt.Sprintf("(%s) %v", strings.Join(args, ", "), d.Locations)
}

// The real bounces are imported completely, also twice, and each can be read by GraphQL and REST.
func TestRealBouncesAreServedAfterAnImport(t *testing.T) {
	t.Parallel()
	const file = "../../../shared/data/real-bounces.ndjson"
	lines, err := os.ReadFile(file)
	if err != nil {
		t.Skip("the real bounces are not here")
	}
	db := filepath.Join(t.TempDir(), "real.db")
	for _, says := range []string{"756 new", "756 already there"} {
		var out bytes.Buffer
		if code := Run(t.Context(), []string{"import", "--data", db, "--strict", file},
			Streams{strings.NewReader(""), &out, &out}); code != 0 || !strings.Contains(out.String(), says) {
			t.Fatalf("exit code %d: %s", code, out.String())
		}
	}
	p := start(t, "--data", db, "--rest-listen", "127.0.0.1:0")
	byID := map[string]map[string]any{}
	var after any
	for {
		data := p.query(`query($after: String) {
			bounces(window: {between: {start: "1990-01-01", end: "2030-01-01"}}, first: 100, after: $after) {
				nodes {
					emailId recipient code category userId senderId type bouncedAt sender { address }
					detail { diagnosticCode ruleName fullContent }
				}
				pageInfo { hasNextPage endCursor }
			}
		}`, map[string]any{"after": after})
		for _, n := range at(data, "bounces", "nodes").([]any) {
			byID[at(n, "emailId").(string)] = n.(map[string]any)
		}
		if at(data, "bounces", "pageInfo", "hasNextPage") != true {
			break
		}
		after = at(data, "bounces", "pageInfo", "endCursor")
	}
	seen := 0
	for line := range strings.Lines(string(lines)) {
		var row map[string]any
		if err := json.Unmarshal([]byte(line), &row); err != nil {
			t.Fatal(err)
		}
		if row["kind"] != "bounce" {
			continue
		}
		seen++
		n := byID[row["email_id"].(string)]
		if n == nil {
			t.Fatalf("GraphQL does not list %v", row["email_id"])
		}
		for graphql, rest := range map[string]any{
			"recipient": row["email_address"], "code": row["bounce_code"], "category": row["bounce_category"],
		} {
			if n[graphql] != rest {
				t.Errorf("%v: %s is %v, want %v", row["email_id"], graphql, n[graphql], rest)
			}
		}
		want := map[string]any{
			"diagnosticCode": row["diagnostic_code"], "ruleName": row["regex_name"], "fullContent": row["full_content"],
		}
		if d := cmp.Diff(want, n["detail"]); d != "" {
			t.Errorf("%v: %s", row["email_id"], d)
		}
		_, body := p.do(http.MethodGet, fmt.Sprintf("%s/bounce/%.0f/%.0f/%.0f/%s", p.rest, row["user_id"],
			row["sender_id"], row["bounce_time"], url.PathEscape(row["email_id"].(string))), "")
		var detail struct{ Data map[string]any }
		if err := json.Unmarshal([]byte(body), &detail); err != nil {
			t.Fatal(err)
		}
		delete(row, "kind")
		if d := cmp.Diff(row, detail.Data); d != "" {
			t.Errorf("REST: %s", d)
		}
	}
	if seen != 319 || len(byID) != 319 {
		t.Errorf("%d bounces in the file, %d in the store", seen, len(byID))
	}
}

// An import reports bad lines, skips them, and sets its exit code; with --strict it stops.
func TestImportSkipsBadLines(t *testing.T) {
	t.Parallel()
	const rows = `{"kind": "sender", "user_id": 21, "sender_id": 211, "sender": "news@example.com"}
nonsense
{"kind": "email", "user_id": 21, "sender_id": 211, "email_id": "20261122000000.1@mail6-40", "email_address": "recipient1@example.com", "process_time": 1795305600, "delivered": true}
`
	for args, want := range map[string]string{"": "2 rows", "--strict": "1 row in"} {
		var out bytes.Buffer
		code := Run(t.Context(), append([]string{"import", "--data", filepath.Join(t.TempDir(), "x.db"), "-"},
			strings.Fields(args)...), Streams{strings.NewReader(rows), &out, &out})
		if code != exitBadLines || !strings.Contains(out.String(), "standard input:2:") ||
			!strings.Contains(out.String(), want) {
			t.Errorf("import %s: exit code %d:\n%s", args, code, out.String())
		}
	}
	var out bytes.Buffer
	if code := Run(t.Context(), []string{"import", "--data", filepath.Join(t.TempDir(), "x.db"), "no-such-file"},
		Streams{strings.NewReader(""), &out, &out}); code != exitFailure ||
		!strings.Contains(out.String(), "no-such-file") {
		t.Errorf("exit code %d:\n%s", code, out.String())
	}
}

// The doctor finds no faults in our own REST API over demo data, and its exit code says what it found in others.
func TestDoctorExitCodes(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte("a-key-that-opens-all-users\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := launch(t, "--rest-listen", "127.0.0.1:0", "--rest-keys", keys) // it needs more than a few days of data
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "<html>")
	}))
	t.Cleanup(web.Close)
	for name, c := range map[string]struct {
		args string
		code int
		says string
	}{
		"in order": {
			"--upstream " + p.rest + " --upstream-key a-key-that-opens-all-users", exitOK, "no differences",
		},
		"no data": {
			"--upstream " + p.rest + " --upstream-key a-key-that-opens-all-users --window 0/3600", exitDiffers,
			"no data",
		},
		"no key":            {"--upstream " + p.rest, exitFailure, "asks for an API key"},
		"a web site":        {"--ascii --upstream " + web.URL, exitFailure, "web site"},
		"no URL":            {"", exitUsage, "--upstream"},
		"a URL that is not": {"--upstream metrics.example.com", exitUsage, "https://"},
		"a window that is": {
			"--upstream " + p.rest + " --window yesterday", exitUsage, "2016-11-22T00:00:00Z/2016-11-23T00:00:00Z",
		},
	} {
		var out bytes.Buffer
		code := Run(t.Context(), append([]string{"doctor"}, strings.Fields(c.args)...),
			Streams{strings.NewReader(""), &out, &out})
		if code != c.code || !strings.Contains(out.String(), c.says) || strings.Contains(out.String(), "a-key-that") {
			t.Errorf("%s: exit code %d, want %d and %q:\n%s", name, code, c.code, c.says, out.String())
		}
		if name == "in order" && strings.Contains(out.String(), "Could not be checked") {
			t.Errorf("some checks could not be made:\n%s", out.String())
		}
	}
}

// Client, cache, handler and store together fulfil the contract.
func TestWholeUpstreamFulfilsTheContract(t *testing.T) {
	t.Parallel()
	upstreamtest.RunAPI(t, func(t *testing.T, rows upstreamtest.Rows) upstreamtest.API {
		g := &gateway{
			c: &serveCommand{
				Data: filepath.Join(t.TempDir(), "contract.db"), Create: true, Timeout: time.Minute,
				UpstreamConcurrency: 16, CacheSize: 64 << 20, CacheFresh: time.Minute,
			}, logger: slog.New(slog.DiscardHandler),
		}
		if err := g.upstream(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := g.close(); err != nil {
				t.Error(err)
			}
		})
		b := store.Batch{Emails: rows.Emails, Bounces: rows.Bounces, BlockedEmails: rows.BlockedEmails}
		for _, s := range rows.Senders {
			b.Senders = append(b.Senders, store.Sender{UserID: s.UserID, SenderID: s.ID, Address: s.Address})
		}
		if _, err := g.store.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		return upstream.API{Asker: g.cache}
	})
}
