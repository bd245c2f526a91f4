package embedded_test

import (
	"context"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"

	"deliverygraph/upstream/embedded"
)

// TestTransportAnswersAsASocketWould holds the in-process answer of each handler
// against the one that net/http's own server and client give.
func TestTransportAnswersAsASocketWould(t *testing.T) {
	tests := map[string]struct {
		method  string
		handler http.HandlerFunc
	}{
		"a body and no status is 200": {"GET", func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }},
		"nothing at all is 200":       {"GET", func(w http.ResponseWriter, r *http.Request) {}},
		"a status that net/http has no text for": {"GET", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(452)
			io.WriteString(w, "{}")
		}},
		"the first status wins": {"GET", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(404)
			w.WriteHeader(200)
		}},
		"an informational status is not the answer": {"GET", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(404)
		}},
		"a header set after the answer began is not sent": {"GET", func(w http.ResponseWriter, r *http.Request) {
			h := w.Header()
			h.Set("X-Early", "1")
			w.WriteHeader(200)
			h.Set("X-Late", "1")
		}},
		"204 has no body": {"GET", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(204)
			io.WriteString(w, "dropped")
		}},
		"HEAD has the headers and no body": {"HEAD", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "hello")
		}},
		"the request as the handler sees it": {"POST", func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			io.WriteString(w, strings.Join([]string{r.Method, r.RequestURI, r.URL.String(), r.URL.Path, r.URL.RawQuery, r.Proto, r.Header.Get("X-Asked"), string(b)}, "|"))
			if err != nil || r.Host == "" || r.RemoteAddr == "" {
				w.WriteHeader(500)
			}
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(test.handler)
			server.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of the second status
			server.Start()
			defer server.Close()
			ask := func(c *http.Client, base string) string {
				req, err := http.NewRequestWithContext(t.Context(), test.method, base+"/a%2Fb/c%20d?q=1+2&r=%41", strings.NewReader("sent"))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("X-Asked", "yes")
				resp, err := c.Do(req)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				body, err := io.ReadAll(resp.Body)
				if err != nil {
					t.Fatal(err)
				}
				if resp.Request == nil || resp.Request.URL.Path != "/a/b/c d" {
					t.Errorf("resp.Request is %v, want the request", resp.Request)
				}
				return strings.Join([]string{resp.Status, resp.Header.Get("X-Early"), resp.Header.Get("X-Late"), string(body)}, "\n")
			}
			want := ask(server.Client(), server.URL)
			got := ask(&http.Client{Transport: embedded.Transport(test.handler)}, "http://embedded")
			if got != want {
				t.Errorf("in process %q, over a socket %q", got, want)
			}
		})
	}
}

func TestTransportKnowsTheLengthOfABody(t *testing.T) {
	rt := embedded.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "hello") }))
	resp, err := rt.RoundTrip(httptest.NewRequest("GET", "http://embedded/", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ContentLength != 5 {
		t.Errorf("ContentLength = %d, want 5", resp.ContentLength)
	}
}

func TestTransportReturnsWhenTheContextEndsWhateverTheHandlerDoes(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	entered, release, left := make(chan struct{}), make(chan struct{}), make(chan struct{})
	rt := embedded.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(left)
		close(entered)
		<-release
		io.WriteString(w, "too late")
	}))
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-entered; cancel() }()
	req := httptest.NewRequestWithContext(ctx, "GET", "http://embedded/", nil)
	resp, err := rt.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want that of the context", err)
	}
	close(release)
	<-left
}

func TestTransportTellsTheHandlerThatTheContextEnded(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	entered, left := make(chan struct{}), make(chan error, 1)
	rt := embedded.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		left <- r.Context().Err()
	}))
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-entered; cancel() }()
	if resp, err := rt.RoundTrip(httptest.NewRequestWithContext(ctx, "GET", "http://embedded/", nil)); err == nil {
		resp.Body.Close()
	}
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the handler saw %v", err)
	}
}

func TestTransportDoesNotCallTheHandlerWithAnEndedContext(t *testing.T) {
	rt := embedded.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.Error("called") }))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	body := &closing{Reader: strings.NewReader("x")}
	req := httptest.NewRequestWithContext(ctx, "POST", "http://embedded/", body)
	resp, err := rt.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, context.Canceled) || !body.closed {
		t.Errorf("error %v, body closed %v; want that of the context, and closed", err, body.closed)
	}
}

func TestTransportTurnsAPanicIntoAnError(t *testing.T) {
	for name, test := range map[string]struct {
		panics any
		want   string
	}{
		"a string":      {"boom", "boom"},
		"an error":      {errors.New("bang"), "bang"},
		"ErrAbort":      {http.ErrAbortHandler, "unexpected EOF"},
		"after writing": {"late", "late"},
	} {
		rt := embedded.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if name == "after writing" {
				io.WriteString(w, "half an ans")
			}
			panic(test.panics)
		}))
		resp, err := rt.RoundTrip(httptest.NewRequestWithContext(t.Context(), "GET", "http://embedded/", nil))
		if err == nil {
			resp.Body.Close()
			t.Errorf("%s: status %d, want an error", name, resp.StatusCode)
		} else if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %q, want one with %q", name, err, test.want)
		}
	}
}

func TestTransportLeavesTheRequestAsItWas(t *testing.T) {
	rt := embedded.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header.Set("X-Asked", "changed")
		r.Header.Del("Authorization")
		r.URL.Path, r.URL.RawQuery, r.Method = "/changed", "changed", "PUT"
	}))
	body := &closing{Reader: strings.NewReader("x")}
	req, err := http.NewRequestWithContext(t.Context(), "POST", "http://embedded/asked?a=b", body)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Asked", "yes")
	req.Header.Set("Authorization", "apikey=x")
	resp, err := rt.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if req.URL.String() != "http://embedded/asked?a=b" || req.Method != "POST" || req.Header.Get("X-Asked") != "yes" || req.Header.Get("Authorization") != "apikey=x" || req.RequestURI != "" {
		t.Errorf("the request became %s %s %v", req.Method, req.URL, req.Header)
	}
	if !body.closed {
		t.Error("the request's body was left open")
	}
	if resp.Request != req {
		t.Error("resp.Request is not the request")
	}
}

func TestTransportRefusesWhatIsNoRequest(t *testing.T) {
	rt := embedded.Transport(http.NotFoundHandler())
	for name, req := range map[string]*http.Request{
		"no URL":    {Header: http.Header{}},
		"no header": {URL: httptest.NewRequest("GET", "/", nil).URL},
	} {
		if resp, err := rt.RoundTrip(req); err == nil {
			resp.Body.Close()
			t.Errorf("%s: no error", name)
		}
	}
}

// TestTransportNeverMixesBodies reuses buffers across many callers at once.
func TestTransportNeverMixesBodies(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	c := &http.Client{Transport: embedded.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat(r.URL.RawQuery, 100))
	}))}
	var callers sync.WaitGroup
	for _, letter := range []string{"a", "b", "c", "d"} {
		callers.Go(func() {
			for range 200 {
				resp, err := c.Get("http://embedded/?" + letter)
				if err != nil {
					t.Error(err)
					return
				}
				got, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				resp.Body.Close() // a second time does no harm
				if _, again := resp.Body.Read(make([]byte, 1)); again == nil {
					t.Error("read after close")
				}
				if err != nil || string(got) != strings.Repeat(letter, 100) {
					t.Errorf("asked for %s, got %.20s…, %v", letter, got, err)
					return
				}
			}
		})
	}
	callers.Wait()
}

// closing remembers that it was closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }
