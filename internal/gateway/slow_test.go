package gateway

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"

	"deliverygraph/graph"
)

// piece is a number of bytes that a client sends, and the delay after the piece before.
type piece struct {
	text  string
	bytes int // at once
	every time.Duration
}

// send sends a request piece by piece. It returns the status of the response, 0 for none, and the time from the start
// of the last piece to the response.
func send(t *testing.T, port pipes, pieces ...piece) (status int, took time.Duration) {
	t.Helper()
	conn, there := net.Pipe()
	port <- there
	var began atomic.Pointer[time.Time]
	sent := make(chan struct{})
	defer func() { _ = conn.Close(); <-sent }()
	go func() {
		defer close(sent)
		for _, p := range pieces {
			now := time.Now()
			began.Store(&now)
			for text := p.text; text != ""; {
				n := min(p.bytes, len(text))
				if _, err := io.WriteString(conn, text[:n]); err != nil {
					return
				}
				text = text[n:]
				time.Sleep(p.every)
			}
		}
	}()
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	took = time.Since(*began.Load())
	if err != nil {
		return 0, took
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode, took
}

// A body that arrives byte by byte is cut off as soon as a header would be, whether it is read or not, and whatever
// came before. One at 1 KB/s passes, however long it takes.
func TestSlowBodiesAreCutOff(t *testing.T) {
	t.Parallel()
	const query = `{"query": "{ __typename }"}`
	padded := func(size int) string { return query + strings.Repeat(" ", size-len(query)) }
	header := func(line, more string) piece {
		return piece{line + " HTTP/1.1\r\nHost: x\r\n" + more + "\r\n\r\n", 1000, 0}
	}
	head := func(size int) piece {
		return header("POST /graphql", fmt.Sprintf("Content-Type: application/json\r\nContent-Length: %d", size))
	}
	chunked := header("POST /graphql", "Content-Type: application/json\r\nTransfer-Encoding: chunked")
	chunk := func(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }
	all := func(text string) piece { return piece{text, 4_000, 0} }
	drip := func(text string) piece { return piece{text, 1, time.Second} }
	kilobytes := func(text string) piece { return piece{text, 1_000, time.Second} }
	const cut, late = 10 * time.Second, 11 * time.Second
	for name, c := range map[string]struct {
		pieces      []piece
		status      int
		least, most time.Duration
	}{
		"a byte a second": {[]piece{head(100), drip(padded(100))}, 408, cut, late},
		"in chunks": {
			[]piece{chunked, {strings.Repeat(chunk(" "), 99), 6, time.Second}}, 408, cut, late,
		},
		"nothing after the header": {[]piece{head(100)}, 408, cut, late},
		"nothing after a part":     {[]piece{head(50_000), all(padded(40_000))}, 408, cut, late},
		"a byte a second later":    {[]piece{head(500_000), all(padded(400_000)), drip(padded(100))}, 408, cut, late},
		"of another media type": {
			[]piece{header("POST /graphql", "Content-Length: 100"), drip(padded(100))}, 415, 0, late,
		},
		"with a GET": {
			[]piece{header("GET /graphql?query={__typename}", "Content-Length: 100"), drip(padded(100))}, 200, 0, late,
		},
		"1 KB/s": {
			[]piece{head(300_000), kilobytes(padded(300_000))}, 200, 299 * time.Second, 301 * time.Second,
		},
		"1 KB/s in bursts": {
			[]piece{head(100_000), {padded(100_000), 4_000, 4 * time.Second}}, 200, 0, 101 * time.Second,
		},
		"1 KB/s in chunks": {
			[]piece{
				chunked, kilobytes(strings.Repeat(chunk(strings.Repeat(" ", 993)), 100) + chunk(query) + "0\r\n\r\n"),
			},
			200, 99 * time.Second, 105 * time.Second,
		},
		"at once": {[]piece{head(len(query)), all(query)}, 200, 0, 0},
		"a pause of nine": {
			[]piece{head(100), {padded(100), 50, 9 * time.Second}}, 200, 9 * time.Second, 9 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, done := newBubble(t, graph.Options{})
				defer done()
				status, took := send(t, b.public, c.pieces...)
				if status != c.status || took < c.least || took > c.most {
					t.Errorf("status %d after %v, want %d after %v to %v", status, took, c.status, c.least, c.most)
				}
				synctest.Wait()
			})
		})
	}
}

// The time limit of a body does not apply to the response.
func TestSlowAnswersAfterABodyAreAllowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		port := make(pipes)
		s := newServer(port, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body)
			select {
			case <-time.After(50 * time.Second):
				_, _ = io.WriteString(w, "answered")
			case <-r.Context().Done():
			}
		}))
		go func() { _ = s.Serve(port) }()
		defer s.Close()
		caller := port.client()
		for range 2 { // on one connection
			resp, err := caller.Post("http://gateway.example.com/", "text/plain", strings.NewReader("a body"))
			if err != nil {
				t.Fatal(err)
			}
			text, err := io.ReadAll(resp.Body)
			if err != nil || string(text) != "answered" {
				t.Errorf("%q, %v", text, err)
			}
			resp.Body.Close()
			time.Sleep(time.Minute)
		}
		caller.CloseIdleConnections()
	})
}

// throttled is a connection that sends at most so many bytes per second; 0 is no limit.
type throttled struct {
	net.Conn
	rate *atomic.Int64
}

// Write implements [net.Conn].
func (c throttled) Write(p []byte) (n int, err error) {
	for n < len(p) && err == nil {
		end := len(p)
		if rate := int(c.rate.Load()); rate > 0 {
			end = min(end, n+rate)
			time.Sleep(time.Second)
		}
		var sent int
		sent, err = c.Conn.Write(p[n:end])
		n += sent
	}
	return n, err
}

// The same limits apply to messages on a WebSocket; an idle WebSocket stays open.
func TestSlowMessagesAreCutOff(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rate int64
		size int
		cut  bool
	}{
		"a byte a second": {1, 200, true},
		"1 KB/s":          {1_000, 100_000, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, done := newBubble(t, graph.Options{Heartbeat: 10 * time.Minute})
				defer done()
				var rate atomic.Int64
				dial := func(context.Context, string, string) (net.Conn, error) {
					here, there := net.Pipe()
					b.public <- there
					return throttled{here, &rate}, nil
				}
				ws, _, err := websocket.Dial(t.Context(), "ws://gateway.example.com/graphql", &websocket.DialOptions{
					HTTPClient:   &http.Client{Transport: &http.Transport{DialContext: dial}},
					Subprotocols: []string{"graphql-transport-ws"},
				})
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = ws.CloseNow() }()
				b.say(ws, `{"type":"connection_init"}`)
				if _, m, err := ws.Read(t.Context()); err != nil {
					t.Fatal(string(m), err)
				}
				time.Sleep(5 * time.Minute)
				rate.Store(c.rate)
				began := time.Now()
				const subscribe = `{"type":"subscribe","id":"1","payload":{"query":"{ __typename }"}}`
				go func() {
					_ = ws.Write(t.Context(), websocket.MessageText, []byte(subscribe+strings.Repeat(" ", c.size)))
				}()
				_, m, err := ws.Read(t.Context())
				took := time.Since(began)
				cut := err != nil && took < 20*time.Second // the frame's header has 8 bytes
				answered := err == nil && strings.Contains(string(m), `"next"`)
				if cut != c.cut || answered == c.cut {
					t.Errorf("after %v: %s, %v", took, m, err)
				}
				rate.Store(0)
			})
		})
	}
}

// A client that does not read its response is cut off within eleven seconds, whatever the transport.
func TestUnreadResponsesAreCutOff(t *testing.T) {
	t.Parallel()
	post := func(body string, headers string) string {
		return fmt.Sprintf("POST /graphql HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "+
			"%d\r\n%s\r\n%s", len(body), headers, body)
	}
	for name, request := range map[string]string{
		"POST":      post(`{"query": "{ __typename }"}`, ""),
		"GET":       "GET /graphql?query={__typename} HTTP/1.1\r\nHost: x\r\n\r\n",
		"a mistake": "GET /graphql?query={ HTTP/1.1\r\nHost: x\r\n\r\n",
		"a batch":   post(`[{"query": "{ __typename }"}]`, ""),
		"@defer": post(`{"query": "{ __typename ... @defer { bounceCategories { code } } }"}`,
			"Accept: multipart/mixed\r\n"),
		"events":       post(`{"query": "{ __typename }"}`, "Accept: text/event-stream\r\n"),
		"compressed":   post(`{"query": "{ __schema { types { name description } } }"}`, "Accept-Encoding: gzip\r\n"),
		"another path": "GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, done := newBubble(t, graph.Options{MaxBatch: 1})
				defer done()
				here, there := net.Pipe()
				b.public <- there
				defer here.Close()
				if _, err := io.WriteString(here, request); err != nil {
					t.Fatal(err)
				}
				time.Sleep(12 * time.Second) // the metrics API takes one
				synctest.Wait()
				if text, err := io.ReadAll(here); err != nil || len(text) > 0 {
					t.Errorf("it was not cut off: %.100q, %v", text, err)
				}
			})
		})
	}
}

// An operation stops running once its response is made, however slowly the client reads it: another operation gets its
// turn.
func TestUnreadResponsesTakeNoTurns(t *testing.T) {
	t.Parallel()
	for name, accept := range map[string]string{
		"one answer": "application/json", "parts": "multipart/mixed", "events": "text/event-stream",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b, done := newBubble(t, graph.Options{MaxOperations: 1})
				defer done()
				for range 5 {
					here, there := net.Pipe()
					b.public <- there
					defer here.Close()
					body := `{"query": "{ __typename ... @defer { bounceCategories { code } } }"}`
					if accept != "multipart/mixed" {
						body = `{"query": "{ bounceCategories { code } }"}`
					}
					_, _ = fmt.Fprintf(here,
						"POST /graphql HTTP/1.1\r\nHost: x\r\nAccept: %s\r\nContent-Type: "+
							"application/json\r\nContent-Length: %d\r\n\r\n%s", accept, len(body), body)
					if accept == "text/event-stream" { // begins with a comment
						lines := bufio.NewReaderSize(here, 16)
						for line := ""; line != ":\n"; line, _ = lines.ReadString('\n') {
						}
						_, _ = io.ReadFull(lines, make([]byte, len("\n\r\n")))
					}
					time.Sleep(1100 * time.Millisecond) // the metrics API takes a second
				}
				began := time.Now()
				caller := b.public.client()
				resp, err := caller.Get("http://gateway.example.com/graphql?query={__typename}")
				if err != nil {
					t.Fatal(err)
				}
				resp.Body.Close()
				if resp.StatusCode != http.StatusOK || time.Since(began) > 0 {
					t.Errorf("status %d after %v", resp.StatusCode, time.Since(began))
				}
				caller.CloseIdleConnections()
			})
		})
	}
}
