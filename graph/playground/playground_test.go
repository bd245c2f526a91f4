package playground_test

import (
	"compress/gzip"
	"encoding/json"
	"flag"
	"html"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/graph/playground"
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "4") // many tests wait for the browser
	m.Run()
}

// serve starts a server with the playground at its root.
func serve(t *testing.T, o playground.Options) *httptest.Server {
	t.Helper()
	h, err := playground.New(o)
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

// answer is a response whose body has been read, as it was sent.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends one request. It adds no headers, and neither decompresses the response nor follows redirects.
func ask(t *testing.T, method, url string, header map[string]string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		r.Header.Set(name, value)
	}
	resp, err := (&http.Transport{DisableCompression: true, DisableKeepAlives: true}).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

func unzip(t *testing.T, body string) string {
	t.Helper()
	z, err := gzip.NewReader(strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	content, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

var address = regexp.MustCompile(` (?:href|src)="([^"]*)"`)

// links returns the references of the page in href and src, by extension.
func links(t *testing.T, page string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, m := range address.FindAllStringSubmatch(page, -1) {
		link := html.UnescapeString(m[1])
		if strings.ContainsAny(link, ":/?#") {
			t.Errorf("the page refers to %q, want a relative path, so that a path prefix works", link)
		}
		found[link[strings.LastIndex(link, "."):]] = link
	}
	if got, want := slices.Sorted(maps.Keys(found)), []string{".css", ".js", ".svg", ".txt"}; !cmp.Equal(got, want) {
		t.Fatalf("the page refers to files of the types %q, want %q", got, want)
	}
	return found
}

func TestThePageIsRevalidatedAndItsFilesAreKept(t *testing.T) {
	t.Parallel()
	s := serve(t, playground.Options{})
	page := ask(t, "GET", s.URL+"/", nil)
	if page.status != 200 {
		t.Fatalf("page: status %d", page.status)
	}
	files := links(t, page.body)

	const keep = "public, max-age=31536000, immutable"
	for name, c := range map[string]struct{ path, contentType, cache, holds string }{
		"page":       {"", "text/html; charset=utf-8", "no-cache", `<div id="app">`},
		"script":     {files[".js"], "text/javascript; charset=utf-8", keep, "graphiql-container"},
		"stylesheet": {files[".css"], "text/css; charset=utf-8", keep, ".graphiql-container"},
		"icon":       {files[".svg"], "image/svg+xml", keep, "<svg"},
		"notices":    {files[".txt"], "text/plain; charset=utf-8", "no-cache", "codemirror"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := s.URL + "/" + c.path
			plain := ask(t, "GET", url, nil)
			if got := plain.header.Get("Content-Type"); plain.status != 200 || got != c.contentType {
				t.Errorf("status %d, content type %q, want 200, %q", plain.status, got, c.contentType)
			}
			if got := plain.header.Get("Cache-Control"); got != c.cache {
				t.Errorf("Cache-Control: got %q, want %q", got, c.cache)
			}
			if got := plain.header.Get("Content-Encoding"); got != "" {
				t.Errorf("Content-Encoding: got %q for a client that accepts none", got)
			}
			if !strings.Contains(plain.body, c.holds) {
				t.Errorf("the body lacks %q", c.holds)
			}

			packed := ask(t, "GET", url, map[string]string{"Accept-Encoding": "br, gzip;q=0.8"})
			if got := packed.header.Get("Content-Encoding"); got != "gzip" {
				t.Fatalf("Content-Encoding: got %q, want gzip", got)
			}
			if unzip(t, packed.body) != plain.body {
				t.Error("the decompressed body differs from the uncompressed one")
			}
			if got := packed.header.Get("Vary"); got != "Accept-Encoding" {
				t.Errorf("Vary: got %q", got)
			}

			head := ask(t, "HEAD", url, map[string]string{"Accept-Encoding": "gzip"})
			if head.status != 200 || head.body != "" ||
				head.header.Get("Content-Length") != packed.header.Get("Content-Length") {
				t.Errorf("HEAD: status %d, %d bytes, length %q, want 200, 0, %q", head.status, len(head.body),
					head.header.Get("Content-Length"), packed.header.Get("Content-Length"))
			}

			again := ask(t, "GET", url, map[string]string{"If-None-Match": `"other", ` + plain.header.Get("ETag")})
			if again.status != 304 || again.body != "" {
				t.Errorf("known ETag: status %d with %d bytes, want 304 with 0", again.status, len(again.body))
			}
			if other := ask(t, "GET", url, map[string]string{
				"If-None-Match": `"one, *, another"`,
			}); other.status != 200 {
				t.Errorf("another ETag, with commas: status %d, want 200", other.status)
			}
		})
	}
}

func TestThePageStaysSmall(t *testing.T) {
	t.Parallel()
	s := serve(t, playground.Options{Tabs: playground.Examples()})
	total := 0
	page := ask(t, "GET", s.URL+"/", map[string]string{"Accept-Encoding": "gzip"})
	for _, link := range links(t, unzip(t, page.body)) {
		if strings.HasSuffix(link, ".txt") { // not loaded with the page
			continue
		}
		total += len(ask(t, "GET", s.URL+"/"+link, map[string]string{"Accept-Encoding": "gzip"}).body)
	}
	const most = 600_000
	if total += len(page.body); total > most {
		t.Errorf("the page and its files are %d bytes on the wire, want at most %d", total, most)
	}
}

func TestGzipIsSentOnlyIfAccepted(t *testing.T) {
	t.Parallel()
	s := serve(t, playground.Options{})
	for accept, want := range map[string]string{
		"gzip":                "gzip",
		"GZIP":                "gzip",
		"deflate, gzip;q=1.0": "gzip",
		"*":                   "gzip",
		"identity":            "",
		"gzip;q=0":            "",
		"gzip; q=0.0, *":      "",
		"*;q=0":               "",
		"gzipped":             "",
	} {
		got := ask(t, "GET", s.URL+"/", map[string]string{"Accept-Encoding": accept})
		if got.header.Get("Content-Encoding") != want {
			t.Errorf("Accept-Encoding %q: got %q, want %q", accept, got.header.Get("Content-Encoding"), want)
		}
	}
}

func TestOtherPathsAndMethodsAreRefused(t *testing.T) {
	t.Parallel()
	s := serve(t, playground.Options{})
	for name, c := range map[string]struct {
		method, path string
		status       int
		allow        string
	}{
		"unknown file":      {"GET", "/app-000000000000.js", 404, ""},
		"source":            {"GET", "/dist/SOURCE_HASH", 404, ""},
		"way out":           {"GET", "/../playground.go", 404, ""},
		"post to unknown":   {"POST", "/nothing", 404, ""},
		"post to the page":  {"POST", "/", 405, "GET, HEAD"},
		"delete the page":   {"DELETE", "/", 405, "GET, HEAD"},
		"options of a page": {"OPTIONS", "/", 405, "GET, HEAD"},
	} {
		got := ask(t, c.method, s.URL+c.path, nil)
		if got.status != c.status || got.header.Get("Allow") != c.allow {
			t.Errorf("%s: status %d, Allow %q, want %d, %q", name, got.status, got.header.Get("Allow"), c.status,
				c.allow)
		}
	}
}

func TestEveryResponseHasProtectiveHeaders(t *testing.T) {
	t.Parallel()
	s := serve(t, playground.Options{})
	for _, r := range [][2]string{{"GET", "/"}, {"GET", "/nothing"}, {"POST", "/"}} {
		got := ask(t, r[0], s.URL+r[1], nil)
		for header, want := range map[string]string{
			"X-Content-Type-Options":       "nosniff",
			"X-Frame-Options":              "DENY",
			"Referrer-Policy":              "same-origin",
			"Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got.header.Get(header) != want {
				t.Errorf("%s %s: %s is %q, want %q", r[0], r[1], header, got.header.Get(header), want)
			}
		}
		policy := got.header.Get("Content-Security-Policy")
		for _, want := range []string{
			"default-src 'self'", "object-src 'none'", "base-uri 'none'", "form-action 'none'",
			"frame-ancestors 'none'",
		} {
			if !strings.Contains(policy, want) {
				t.Errorf("%s %s: the policy %q has no %q", r[0], r[1], policy, want)
			}
		}
		for directive := range strings.SplitSeq(policy, ";") {
			if strings.Contains(directive, "'unsafe-") &&
				strings.TrimSpace(directive) != "style-src 'self' 'unsafe-inline'" {
				t.Errorf("%s %s: the policy allows %q", r[0], r[1], directive)
			}
		}
	}
}

var settingsElement = regexp.MustCompile(`(?s)<script id="settings" type="application/json">(.*?)</script>`)

// settings returns what the page's script would read.
func settings(t *testing.T, page string) (s struct {
	Endpoint, Title string
	Tabs            []struct{ Name, Description, Query, Variables string }
}) {
	t.Helper()
	m := settingsElement.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("no settings in the page:\n%s", page)
	}
	if err := json.Unmarshal([]byte(m[1]), &s); err != nil {
		t.Fatalf("settings: %v in %s", err, m[1])
	}
	return s
}

func TestSettingsReachTheScriptUnchanged(t *testing.T) {
	t.Parallel()
	s := serve(t, playground.Options{Endpoint: "../api/graphql", Title: "Mail & more", Tabs: []playground.Tab{
		{Description: "First.", Query: "query A { a }", Variables: `{"n": 1}`},
		{Query: "mutation B { b }\nquery C { c }"},
	}})
	page := ask(t, "GET", s.URL+"/", nil).body
	got := settings(t, page)
	if got.Endpoint != "../api/graphql" || got.Title != "Mail & more" || len(got.Tabs) != 2 {
		t.Fatalf("got %+v", got)
	}
	if a := got.Tabs[0]; a.Name != "A" || a.Description != "First." || a.Query != "query A { a }" ||
		a.Variables != `{"n": 1}` {
		t.Errorf("first tab: got %+v", a)
	}
	if got.Tabs[1].Name != "B" {
		t.Errorf("second tab is called %q, want the name of its first operation, B", got.Tabs[1].Name)
	}
	if !strings.Contains(page, "<title>Mail &amp; more</title>") {
		t.Error("the page does not have its title")
	}
	if strings.Contains(page, "banner") {
		t.Error("there is a banner although no demo text was given")
	}
}

// Whatever text an option contains, the page has the same elements: no text ends the element that contains it.
func TestTextCannotBecomeMarkup(t *testing.T) {
	t.Parallel()
	evil := `</script></title></p><script>alert(1)</script><!--<script> & " ' ` + "\u2028"
	s := serve(t, playground.Options{Title: evil, Demo: evil, Tabs: []playground.Tab{
		{
			Description: evil, Query: "query A { a(s: \"</script><script>alert(1)</script><!--\") } # " + evil,
			Variables: `{"s": "</script><script>alert(1)</script>"}`,
		},
	}})
	page := ask(t, "GET", s.URL+"/", nil).body
	for part, want := range map[string]int{"<script": 2, "</script": 2, "<!--": 0, "</title": 1, "<p": 3, "</p": 3} {
		if got := strings.Count(page, part); got != want {
			t.Errorf("%q occurs %d times, want %d", part, got, want)
		}
	}
	got := settings(t, page)
	if got.Title != evil || got.Tabs[0].Description != evil || !strings.HasSuffix(got.Tabs[0].Query, evil) {
		t.Errorf("the script reads texts that were not given: %+v", got)
	}
	if want := "<strong>Demo data.</strong> &lt;/script&gt;"; !strings.Contains(page, want) {
		t.Errorf("the banner lacks %q", want)
	}
}

func TestAPathPrefixWorks(t *testing.T) {
	t.Parallel()
	h, err := playground.New(playground.Options{})
	if err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.StripPrefix("/tools/playground", h))
	defer s.Close()

	bare := ask(t, "GET", s.URL+"/tools/playground?x=1", nil)
	if got, want := bare.header.Get("Location"), "./playground/"; bare.status != 301 || got != want {
		t.Errorf("without a slash: status %d to %q, want 301 to %q", bare.status, got, want)
	}
	page := ask(t, "GET", s.URL+"/tools/playground/", nil)
	script := ask(t, "GET", s.URL+"/tools/playground/"+links(t, page.body)[".js"], nil)
	if page.status != 200 || script.status != 200 {
		t.Errorf("page %d, script %d, want 200 both", page.status, script.status)
	}
	if got := settings(t, page.body).Endpoint; got != "graphql" {
		t.Errorf("endpoint %q, want a path relative to the page", got)
	}
}

func TestATabNeedsAnOperation(t *testing.T) {
	t.Parallel()
	for _, query := range []string{"", "query A { a", "fragment F on T { a }"} {
		_, err := playground.New(playground.Options{Tabs: []playground.Tab{{Query: "query A { a }"}, {Query: query}}})
		if err == nil || !strings.Contains(err.Error(), "tab 2: ") {
			t.Errorf("%q: got %v", query, err)
		}
	}
}

// Files are decompressed once for all clients that do not accept gzip, so that many such clients take little memory.
func TestPlainFilesAreSharedByRequests(t *testing.T) { // not parallel, as it measures memory
	h, err := playground.New(playground.Options{Endpoint: "graphql"})
	if err != nil {
		t.Fatal(err)
	}
	page := httptest.NewRecorder()
	h.ServeHTTP(page, httptest.NewRequest(http.MethodGet, "/", nil))
	script := regexp.MustCompile(`app-[0-9a-f]+\.js`).FindString(page.Body.String())
	var before, after runtime.MemStats
	size := 0
	for i := range 11 {
		if i == 1 { // the first decompresses it
			runtime.ReadMemStats(&before)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodHead, "/"+script, nil))
		size, _ = strconv.Atoi(w.Header().Get("Content-Length"))
	}
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; size < 1<<20 || used > uint64(size) {
		t.Errorf("10 requests for %d bytes took %d bytes of memory", size, used)
	}
}
