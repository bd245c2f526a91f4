package rest

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream"
)

// Every faulty response yields an error with the right code after the right number of tries. Its message reveals
// nothing of the configuration or the body.
func TestFaults(t *testing.T) {
	t.Parallel()
	const (
		secretBody = "s3cret-b0dy"
		ours       = `{"error":{"code":452,"message":"start_time must be a time","parameter":"start_time"}}`
	)
	page := strings.Repeat(" ", 4096)
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("the redirect was followed, with key %q", r.Header.Get("Authorization"))
	}))
	t.Cleanup(elsewhere.Close)

	for name, test := range map[string]struct {
		answer    http.HandlerFunc
		then      http.HandlerFunc // from the second try on, if different
		code      upstream.Code    // empty if the call succeeds
		status    int
		tries     int // 0 means many, until the deadline
		parameter string
		message   string
	}{
		"200":                        {answer: reply(200, codes), status: 200, tries: 1},
		"200 without a content type": {answer: reply(200, codes, "Content-Type: "), status: 200, tries: 1},
		"200 of some JSON type": {
			answer: reply(200, codes, "Content-Type: application/vnd.api+json; charset=utf-8"), status: 200, tries: 1,
		},
		"gzip":     {answer: zipped(codes), status: 200, tries: 1},
		"202 once": {answer: reply(202, ""), then: reply(200, codes), status: 200, tries: 2},
		"202 every time": {
			answer: reply(202, ""), code: upstream.Unavailable, status: 202, message: "identical request",
		},
		"429 every time": {
			answer: reply(429, secretBody), code: upstream.Unavailable, status: 429, tries: 3, message: "fewer calls",
		},
		"503 once": {answer: reply(503, secretBody), then: reply(200, codes), status: 200, tries: 2},
		"503 every time": {
			answer: reply(503, secretBody), code: upstream.Unavailable, status: 503, tries: 3,
			message: "overloaded or in maintenance",
		},
		"reset once": {answer: reset(""), then: reply(200, codes), status: 200, tries: 2},
		"reset every time": {
			answer: reset(""), code: upstream.Unavailable, tries: 3, message: "cannot be reached",
		},
		"broken off once": {
			answer: reset("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), then: reply(200, codes), status: 200,
			tries: 2,
		},
		"broken off every time": {
			answer: reset("HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), code: upstream.Unavailable, status: 200,
			tries: 3, message: "broke off",
		},
		"chunks broken off": {
			answer: reset("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n"),
			code:   upstream.Unavailable, status: 200, tries: 3, message: "broke off",
		},
		"503, then an error": {
			answer: reply(503, ""), then: reply(451, ""), code: upstream.Unauthenticated, status: 451, tries: 2,
		},

		"400": {
			answer: reply(400, secretBody), code: upstream.InvalidArgument, status: 400, tries: 1,
			message: "refused the request (status 400)",
		},
		"401": {
			answer: reply(401, secretBody), code: upstream.Unauthenticated, status: 401, tries: 1, message: "API key",
		},
		"404": {
			answer: reply(404, secretBody), code: upstream.NotFound, status: 404, tries: 1,
			message: "has no /bounce/categories",
		},
		"451": {
			answer: reply(451, secretBody), code: upstream.Unauthenticated, status: 451, tries: 1,
			message: "did not accept the gateway's API key",
		},
		"452 in our form": {
			answer: reply(452, ours), code: upstream.InvalidArgument, status: 452, tries: 1, parameter: "start_time",
			message: "refused the request: start_time must be a time",
		},
		"452 in another form": {
			answer: reply(452, `{"message":"`+secretBody+`"}`), code: upstream.InvalidArgument, status: 452, tries: 1,
			message: "refused the request (status 452)",
		},
		"452 that prints our key": {
			answer: reply(452, strings.Replace(ours, "time\"", testKey+"\"", 1)), code: upstream.InvalidArgument,
			status: 452, tries: 1, message: "(status 452)",
		},
		"452 that prints a URL": {
			answer: reply(452, strings.Replace(ours, "time\"", "http://x\"", 1)), code: upstream.InvalidArgument,
			status: 452, tries: 1, message: "(status 452)",
		},
		"452 that prints a host": {
			answer: reply(452, strings.Replace(ours, "time\"", "127.0.0.1\"", 1)), code: upstream.InvalidArgument,
			status: 452, tries: 1, message: "(status 452)",
		},
		"452 at length": {
			answer: reply(452, strings.Replace(ours, "time\"", strings.Repeat("x", 300)+"\"", 1)),
			code:   upstream.InvalidArgument, status: 452, tries: 1, message: "(status 452)",
		},
		"452 unprintable": {
			answer: reply(452, strings.Replace(ours, "time\"", `\u001b[31m"`, 1)), code: upstream.InvalidArgument,
			status: 452, tries: 1, message: "(status 452)",
		},
		"418": {
			answer: reply(418, secretBody), code: upstream.InvalidResponse, status: 418, tries: 1,
			message: "status 418, which is not in its contract",
		},
		"500": {
			answer: reply(500, secretBody), code: upstream.InvalidResponse, status: 500, tries: 1,
			message: "failed (status 500)",
		},
		"502": {
			answer: reply(502, secretBody), code: upstream.Unavailable, status: 502, tries: 1,
			message: "proxy (status 502)",
		},
		"504": {
			answer: reply(504, secretBody), code: upstream.Timeout, status: 504, tries: 1,
			message: "proxy (status 504)",
		},
		"204": {
			answer: reply(204, ""), code: upstream.InvalidResponse, status: 204, tries: 1, message: "status 204",
		},
		"redirect": {
			answer: reply(302, "", "Location: "+elsewhere.URL), code: upstream.InvalidResponse, status: 302, tries: 1,
			message: "redirect (status 302), which is not followed",
		},
		"redirect to the same": {
			answer: reply(307, "", "Location: /bounce/categories/"), code: upstream.InvalidResponse, status: 307,
			tries: 1, message: "redirect",
		},

		"empty": {
			answer: reply(200, ""), code: upstream.InvalidResponse, status: 200, tries: 1, message: "is empty",
		},
		"HTML": {
			answer: reply(200, "<html>"+secretBody, "Content-Type: text/html"), code: upstream.InvalidResponse,
			status: 200, tries: 1, message: "is not JSON",
		},
		"HTML as JSON": {
			answer: reply(200, "<html>"+secretBody), code: upstream.InvalidResponse, status: 200, tries: 1,
			message: "byte 0",
		},
		"nonsense for a type": {
			answer: reply(200, codes, "Content-Type: ;;"), code: upstream.InvalidResponse, status: 200, tries: 1,
			message: "is not JSON",
		},
		"JSON broken off": {
			answer: reply(200, `{"data":["`+secretBody), code: upstream.InvalidResponse, status: 200, tries: 1,
		},
		"JSON of other types": {
			answer: reply(200, `{"data":[{"`+secretBody+`":1}]}`), code: upstream.InvalidResponse, status: 200,
			tries: 1,
		},
		"too large, announced": {
			answer: reply(200, codes+page, "Content-Length: 4117"), code: upstream.InvalidResponse, status: 200,
			tries: 1, message: "larger than 4096 bytes",
		},
		"too large, in chunks": {
			answer: endless, code: upstream.InvalidResponse, status: 200, tries: 1, message: "larger than 4096 bytes",
		},
		"gzip bomb": {
			answer: zipped(codes + strings.Repeat(page, 1000)), code: upstream.InvalidResponse, status: 200, tries: 1,
			message: "larger than 4096 bytes",
		},
		"as large as may be": {answer: reply(200, codes+page[len(codes):]), status: 200, tries: 1},
		"broken gzip": {
			answer: reply(200, secretBody+page[:99], "Content-Encoding: gzip"), code: upstream.InvalidResponse,
			status: 200, tries: 1, message: "cannot be decoded",
		},
		"unasked encoding": {
			answer: reply(200, codes, "Content-Encoding: br"), code: upstream.InvalidResponse, status: 200, tries: 1,
			message: "encoding that was not asked for",
		},
		"no HTTP": {
			answer: reset("SSH-2.0-OpenSSH_9.9\r\n"), code: upstream.InvalidResponse, tries: 1, message: "proper HTTP",
		},
		"broken chunks": {
			answer: reset("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
			code:   upstream.InvalidResponse, status: 200, tries: 1, message: "cannot be decoded",
		},
		"headers without end": {
			answer: reset("HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 70<<10)), code: upstream.InvalidResponse,
			tries: 1, message: "proper HTTP",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := &script{steps: []http.HandlerFunc{test.answer}}
			if test.then != nil {
				s.steps = append(s.steps, test.then)
			}
			var seen []Call
			var log bytes.Buffer
			c := over(t, s, func(o *Options) {
				o.MaxBodyBytes = 4096
				if test.tries == 0 {
					o.CallTimeout = time.Second
				}
				o.Observe = func(_ context.Context, call Call) { seen = append(seen, call) }
				o.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			rows, err := c.BounceCategories(t.Context())
			n := len(s.calls())
			if n != test.tries && (test.tries > 0 || n < 2) {
				t.Errorf("%d tries, want %d", n, test.tries)
			}
			if test.tries == 0 && len(seen) == 1 && seen[0].Tries == n+1 {
				n++ // the deadline ended the last try before the server had it
			}
			if len(seen) != 1 || seen[0].Tries != n || seen[0].Status != test.status || seen[0].Code != test.code ||
				seen[0].Canceled {
				t.Errorf("observed %+v", seen)
			}
			if test.code == "" {
				if err != nil || len(rows) != 2 || seen[0].Rows != 2 {
					t.Fatalf("got %v, %v", rows, err)
				}
				return
			}
			if rows != nil || err == nil {
				t.Fatalf("got %v, %v", rows, err)
			}
			if !strings.HasPrefix(err.Error(), "get the bounce categories: ") {
				t.Errorf("%q does not say what was being done", err)
			}
			e := public(t, err)
			if e.Code != test.code || e.Parameter != test.parameter || !strings.Contains(e.Message, test.message) {
				t.Errorf("got %s %q %q", e.Code, e.Parameter, e.Message)
			}
			if e.Status != test.status && !(e.Status == 0 && test.status == 200) {
				t.Errorf("status %d", e.Status)
			}
			for _, secret := range append(secrets(t, c), secretBody) {
				if strings.Contains(e.Message, secret) {
					t.Errorf("message %q gives %q away", e.Message, secret)
				}
				if strings.Contains(log.String(), secret) {
					t.Errorf("log %q gives %q away", log.String(), secret)
				}
			}
			if strings.Contains(err.Error(), testKey) {
				t.Errorf("%q has the key in it", err)
			}
		})
	}
}

func zipped(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
			reply(500, "")(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		io.WriteString(z, body)
		z.Close()
	}
}

// endless sends white space until the client leaves.
func endless(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	for {
		if _, err := w.Write(make([]byte, 1024)); err != nil {
			return
		}
	}
}

func TestMissingBounceIsNotFound(t *testing.T) {
	c := over(t, reply(404, ""))
	_, err := c.Bounce(t.Context(), upstream.BounceKey{UserID: 21, SenderID: 17, BounceTime: 1, EmailID: "x"})
	if e := public(t, err); e.Code != upstream.NotFound || e.Message != "the metrics API has no such bounce" {
		t.Errorf("got %s %q", e.Code, e.Message)
	}
	if want := "get a bounce of user 21 and sender 17: the metrics API has no such bounce"; err.Error() != want {
		t.Errorf("got %q, want %q", err, want)
	}
}

func TestUpstreamRefusesConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	var tries int
	c := client(t, "http://"+l.Addr().String(), func(o *Options) {
		o.Observe = func(_ context.Context, call Call) { tries = call.Tries }
	})
	_, err = c.Emails(t.Context(), upstream.ListQuery{Window: day, UserID: 21})
	e := public(t, err)
	if e.Code != upstream.Unavailable || tries != 3 || strings.Contains(e.Message, "127.0.0.1") {
		t.Errorf("got %s %q after %d tries", e.Code, e.Message, tries)
	}
	var cause *net.OpError
	if !errors.As(err, &cause) {
		t.Errorf("%v lacks its cause", err)
	}
}

// A server with an untrusted certificate gets neither the key nor a second try.
func TestUntrustedCertificate(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		t.Error("a request got through")
	}))
	s.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	s.StartTLS()
	defer s.Close()
	var tries int
	c := client(t, s.URL, func(o *Options) {
		o.Observe = func(_ context.Context, call Call) { tries = call.Tries }
	})
	_, err := c.BlockedReasons(t.Context())
	var cause x509.UnknownAuthorityError
	if e := public(t, err); e.Code != upstream.Unavailable || tries != 1 || !errors.As(err, &cause) {
		t.Errorf("got %v after %d tries", err, tries)
	}
}

// The cause of the error, which is logged, says which scheme the URL should have.
func TestWrongSchemeIsExplained(t *testing.T) {
	secure := httptest.NewUnstartedServer(nil)
	secure.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0)
	secure.StartTLS()
	defer secure.Close()
	plain := httptest.NewServer(nil)
	defer plain.Close()
	for url, want := range map[string]string{
		strings.Replace(secure.URL, "https:", "http:", 1): "perhaps the URL should begin with https://",
		strings.Replace(plain.URL, "http:", "https:", 1):  "perhaps the URL should begin with http://",
	} {
		var tries int
		c := client(t, url, func(o *Options) {
			o.Observe = func(_ context.Context, call Call) { tries = call.Tries }
		})
		_, err := c.BlockedReasons(t.Context())
		e := public(t, err)
		if tries != 1 || !strings.Contains(err.Error(), want) ||
			strings.Contains(e.Message, want) {
			t.Errorf("%s: got %v after %d tries", url, err, tries)
		}
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for value, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"7":                             7 * time.Second,
		"-7":                            0,
		"1.5":                           0,
		"soon":                          0,
		"4294967295":                    24 * time.Hour,
		"99999999999999999999":          0,
		"Mon, 23 Nov 2026 12:00:30 GMT": 30 * time.Second,
		"Mon, 23 Nov 2026 11:00:00 GMT": 0,
		"Fri, 23 Nov 2096 11:00:00 GMT": 24 * time.Hour,
	} {
		if got := retryAfter(http.Header{"Retry-After": {value}}, now); got != want {
			t.Errorf("Retry-After: %s: got %v, want %v", value, got, want)
		}
	}
}
