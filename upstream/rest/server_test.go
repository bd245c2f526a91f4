package rest

import (
	"context"
	"errors"
	"flag"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"deliverygraph/upstream"
)

func TestMain(m *testing.M) {
	_ = flag.Set("test.parallel", "16") // many faults make a call wait
	goleak.VerifyTestMain(m)
}

const testKey = "k3y-0f-tests"

// secrets returns the parts of the client's configuration that no error or log may show.
func secrets(t *testing.T, c *Client) []string {
	t.Helper()
	return []string{testKey, c.host, c.base.String()}
}

// over returns a client of a server on a real socket.
func over(t *testing.T, h http.Handler, change ...func(*Options)) *Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return client(t, s.URL, change...)
}

func client(t *testing.T, url string, change ...func(*Options)) *Client {
	t.Helper()
	o := Options{BaseURL: url, Key: testKey, Retry: Retry{Base: 1}} // hardly any wait between tries
	for _, f := range change {
		f(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// within returns a client of a server connected by pipes, so that both run in one synctest bubble: real HTTP, but no
// network and no real time.
func within(t *testing.T, h http.Handler, change ...func(*Options)) *Client {
	t.Helper()
	l := &pipes{conns: make(chan net.Conn), closed: make(chan struct{})}
	s := &http.Server{Handler: h, ErrorLog: slog.NewLogLogger(slog.DiscardHandler, 0)}
	go s.Serve(l)
	t.Cleanup(func() { s.Close() })
	return client(t, "http://api.example.com", append([]func(*Options){func(o *Options) {
		o.Transport = &http1{dial: l.dial, maxIdle: 16}
		o.Retry = Retry{}
	}}, change...)...)
}

type pipes struct {
	conns  chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	near, far := net.Pipe()
	select {
	case p.conns <- far:
		return near, nil
	case <-p.closed:
		return nil, errors.New("the server is closed")
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.conns:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

func (p *pipes) Close() error   { p.once.Do(func() { close(p.closed) }); return nil }
func (p *pipes) Addr() net.Addr { return &net.TCPAddr{} }

// script answers with one handler after the other and repeats the last. It records its requests.
type script struct {
	mu    sync.Mutex
	steps []http.HandlerFunc
	at    []time.Time // when each request arrived
}

func (s *script) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	step := s.steps[min(len(s.at), len(s.steps)-1)]
	s.at = append(s.at, time.Now())
	s.mu.Unlock()
	step(w, r)
}

func (s *script) calls() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at
}

// reply returns a handler that answers with a status and a body; headers are "Name: value".
func reply(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for _, h := range headers {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(status)
		io.WriteString(w, body)
	}
}

// reset returns a handler that sends the bytes and resets the connection.
func reset(bytes string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		io.WriteString(conn, bytes)
		if tcp, ok := conn.(*net.TCPConn); ok && bytes == "" {
			tcp.SetLinger(0)
		}
		conn.Close()
	}
}

// silent does not answer before the client has left.
func silent(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

const codes = `{"data":["one","two"]}`

// public returns what a caller sees of an error.
func public(t *testing.T, err error) *upstream.Error {
	t.Helper()
	var e *upstream.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is not an upstream.Error", err)
	}
	return e
}

var day = upstream.Window{Start: 1479772800, End: 1479859200}
