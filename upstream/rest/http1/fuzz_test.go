package http1_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deliverygraph/upstream/rest/http1"
)

// scripted is a connection of a server that answers its first request with a text, and
// each later one with second. After a text that ends it, it is closed.
type scripted struct {
	net.Conn // nil: nothing else is asked of it
	text     string
	ends     bool

	mu      sync.Mutex
	come    sync.Cond
	asked   int
	pending string
	closed  bool
}

const second = "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"

func script(text string, ends bool) *scripted {
	s := &scripted{text: text, ends: ends}
	s.come.L = &s.mu
	return s
}

func (s *scripted) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.asked++; s.asked == 1 {
		s.pending += s.text
	} else {
		s.pending += second
	}
	s.come.Broadcast()
	return len(p), nil
}

func (s *scripted) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.pending == "" && !s.closed && !(s.ends && s.asked > 0) {
		s.come.Wait()
	}
	if s.closed {
		return 0, net.ErrClosed
	}
	if s.pending == "" {
		return 0, io.EOF
	}
	n := copy(p, s.pending)
	s.pending = s.pending[n:]
	return n, nil
}

func (s *scripted) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	s.come.Broadcast()
	return nil
}

func (s *scripted) SetDeadline(time.Time) error { return s.Close() }

// Whatever bytes a server sends, they are read as net/http reads them, and nothing that
// is left of them is ever part of the answer to another request.
func FuzzAnswers(f *testing.F) {
	head := "HTTP/1.1 200 OK\r\n"
	for _, text := range []string{
		ok, head + "\r\nto the end", head + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX: y\r\n\r\n", head + "Transfer-Encoding: chunked\r\n\r\n3;x=y\nabc\n0\n\n",
		head + "Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n3\r\nabc\r\n0\r\n\r\n", head + "Content-Length: 2\r\nContent-Length: 2\r\n\r\nok" + second,
		"HTTP/1.1 100 Continue\r\n\r\n" + ok, "HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
		head + "Connection: close\r\nX: a\r\n b\r\n\r\n" + strings.Repeat("x", 600), head + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n\x1f\x8b",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if len(text) > 3<<10 { // all of it comes by one read: what is left of it shows
			return
		}
		theirs := &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return script(text, true), nil }}
		defer theirs.CloseIdleConnections()
		wantStatus, wantHeader, want, wantErr := get(t, theirs, "http://api.example.com")
		if wantStatus == http.StatusSwitchingProtocols {
			return // which is an error of ours
		}
		var dials atomic.Int64
		ours := &http1.Transport{MaxIdle: 4, MaxHeaderBytes: 64 << 10}
		defer ours.CloseIdleConnections()
		ours.Dial = func(context.Context, string, string) (net.Conn, error) {
			if dials.Add(1) > 1 {
				return script(second, false), nil
			}
			return script(text, true), nil
		}
		status, header, got, err := get(t, ours, "http://api.example.com")
		if status != wantStatus || got != want || fmt.Sprint(header) != fmt.Sprint(wantHeader) || (err != nil) != (wantErr != nil) {
			t.Errorf("%q: %d %v %q %v, want %d %v %q %v", text, status, header, got, err, wantStatus, wantHeader, want, wantErr)
		}
		if _, _, got, err := get(t, ours, "http://api.example.com"); got != "second" || err != nil {
			t.Errorf("%q: the next answer is %q, %v", text, got, err)
		}
	})
}
