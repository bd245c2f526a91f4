package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/coder/websocket"

	"deliverygraph/graph/playground"
)

// program is the real program, running.
type program struct {
	t       *testing.T
	graphql string             // URL of the endpoint
	rest    string             // URL of the REST API, where it is served
	admin   string             // URL of the admin port, where there is one
	hooks   string             // URL of the port of webhooks, likewise
	await   func(words string) // waits until the log contains these words, or the program ends
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
	return launchBy(t, func(ctx context.Context, args []string, log io.Writer) int {
		return Run(ctx, args, Streams{strings.NewReader(""), log, log})
	}, args...)
}

// launchBy runs the program by a function, which must return its exit code.
func launchBy(t *testing.T, run func(ctx context.Context, args []string, log io.Writer) int, args ...string) *program {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r, w := io.Pipe()
	exit := make(chan int, 1)
	go func() {
		exit <- run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0"}, args...), w)
		_ = w.Close()
	}()
	p := &program{t: t}
	listening := make(chan struct{})
	var log bytes.Buffer
	var mu sync.Mutex // guards log until done
	more, ended := sync.NewCond(&mu), false
	done := make(chan struct{})
	add := func(line string, end bool) {
		mu.Lock()
		defer mu.Unlock()
		log.WriteString(line)
		ended = end
		more.Broadcast()
	}
	go func() {
		defer close(done)
		defer add("", true)
		lines := bufio.NewScanner(r)
		for lines.Scan() {
			add(lines.Text()+"\n", false)
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
	p.await = func(words string) {
		mu.Lock()
		defer mu.Unlock()
		for !strings.Contains(log.String(), words) && !ended {
			more.Wait()
		}
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

// Every example of the playground returns data.
func testExamples(t *testing.T, p *program, _ time.Time) {
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
}

// Responses to requests for other paths say where the endpoint is, in the format that the request accepts.
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
	p := start(t, "--max-upstream-calls", "8", "--log-level", "debug", "--cache-fresh", "1h")
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
	const senders = `{"query": "{ a: senders(window: {last: \"P2D\"}) { totalCount } ` +
		`b: senders(window: {last: \"P3D\"}) { totalCount } }"}`
	if got := ask(p, senders, ""); strings.Contains(got, `"errors":`) { // 6 calls are planned, and the cache is empty
		t.Errorf("stopped although it was admitted: %s", got)
	}
	resp, _ := p.do(http.MethodGet, p.graphql+"?query="+url.QueryEscape(`{ stats(window: {last: "P30D"}) { sent } }`),
		"")
	// the clock is real, and the demo data changes
	if got := resp.Header.Get("Cache-Control"); !regexp.MustCompile(`^max-age=\d+$|^no-store$`).MatchString(got) {
		t.Errorf("Cache-Control: %s", got)
	}
	if vary := strings.Join(resp.Header.Values("Vary"), ","); !strings.Contains(vary, "X-Explain") ||
		!strings.Contains(vary, "Authorization") {
		t.Errorf("Vary: %s", vary)
	}
	p.stop()
	for _, line := range []string{
		`msg="upstream call" endpoint=/email/counts .* operation="Stats #\d+"`,
		`msg=operation type=query .*name=Stats .* operation="Stats #\d+"`,
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
