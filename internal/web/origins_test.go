package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"deliverygraph/internal/web"
)

func do(h http.Handler, method string, header ...string) *http.Response {
	r := httptest.NewRequest(method, "/graphql?query={__typename}", nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Result()
}

func handler(allowed ...string) http.Handler {
	return web.NewOrigins(allowed).Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusOK)
	}),
		func(w http.ResponseWriter, _ *http.Request, _ string) { w.WriteHeader(http.StatusForbidden) })
}

// Origins are compared as a whole, and credentials are never allowed.
func TestCORSComparesWholeOrigins(t *testing.T) {
	t.Parallel()
	h, all := handler("https://app.example.com"), handler("*")
	for origin, want := range map[string]bool{
		"https://app.example.com": true, "http://localhost:3000": true, "http://127.0.0.1:5173": true,
		"https://dev.localhost": true, "http://[::1]:8080": true,
		"http://app.example.com": false, "https://app.example.com:444": false,
		"https://app.example.com.evil.example": false, "https://evil.example": false, "https://xapp.example.com": false,
		"null": false, "https://localhost.evil.example": false, "file://localhost": false,
		"http://127.0.0.1.evil.example": false, "HTTPS://APP.EXAMPLE.COM": false,
	} {
		for i, h := range []http.Handler{h, all} {
			want := want || i == 1
			resp := do(h, http.MethodGet, "Origin", origin)
			got := resp.Header.Get("Access-Control-Allow-Origin")
			if want != (got == origin) || !want && got != "" ||
				resp.Header.Get("Access-Control-Allow-Credentials") != "" {
				t.Errorf("%s: %v", origin, resp.Header)
			}
			if !strings.Contains(strings.Join(resp.Header.Values("Vary"), ","), "Origin") {
				t.Errorf("%s: Vary is %q", origin, resp.Header.Values("Vary"))
			}
		}
	}
	for _, written := range []string{"https://App.Example.com", "HTTPS://app.example.com:443"} {
		if resp := do(handler(written), http.MethodGet, "Origin", "https://app.example.com"); resp.StatusCode != 200 {
			t.Errorf("%s: status %d", written, resp.StatusCode)
		}
	}
	resp := do(h, http.MethodGet, "Origin", "https://app.example.com")
	if e := resp.Header.Get("Access-Control-Expose-Headers"); !strings.Contains(e, "Ratelimit") &&
		!strings.Contains(e, "RateLimit") || !strings.Contains(e, "Retry-After") {
		t.Errorf("exposed: %s", e)
	}
}

// Preflights allow the methods and headers that clients use.
func TestPreflightsAllowClientHeaders(t *testing.T) {
	t.Parallel()
	h := handler("https://app.example.com")
	for header, want := range map[string]bool{
		"content-type": true, "authorization,content-type": true, "x-api-key": true, "x-explain": true,
		"traceparent": true, "apollo-require-preflight": true, "graphql-preflight": true, "x-requested-with": true,
		"apollographql-client-name,apollographql-client-version,content-type": true, "cookie": false, "x-evil": false,
	} {
		resp := do(h, http.MethodOptions, "Origin", "https://app.example.com", "Access-Control-Request-Method", "POST",
			"Access-Control-Request-Headers", header)
		if got := resp.Header.Get("Access-Control-Allow-Headers") != ""; got != want {
			t.Errorf("%s: %v", header, resp.Header)
		}
	}
	if resp := do(h, http.MethodOptions, "Origin", "https://app.example.com", "Access-Control-Request-Method",
		"DELETE"); resp.Header.Get("Access-Control-Allow-Methods") != "" {
		t.Errorf("DELETE: %v", resp.Header)
	}
	if resp := do(h, http.MethodOptions, "Origin", "https://evil.example", "Access-Control-Request-Method", "POST",
		"Access-Control-Request-Headers", "content-type"); resp.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("another origin: %v", resp.Header)
	}
}

// Requests that a browser sends for a page that may not read the answer are refused; all others are answered.
func TestRequestsOfOtherPagesAreRefused(t *testing.T) {
	t.Parallel()
	h := handler("https://app.example.com")
	for name, c := range map[string]struct {
		header []string
		status int
	}{
		"no browser": {nil, 200},
		"an address that was typed": {
			[]string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"}, 200,
		},
		"the endpoint's own page": {[]string{"Sec-Fetch-Site", "same-origin"}, 200},
		"an image on another site": {
			[]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403,
		},
		"an image on a sibling": {
			[]string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors"}, 403,
		},
		"a link on another site": {
			[]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, 403,
		},
		"another page's script": {
			[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example"}, 403,
		},
		"a sandboxed frame's script": {
			[]string{"Sec-Fetch-Site", "cross-site", "Origin", "null"}, 403,
		},
		"a form": {
			[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example", "Content-Type", "text/plain"},
			403,
		},
		"a form in disguise": {
			[]string{"Sec-Fetch-Site", "cross-site", "Content-Type", "text/plain; application/json"}, 403,
		},
		"another page's POST": {
			[]string{
				"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example", "Content-Type", "application/json",
			}, 403,
		},
		"another page's key": {
			[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://evil.example", "Authorization", "Bearer x"},
			403,
		},
		"another page in an old browser": {
			[]string{"Origin", "https://evil.example", "Content-Type", "application/json"}, 403,
		},
		"its own page, in an old browser": {
			[]string{"Origin", "https://example.com", "Content-Type", "application/json"}, 200,
		},
		"its own page, behind a proxy that adds the port": {
			[]string{"Origin", "https://example.com", "Host", "example.com:443"}, 200,
		},
		"another port of the host": {
			[]string{"Origin", "https://example.com:444", "Host", "example.com:443"}, 403,
		},
		"its own page, behind a proxy": {
			[]string{"Sec-Fetch-Site", "same-origin", "Origin", "https://gateway.example.com"}, 200,
		},
		"a browser's extension": {
			[]string{"Sec-Fetch-Site", "none", "Origin", "chrome-extension://abcdefgh"}, 200,
		},
		"an allowed page's script": {
			[]string{"Sec-Fetch-Site", "cross-site", "Origin", "https://app.example.com"}, 200,
		},
		"a page under development": {
			[]string{"Sec-Fetch-Site", "cross-site", "Origin", "http://localhost:3000"}, 200,
		},
		"one with a preflight header": {
			[]string{"Sec-Fetch-Site", "cross-site", "Apollo-Require-Preflight", "true"}, 200,
		},
		"one with a key": {
			[]string{"Sec-Fetch-Site", "cross-site", "Authorization", "Bearer x"}, 200,
		},
		"one with JSON as content type": {
			[]string{"Sec-Fetch-Site", "cross-site", "Content-Type", "application/json; charset=utf-8"}, 200,
		},
	} {
		if resp := do(h, http.MethodGet, c.header...); resp.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d", name, resp.StatusCode, c.status)
		}
	}
}

// The error for a foreign page names its origin and the setting that allows it, also for preflights.
func TestRefusalsNameTheOrigin(t *testing.T) {
	t.Parallel()
	for origin, want := range map[string]string{
		"https://evil.example": "--cors-origins https://evil.example",
		"null":                 "--cors-origins *",
		"https://" + strings.Repeat("x", 1000) + ".com": "--cors-origins https://xxx",
		"https://\xff\n.example":                        `--cors-origins https://\xff\n.example`,
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodOptions} {
			var refused []string
			h := web.NewOrigins(nil).Handler(http.NotFoundHandler(),
				func(_ http.ResponseWriter, _ *http.Request, reason string) { refused = append(refused, reason) })
			do(h, method, "Origin", origin, "Access-Control-Request-Method", "POST", "Content-Type", "application/json")
			if len(refused) != 1 || !strings.Contains(refused[0], want) || len(refused[0]) > 600 {
				t.Errorf("%s of %.50s: %q", method, origin, refused)
			}
		}
	}
}

// WebSockets are open to pages that may read answers, to the endpoint's own pages, and to clients other than browsers:
// browsers send no preflight for them.
func TestSocketsOfOtherPagesAreRefused(t *testing.T) {
	t.Parallel()
	h, all := handler("https://app.example.com"), handler("*")
	for name, c := range map[string]struct {
		header []string
		status int
	}{
		"no browser":              {nil, 200},
		"the endpoint's own page": {[]string{"Origin", "https://example.com"}, 200}, // the request's host
		"its own page, behind a proxy": {
			[]string{"Origin", "https://gateway.example.com", "Sec-Fetch-Site", "same-origin"}, 200,
		},
		"an allowed page": {
			[]string{"Origin", "https://app.example.com", "Sec-Fetch-Site", "cross-site"}, 200,
		},
		"a page under development": {[]string{"Origin", "http://localhost:3000"}, 200},
		"another page":             {[]string{"Origin", "https://evil.example"}, 403},
		"another page, in a new browser": {
			[]string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, 403,
		},
		"a sibling": {
			[]string{"Origin", "https://www.example.com", "Sec-Fetch-Site", "same-site"}, 403,
		},
		"another port of the host":    {[]string{"Origin", "https://example.com:444"}, 403},
		"a host with the same prefix": {[]string{"Origin", "https://example.com.evil.example"}, 403},
		"a sandboxed frame":           {[]string{"Origin", "null"}, 403},
		"another page with a preflight header": {
			[]string{
				"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site", "Apollo-Require-Preflight", "true",
				"Content-Type", "application/json",
			}, 403,
		},
	} {
		upgrade := append([]string{"Connection", "Upgrade", "Upgrade", "WebSocket"}, c.header...)
		if resp := do(h, http.MethodGet, upgrade...); resp.StatusCode != c.status {
			t.Errorf("%s: status %d, want %d", name, resp.StatusCode, c.status)
		}
		if resp := do(all, http.MethodGet, upgrade...); resp.StatusCode != http.StatusOK {
			t.Errorf("%s, with all origins allowed: status %d", name, resp.StatusCode)
		}
	}
}

// Every response has the security headers, unless the handler sets its own.
func TestEveryResponseHasSecurityHeaders(t *testing.T) {
	t.Parallel()
	h := web.Secure(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Own") != "" {
			w.Header().Set("Content-Security-Policy", "default-src 'self'")
		}
		http.NotFound(w, r)
	}))
	resp := do(h, http.MethodGet)
	for name, want := range map[string]string{
		"X-Content-Type-Options":  "nosniff",
		"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Resource-Policy": "same-origin",
	} {
		if got := resp.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if got := do(h, http.MethodGet, "Own", "yes").Header.Get("Content-Security-Policy"); got != "default-src 'self'" {
		t.Errorf("a handler's own policy is %q", got)
	}
}
