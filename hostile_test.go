package main

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"deliverygraph/resolvers/auth"
	"deliverygraph/resolvers/auth/apikey"
)

// Pages of this machine may ask; others only if they are named, and a page that may
// not read an answer cannot have a browser cause one. Every answer has the headers
// that keep browsers from making more of it.
func TestOrigins(t *testing.T) {
	t.Parallel()
	p := start(t, "--cors-origins", "https://app.example.com")
	for origin, allowed := range map[string]bool{"http://localhost:3000": true, "https://app.example.com": true, "https://other.example.com": false, "null": false} {
		resp, _ := p.do(http.MethodOptions, p.graphql, "", "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type")
		if got := resp.Header.Get("Access-Control-Allow-Origin"); (got == origin) != allowed || resp.Header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: Access-Control-Allow-Origin %q", origin, got)
		}
		resp, body := p.do(http.MethodGet, p.graphql+"?query={__typename}", "", "Origin", origin, "Sec-Fetch-Site", "cross-site")
		if resp.StatusCode != map[bool]int{true: 200, false: 403}[allowed] || !allowed && !strings.Contains(body, "Apollo-Require-Preflight") {
			t.Errorf("%s: GET gives %d, %s", origin, resp.StatusCode, body)
		}
	}
	for _, path := range []string{"", "/graphql?query={__typename}", "/nowhere"} {
		resp, _ := p.do(http.MethodGet, strings.TrimSuffix(p.graphql, "/graphql")+path, "")
		for _, name := range []string{"X-Content-Type-Options", "X-Frame-Options", "Content-Security-Policy", "Referrer-Policy", "Cross-Origin-Resource-Policy"} {
			if resp.Header.Get(name) == "" {
				t.Errorf("%q has no %s", path, name)
			}
		}
		if csp := resp.Header.Get("Content-Security-Policy"); strings.Contains(csp, "script-src 'unsafe-inline'") || !strings.Contains(csp, "frame-ancestors 'none'") {
			t.Errorf("%q: %s", path, csp)
		}
	}
}

// The schema is shown where nobody is asked who they are, and elsewhere only if told
// so; the playground says that it is hidden.
func TestIntrospectionSetting(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "keys")
	key, line, err := apikey.New(auth.Caller{Name: "tester", Users: auth.Everyone(), Scopes: auth.AllScopes})
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
		"nobody is asked":               {nil, true},
		"off":                           {[]string{"--introspection", "off"}, false},
		"with keys":                     {[]string{"--auth-keys", keys}, false},
		"with keys, and asked by name":  {[]string{"--auth-keys", keys, "--introspection", "on"}, true},
		"with keys, and off as default": {[]string{"--auth-keys", keys, "--introspection", "auto"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := start(t, c.args...)
			_, body := p.do(http.MethodPost, p.graphql, `{"query": "{ __schema { queryType { name } } }"}`, "Content-Type", "application/json", "Authorization", "Bearer "+key)
			if strings.Contains(body, `"name":"Query"`) != c.shown || strings.Contains(body, "FORBIDDEN") == c.shown {
				t.Error(body)
			}
			_, page := p.do(http.MethodGet, strings.TrimSuffix(p.graphql, "graphql"), "")
			if strings.Contains(page, "does not show its schema") == c.shown {
				t.Errorf("the playground tells otherwise:\n%s", page)
			}
		})
	}
}

// Registered documents are asked for by their ids, and with --trusted-only nothing
// else is taken; one that is not sound stops the start.
func TestTrustedDocumentsSetting(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "documents.json")
	if err := os.WriteFile(file, []byte(`{"totals": "query Totals($w: Window!) { stats(window: $w) { sent } }"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--trusted-documents", file, "--trusted-only")
	if _, body := p.do(http.MethodPost, p.graphql, `{"documentId": "totals", "variables": {"w": {"last": "P1D"}}}`, "Content-Type", "application/json"); !strings.Contains(body, `"sent":`) || strings.Contains(body, "errors") {
		t.Error(body)
	}
	if _, body := p.do(http.MethodPost, p.graphql, `{"query": "{ __typename }"}`, "Content-Type", "application/json"); !strings.Contains(body, "registered documents alone") {
		t.Error(body)
	}
}
