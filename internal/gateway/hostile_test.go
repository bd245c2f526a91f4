package gateway

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deliverygraph/internal/auth"
)

// Pages of this machine may query the gateway; pages of other origins only if they are allowed, and a page that may not
// read responses cannot make a browser send operations either. Every response has the protective headers.
func TestOnlyAllowedOriginsMayQuery(t *testing.T) {
	t.Parallel()
	p := start(t, "--cors-origins", "https://app.example.com")
	for origin, allowed := range map[string]bool{
		"http://localhost:3000": true, "https://app.example.com": true, "https://other.example.com": false,
		"null": false,
	} {
		resp, _ := p.do(http.MethodOptions, p.graphql, "", "Origin", origin, "Access-Control-Request-Method", "POST",
			"Access-Control-Request-Headers", "content-type")
		if got := resp.Header.Get("Access-Control-Allow-Origin"); (got == origin) != allowed ||
			resp.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: Access-Control-Allow-Origin %q", origin, got)
		}
		resp, body := p.do(http.MethodGet, p.graphql+"?query={__typename}", "", "Origin", origin, "Sec-Fetch-Site",
			"cross-site")
		if resp.StatusCode != map[bool]int{true: 200, false: 403}[allowed] ||
			!allowed && !strings.Contains(body, "--cors-origins") {
			t.Errorf("%s: GET gives %d, %s", origin, resp.StatusCode, body)
		}
		resp, body = p.do(http.MethodPost, p.graphql, `{"query": "{ __typename }"}`, "Origin", origin, "Content-Type",
			"application/json")
		if resp.StatusCode != map[bool]int{true: 200, false: 403}[allowed] {
			t.Errorf("%s: POST gives %d, %s", origin, resp.StatusCode, body)
		}
	}
	for _, path := range []string{"", "/graphql?query={__typename}", "/nowhere"} {
		resp, _ := p.do(http.MethodGet, strings.TrimSuffix(p.graphql, "/graphql")+path, "")
		for _, name := range []string{
			"X-Content-Type-Options", "Content-Security-Policy", "Referrer-Policy", "Cross-Origin-Resource-Policy",
		} {
			if resp.Header.Get(name) == "" {
				t.Errorf("%q has no %s", path, name)
			}
		}
		if csp := resp.Header.Get("Content-Security-Policy"); strings.Contains(csp, "script-src 'unsafe-inline'") ||
			!strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%q: %s", path, csp)
		}
	}
	// The log has a line for each of the three refused requests.
	p.stop()
	refused := 0
	for line := range strings.Lines(p.log()) {
		if strings.Contains(line, "https://other.example.com") {
			refused++
			if !strings.Contains(line, "outcome=refused") ||
				!strings.Contains(line, "--cors-origins https://other.example.com") {
				t.Errorf("the log says %s", line)
			}
		}
	}
	if refused != 3 {
		t.Errorf("%d lines, want 3:\n%s", refused, p.log())
	}
}

// A page whose name was pointed to this machine (DNS rebinding) has the gateway's own origin in the browser. Without
// authentication, requests with such a name are refused on every port.
func TestReboundNamesAreRefusedOnLoopback(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "keys")
	_, line, err := auth.NewKey(auth.Caller{Name: "tester", Users: auth.Everyone(), Scopes: auth.AllScopes})
	if err != nil || os.WriteFile(keys, []byte(line+"\n"), 0o600) != nil {
		t.Fatal(err)
	}
	with := func(args ...string) *program {
		return start(t, append(args, "--create", "--data", filepath.Join(t.TempDir(), "empty.db"))...)
	}
	open := with("--rest-listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0")
	for name, c := range map[string]struct {
		p      *program
		url    string
		host   string
		status int
	}{
		"a name of another":        {open, open.graphql + "?query={__typename}", "evil.example:8080", 403},
		"for the playground":       {open, strings.TrimSuffix(open.graphql, "graphql"), "evil.example:8080", 403},
		"for the REST API":         {open, open.rest + "/bounce/categories", "evil.example:8081", 403},
		"for operators":            {open, open.admin + "/metrics", "evil.example:9090", 403},
		"a name of this machine":   {open, open.graphql + "?query={__typename}", "localhost:8080", 200},
		"a proxy's, as it is set":  {with("--allowed-hosts", "metrics.example.com"), "", "metrics.example.com", 200},
		"one that is not set":      {with("--allowed-hosts", "metrics.example.com"), "", "evil.example", 403},
		"a page that may ask":      {with("--cors-origins", "https://app.example.com"), "", "app.example.com", 200},
		"where keys are asked for": {with("--auth-keys", keys), "", "evil.example", 401},
	} {
		t.Run(name, func(t *testing.T) {
			if c.url == "" {
				c.url = c.p.graphql + "?query={__typename}"
			}
			resp, body := c.p.do(http.MethodGet, c.url, "", "Host", c.host, "Sec-Fetch-Site", "same-origin")
			if resp.StatusCode != c.status ||
				c.status == 403 && !strings.Contains(body, "--allowed-hosts evil.example") {
				t.Errorf("status %d: %.300s", resp.StatusCode, body)
			}
		})
	}
}

// On other addresses the operator must name the allowed hosts: a gateway without authentication and without them logs
// one warning.
func TestMissingAllowedHostsAreWarnedAbout(t *testing.T) {
	t.Parallel()
	const warning = "DNS rebinding"
	for name, c := range map[string]struct {
		args   []string
		times  int
		status int
	}{
		"open to all": {[]string{"--listen", "0.0.0.0:0", "--auth-open"}, 1, 200},
		"with a name": {
			[]string{"--listen", "0.0.0.0:0", "--auth-open", "--allowed-hosts", "metrics.example.com"}, 0, 403,
		},
		"for any, as it was": {[]string{"--listen", "0.0.0.0:0", "--auth-open", "--allowed-hosts", "*"}, 0, 200},
		"on loopback":        {nil, 0, 403},
	} {
		p := start(t, append(c.args, "--create", "--data", filepath.Join(t.TempDir(), "empty.db"))...)
		resp, body := p.do(http.MethodGet, p.graphql+"?query={__typename}", "", "Host", "evil.example")
		p.stop()
		if got := strings.Count(p.log(), warning); resp.StatusCode != c.status || got != c.times {
			t.Errorf("%s: status %d, want %d; %d warnings, want %d: %s\n%s", name, resp.StatusCode, c.status, got,
				c.times, body, p.log())
		}
	}
}

// A key allows reading the schema, and with it the playground's documentation, unless the schema is hidden, as the
// playground then says.
func TestCallersMayReadTheSchemaUnlessItIsHidden(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "keys")
	key, line, err := auth.NewKey(auth.Caller{Name: "tester", Users: auth.Everyone(), Scopes: auth.AllScopes})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(keys, []byte(line+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		args  []string
		shown bool
	}{
		"without keys": {nil, true},
		"off":          {[]string{"--introspection", "off"}, false},
		"with keys":    {[]string{"--auth-keys", keys}, true},
		"keys and off": {[]string{"--auth-keys", keys, "--introspection", "off"}, false},
		"keys and on":  {[]string{"--auth-keys", keys, "--introspection", "on"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, c.args...)
			_, body := p.do(http.MethodPost, p.graphql, `{"query": "{ __schema { queryType { name } } }"}`,
				"Content-Type", "application/json", "Authorization", "Bearer "+key)
			if strings.Contains(body, `"name":"Query"`) != c.shown || strings.Contains(body, "FORBIDDEN") == c.shown {
				t.Error(body)
			}
			_, page := p.do(http.MethodGet, strings.TrimSuffix(p.graphql, "graphql"), "")
			if strings.Contains(page, "does not show its schema") == c.shown {
				t.Errorf("the playground says otherwise:\n%s", page)
			}
		})
	}
}

// Trusted documents are requested by id, --trusted-only refuses all others, and an invalid one stops the start.
func TestTrustedOnlyRefusesOtherDocuments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "documents.json")
	if err := os.WriteFile(file, []byte(`{"totals": "query Totals($w: Window!) { stats(window: $w) { sent } }"}`),
		0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--trusted-documents", file, "--trusted-only")
	if _, body := p.do(http.MethodPost, p.graphql, `{"documentId": "totals", "variables": {"w": {"last": "P1D"}}}`,
		"Content-Type", "application/json"); !strings.Contains(body, `"sent":`) || strings.Contains(body, `"errors":`) {
		t.Error(body)
	}
	if _, body := p.do(http.MethodPost, p.graphql, `{"query": "{ __typename }"}`, "Content-Type",
		"application/json"); !strings.Contains(body, "registered documents only") {
		t.Error(body)
	}
}

// Connections that send nothing, or half a request, do not affect others, and the server closes them in time.
func TestIdleConnectionsAreClosed(t *testing.T) {
	p := start(t, "--create", "--data", filepath.Join(t.TempDir(), "empty.db"))
	u, err := url.Parse(p.graphql)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 1_000 {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		half := []string{
			"", "POST /graphql HT",
			"POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 1000000\r\n\r\n{",
			"GET /graphql?query=",
		}[i%4]
		if _, err := c.Write([]byte(half)); err != nil {
			t.Fatal(err)
		}
	}
	if got := p.query("{ bounceCategories { code } }", nil); got["bounceCategories"] == nil {
		t.Errorf("%v", got)
	}
	s := newServer(nil, nil)
	if s.ReadHeaderTimeout == 0 || s.IdleTimeout == 0 || s.MaxHeaderBytes == 0 {
		t.Error("the server waits for ever") // for bodies see TestSlowBodies, for responses TestSlowReaders
	}
}

// A thousand idle streams are open at once, further ones are refused, and operations are still answered.
func TestIdleStreamsAreLimited(t *testing.T) {
	const most = 1_000
	p := start(t, "--create", "--data", filepath.Join(t.TempDir(), "empty.db"), "--subscriptions", fmt.Sprint(most),
		"--subscriptions-per-caller", fmt.Sprint(most))
	u, err := url.Parse(p.graphql)
	if err != nil {
		t.Fatal(err)
	}
	for range most {
		c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", u.Host)
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := fmt.Fprintf(c,
			"GET /graphql?query=%s HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n\r\n",
			url.QueryEscape("subscription { bounces { cursor } }")); err != nil {
			t.Fatal(err)
		}
		if status, err := bufio.NewReader(c).ReadString('\n'); err != nil || !strings.Contains(status, "200 OK") {
			t.Fatalf("%q, %v", status, err)
		}
	}
	_, body := p.do(http.MethodGet, p.graphql+"?query="+url.QueryEscape("subscription { bounces { cursor } }"), "",
		"Accept", "text/event-stream")
	if !strings.Contains(body, "too many subscriptions are open") {
		t.Errorf("one more than may be: %s", body)
	}
	if got := p.query("{ __typename }", nil); got["__typename"] != "Query" {
		t.Errorf("%v", got)
	}
}
