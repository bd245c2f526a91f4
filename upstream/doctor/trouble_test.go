package doctor_test

import (
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/doctor"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/upstreamtest"
)

// text returns a server that always gives the same answer.
func text(status int, contentType, body string, header ...string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	})
}

// If the URL is not a usable server of this API, the report is one sentence, after few
// requests.
func TestWrongServersAreExplainedInOneSentence(t *testing.T) {
	t.Parallel()
	busy := text(503, "application/json", "{}", "Retry-After", "0")
	for name, c := range map[string]struct {
		server http.Handler
		says   string
	}{
		"a web site": {
			text(200, "text/html", "<!doctype html><p>Welcome"), "There is a web site at this URL",
		},
		"a web site's 404 page": {text(404, "text/html", "<html>Not found"), "There is a web site at this URL"},
		"a wrong path": {
			text(404, "application/json", "{}"), "does not have the metrics API at this URL (status 404)"},
		"another API": {
			text(200, "application/json", `{"hello":"world"}`), "JSON that is not a list of codes",
		},
		"a server that only fails": {text(500, "text/plain", "Oops"), "status 500"},
		"maintenance":              {busy, "overloaded or in maintenance"},
		"every key gets 451": {
			text(451, "application/json", "{}"), "The server refuses the API key (status 451)",
		},
		"every key gets 401": {text(401, "text/html", "<html>"), "The server refuses the API key (status 401)"},
		"a redirect": {
			text(301, "text/html", "", "Location", "/v5/bounce/categories?token=secret"),
			"redirects to http://metrics.example.com/v5, but the gateway does not follow redirects: give that URL"},
		"a redirect to itself with a slash": {
			text(301, "text/html", "", "Location", "/v4/bounce/categories/"),
			"redirects to http://metrics.example.com/v4/bounce/categories/, but the gateway does not follow " +
				"redirects: give the URL of the metrics API itself"},
		"a login": {
			text(302, "text/html", "", "Location", "https://login.example.com/start?token=secret"),
			"redirects to https://login.example.com/start, but the gateway does not follow redirects: give the URL of"},
		"a redirect without a URL": {text(302, "text/html", ""), "redirects to another URL"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := examine(t, c.server, func(o *doctor.Options) { o.Key = "some-key" })
			if r.Verdict() != doctor.WillNotDo || len(r.Findings) > 0 || r.Requests > 6 {
				t.Errorf("verdict %d after %d requests with %d findings: want only a sentence",
					r.Verdict(), r.Requests, len(r.Findings))
			}
			if !strings.Contains(r.Trouble, c.says) || strings.Contains(r.Trouble, "secret") {
				t.Errorf("trouble %q, want %q", r.Trouble, c.says)
			}
			if lines := strings.Count(table(t, r), "\n"); lines > 5 {
				t.Errorf("%d lines, want a few:\n%s", lines, table(t, r))
			}
		})
	}
	t.Run("a key is required but none given", func(t *testing.T) {
		t.Parallel()
		r := examine(t, text(451, "application/json", "{}"))
		if want := "asks for an API key (status 451), but none was given"; !strings.Contains(r.Trouble, want) {
			t.Errorf("trouble %q, want %q", r.Trouble, want)
		}
	})
}

func TestNetworkErrorsAreExplained(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(nil)
	gone.Close()
	secure := httptest.NewUnstartedServer(sample())
	secure.Config.ErrorLog = log.New(io.Discard, "", 0)
	secure.StartTLS()
	t.Cleanup(secure.Close)
	closing, err := tls.Listen("tcp", "127.0.0.1:0", secure.TLS)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = closing.Close() })
	go func() { // like other servers than net/http's, which answers requests in clear text with status 400
		for {
			conn, err := closing.Accept()
			if err != nil {
				return
			}
			_ = conn.(*tls.Conn).Handshake()
			_ = conn.Close()
		}
	}()
	plain := httptest.NewServer(sample())
	t.Cleanup(plain.Close)
	stop := make(chan struct{})
	silent := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-stop }))
	t.Cleanup(silent.Close)
	t.Cleanup(func() { close(stop) })
	for url, says := range map[string]string{
		gone.URL:   "connection refused",
		secure.URL: "certificate is not trusted",
		strings.Replace(plain.URL, "http:", "https:", 1):  "should begin with http://",
		strings.Replace(secure.URL, "https:", "http:", 1): "should begin with https://",
		"http://" + closing.Addr().String():               "should begin with https://",
		silent.URL:                                        "no answer within 50ms",
	} {
		timeout := time.Minute
		if url == silent.URL {
			timeout = 50 * time.Millisecond
		}
		r, err := doctor.Examine(t.Context(), doctor.Options{BaseURL: url, Timeout: timeout})
		if err != nil {
			t.Fatal(err)
		}
		explained := strings.Contains(r.Trouble, "cannot be reached") && strings.Contains(r.Trouble, says)
		if r.Verdict() != doctor.WillNotDo || !explained || len(r.Findings) > 0 {
			t.Errorf("%s: %q, want %q", url, r.Trouble, says)
		}
	}
}

// If the server stops answering, the report has what was found until then.
func TestReportKeepsFindingsWhenServerStopsAnswering(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	next := sample()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n.Add(1) > 20 {
			panic(http.ErrAbortHandler)
		}
		next.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	r, err := doctor.Examine(t.Context(), doctor.Options{BaseURL: server.URL, Window: sampleDays})
	if err != nil {
		t.Fatal(err)
	}
	stopped := strings.Contains(r.Trouble, "stopped answering")
	if r.Verdict() != doctor.WillNotDo || !stopped || len(r.Findings) == 0 || r.Requests > 25 {
		t.Errorf("%d requests, trouble %q:\n%s", r.Requests, r.Trouble, table(t, r))
	}
}

func TestBusyServerIsRetried(t *testing.T) {
	t.Parallel()
	var n atomic.Int32
	next := sample()
	fine(t, examine(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if i := n.Add(1); i%9 == 4 {
			w.Header().Set("Retry-After", "0")
			w.WriteHeader([]int{202, 429, 503}[i%3])
			return
		}
		next.ServeHTTP(w, r)
	}), func(o *doctor.Options) { o.Window.End += 1 }))
}

func TestAnswersOverMaxBodyBytesAreCutOff(t *testing.T) {
	t.Parallel()
	next := sample()
	endless := strings.NewReader("")
	r := examine(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/blocked-email/reasons" {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		for range 4 {
			endless.Reset(strings.Repeat(" ", 1<<20))
			if _, err := io.Copy(w, endless); err != nil {
				return
			}
		}
	}), func(o *doctor.Options) { o.MaxBodyBytes = 2 << 20 })
	if text := table(t, r); r.Verdict() != doctor.WillNotDo || !strings.Contains(text, "more than 2.0 MiB") {
		t.Errorf("verdict %d:\n%s", r.Verdict(), text)
	}
}

func TestWrongKeyMustGet451(t *testing.T) {
	t.Parallel()
	const key = "a-key-that-opens-all-users"
	keys, err := embedded.ParseKeys(strings.NewReader(key))
	if err != nil {
		t.Fatal(err)
	}
	strict := embedded.New(newBackend(), embedded.Options{Keys: keys})
	for name, c := range map[string]struct {
		server  http.Handler
		outcome doctor.Outcome
		says    string
	}{
		"451": {strict, doctor.Agrees, ""},
		"401": {http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if !strings.HasSuffix(r.Header.Get("Authorization"), key) {
				w.WriteHeader(http.StatusUnauthorized)
				return
			}
			strict.ServeHTTP(w, r)
		}), doctor.Copes, "treats it as 451"},
		"any key": {sample(), doctor.Copes, "does not check keys"},
	} {
		r := examine(t, c.server, func(o *doctor.Options) { o.Key = key })
		found := false
		for _, f := range r.Findings {
			if strings.HasPrefix(f.Rule, "a wrong key") {
				found = true
				if f.Outcome != c.outcome || !strings.Contains(f.Effect, c.says) {
					t.Errorf("%s: %+v, want outcome %d, %q", name, f, c.outcome, c.says)
				}
			}
		}
		if !found {
			t.Errorf("%s: no finding about keys:\n%s", name, table(t, r))
		}
	}
}

func TestDataThatChangesIsNotADifference(t *testing.T) {
	t.Parallel()
	b := newBackend()
	b.Model = upstreamtest.NewModel(upstreamtest.Sample())
	n := 0
	b.counts = func(k upstream.Kind, _ upstream.CountQuery, found []upstream.Count) []upstream.Count {
		if n++; k == upstream.Emails {
			e := upstreamtest.Sample().Emails[0]
			e.ProcessTime, e.EmailID = upstreamtest.SampleDay-86400, fmt.Sprintf("20161121000000.%d@mail6-40-ussnn1", n)
			b.Add(upstreamtest.Rows{Emails: []upstream.Email{e}})
		}
		return found
	}
	r := examine(t, b.handler())
	if r.Verdict() != doctor.Fine || !strings.Contains(table(t, r), "changed during the examination") {
		t.Errorf("verdict %d, want Fine and a note that data changed:\n%s", r.Verdict(), table(t, r))
	}
}

func TestReportsContainNoKeysAddressesOrControlCharacters(t *testing.T) {
	t.Parallel()
	const key = "s3cret-key"
	echo := `{"error":{"code":%d,"message":"key ` + key + ` of somebody@example.com is \u001b[31mbad\u0007 \u202e",` +
		`"parameter":"` + key + `"}}`
	next := sample()
	for name, server := range map[string]http.Handler{
		"in errors": answers("/", func(r *http.Request, status int, body []byte) (int, string) {
			if status != http.StatusOK {
				return 418, fmt.Sprintf(echo, 418)
			}
			return status, string(body)
		}),
		"in everything": answers("/", func(*http.Request, int, []byte) (int, string) {
			return 400, fmt.Sprintf(echo, 400)
		}),
		"in error bodies in another format": answers("/", func(r *http.Request, status int, body []byte) (int, string) {
			if status != http.StatusOK {
				return status, key + " somebody@example.com \x1b[31m"
			}
			return status, string(body)
		}),
		"in details": replaced("/bounce/2",
			`"email_address":"`, `"email_address":"somebody@example.com\u001b`,
			`"bounce_code":"`, `"bounce_code":"`+key),
		"in headers": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if strings.HasPrefix(r.URL.Path, "/blocked") {
				w.Header().Set("Content-Type", key+"/html")
				w.Header().Set("Content-Encoding", key)
			}
			next.ServeHTTP(w, r)
		}),
		"in email ids":  replaced("/bounces", `"email_id":"`, `"email_id":"somebody@`),
		"in a redirect": text(302, "text/html", "", "Location", "https://example.com/"+key),
		"in envelopes":  replaced("/", `{"data":`, `{"`+"\\u001b"+`[31m":1,"data":`),
		"not at all": with(func(b *backend) {
			b.query = func(q *upstream.ListQuery) { q.Recipient = "" }
		}),
	} {
		r := examine(t, server, func(o *doctor.Options) { o.Key = key })
		text := table(t, r) + r.Trouble
		if strings.Contains(text, key) {
			t.Errorf("%s: the key is printed:\n%s", name, text)
		}
		if m := regexp.MustCompile(`somebody@|recipient\d+@|edge\d+@|sender\d+@`).FindString(text); m != "" {
			t.Errorf("%s: the address %s… is printed:\n%s", name, m, text)
		}
		if i := strings.IndexAny(text, "\x1b\a\u202e"); i >= 0 {
			t.Errorf("%s: a control character is printed: %.40q", name, text[i:])
		}
		if r.Trouble == "" && name == "not at all" && !strings.Contains(text, "recipient=") {
			t.Errorf("%s: no recipient in the table, so this tests nothing:\n%s", name, text)
		}
	}
}

// The document's examples differ in format. Servers may use any of these.
func TestAllDocumentedFormatsAreAccepted(t *testing.T) {
	t.Parallel()
	bare := answers("/", func(_ *http.Request, status int, body []byte) (int, string) {
		if s := string(body); status == http.StatusOK && strings.HasPrefix(s, `{"data":`) {
			return status, strings.TrimSuffix(strings.TrimPrefix(s, `{"data":`), "}")
		}
		return status, string(body)
	})
	wrapped := replaced("/", `{"data":`, `{"processing_time":1.1909,"resp_time":1483459119.2615,"data":`)
	array := answers("/emails", func(_ *http.Request, status int, body []byte) (int, string) {
		s := regexp.MustCompile(`"xheaders":\{("X-[^"]*"):("[^"]*")\}`).ReplaceAllString(string(body),
			`"xheaders":[{$1:$2}]`)
		return status, regexp.MustCompile(`"process_time":(\d+)`).ReplaceAllString(s, `"process_time":"$1.25"`)
	})
	for name, c := range map[string]struct {
		server http.Handler
		says   []string
	}{
		"bare":    {bare, []string{"none: a bare array", "none: a bare object"}},
		"wrapped": {wrapped, []string{`"data" beside processing_time, resp_time`}},
		"arrays":  {array, []string{"an array of objects", "/blocked-emails, /bounces, /emails: an object"}},
	} {
		r := examine(t, c.server)
		if r.Verdict() != doctor.Fine {
			t.Errorf("%s: verdict %d:\n%s", name, r.Verdict(), table(t, r))
		}
		text := strings.Join(strings.Fields(table(t, r)), " ")
		for _, s := range c.says {
			if !strings.Contains(text, s) {
				t.Errorf("%s: no %q in:\n%s", name, s, table(t, r))
			}
		}
	}
}
