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

// TestTransportAnswersLikeASocket compares the answer of each handler in process with
// the answer over net/http's server and client.
func TestTransportAnswersLikeASocket(t *testing.T) {
	tests := map[string]struct {
		method  string
		handler http.HandlerFunc
	}{
		"a body without a status is 200": {"GET", func(w http.ResponseWriter, r *http.Request) {
			io.WriteString(w, "hello")
		}},
		"no output is 200": {"GET", func(w http.ResponseWriter, r *http.Request) {}},
		"the first status wins": {"GET", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(404)
			w.WriteHeader(200)
		}},
		"informational statuses are dropped": {"GET", func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(103)
			w.WriteHeader(404)
		}},
		"HEAD has the headers and no body": {"HEAD", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "5")
			io.WriteString(w, "hello")
		}},
		"the request as the handler sees it": {"POST", func(w http.ResponseWriter, r *http.Request) {
			b, err := io.ReadAll(r.Body)
			io.WriteString(w, strings.Join([]string{
				r.Method, r.RequestURI, r.URL.String(), r.URL.Path, r.URL.RawQuery, r.Proto, r.Header.Get("X-Asked"),
				string(b),
			}, "|"))
			if err != nil || r.Host == "" || r.RemoteAddr == "" {
				w.WriteHeader(500)
			}
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewUnstartedServer(test.handler)
			server.Config.ErrorLog = log.New(io.Discard, "", 0) // it logs the superfluous second status
			server.Start()
			defer server.Close()
			ask := func(c *http.Client, base string) string {
				url := base + "/a%2Fb/c%20d?q=1+2&r=%41"
				req, err := http.NewRequestWithContext(t.Context(), test.method, url, strings.NewReader("sent"))
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
				return resp.Status + "\n" + string(body)
			}
			want := ask(server.Client(), server.URL)
			got := ask(&http.Client{Transport: embedded.Transport(test.handler)}, "http://embedded")
			if got != want {
				t.Errorf("in process %q, over a socket %q", got, want)
			}
		})
	}
}

func TestTransportSetsContentLength(t *testing.T) {
	rt := embedded.Transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "hello")
	}))
	resp, err := rt.RoundTrip(httptest.NewRequest("GET", "http://embedded/", nil))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.ContentLength != 5 {
		t.Errorf("ContentLength = %d, want 5", resp.ContentLength)
	}
}

func TestTransportReturnsWhenContextEndsEvenIfHandlerBlocks(t *testing.T) {
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
		t.Errorf("error %v, want context.Canceled", err)
	}
	close(release)
	<-left
}

func TestTransportCancelsTheHandlersContext(t *testing.T) {
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
		t.Errorf("the handler's context ended with %v, want context.Canceled", err)
	}
}

func TestTransportDoesNotCallHandlerIfContextHasEnded(t *testing.T) {
	rt := embedded.Transport(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("called") }))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	body := &closing{Reader: strings.NewReader("x")}
	req := httptest.NewRequestWithContext(ctx, "POST", "http://embedded/", body)
	resp, err := rt.RoundTrip(req)
	if err == nil {
		resp.Body.Close()
	}
	if !errors.Is(err, context.Canceled) || !body.closed {
		t.Errorf("error %v, body closed %v; want context.Canceled and closed", err, body.closed)
	}
}

func TestTransportReturnsPanicsAsErrors(t *testing.T) {
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

func TestTransportDoesNotModifyTheRequest(t *testing.T) {
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
	sameHeader := req.Header.Get("X-Asked") == "yes" && req.Header.Get("Authorization") == "apikey=x"
	sameURL := req.URL.String() == "http://embedded/asked?a=b" && req.RequestURI == ""
	if !sameURL || req.Method != "POST" || !sameHeader {
		t.Errorf("the request became %s %s %v", req.Method, req.URL, req.Header)
	}
	if !body.closed {
		t.Error("the request's body was left open")
	}
	if resp.Request != req {
		t.Error("resp.Request is not the request")
	}
}

// Concurrent callers share pooled buffers.
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
				resp.Body.Close() // closing twice must be harmless
				if _, again := resp.Body.Read(make([]byte, 1)); again == nil {
					t.Error("read after close")
				}
				if err != nil || string(got) != strings.Repeat(letter, 100) {
					t.Errorf("got %.20s…, %v; want %s repeated", got, err, letter)
					return
				}
			}
		})
	}
	callers.Wait()
}

// closing records whether it was closed.
type closing struct {
	io.Reader
	closed bool
}

func (c *closing) Close() error { c.closed = true; return nil }
