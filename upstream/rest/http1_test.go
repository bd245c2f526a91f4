package rest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"deliverygraph/upstream"
)

const plainAnswer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n" + `{"data":[]}`

// scripted returns a client of a server that handles each connection with serve, and the number of its connections.
func scripted(t *testing.T, serve func(conn net.Conn, requests *bufio.Reader), change ...func(*Options)) (
	*Client, *atomic.Int64,
) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			conns.Add(1)
			serve(conn, bufio.NewReader(conn))
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return client(t, "http://"+l.Addr().String(), change...), &conns
}

// answers reads n requests and answers each.
func answers(conn net.Conn, requests *bufio.Reader, n int, answer string) {
	for range n {
		if _, err := http.ReadRequest(requests); err != nil {
			return
		}
		io.WriteString(conn, answer)
	}
}

// oneTry is an option for calls that are not tried again.
func oneTry(o *Options) { o.Retry.Tries = 1 }

func TestConnectionsAreReusedAfterWholeResponses(t *testing.T) {
	for name, test := range map[string]struct {
		answer string
		conns  int64 // of three calls
	}{
		"a length":             {plainAnswer, 1},
		"chunks":               {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n", 1},
		"a hint before":        {"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + plainAnswer, 1},
		"no further requests":  {strings.Replace(plainAnswer, "\r\n", "\r\nConnection: close\r\n", 1), 3},
		"HTTP/1.0":             {strings.Replace(plainAnswer, "1.1", "1.0", 1), 3},
		"bytes after the body": {plainAnswer + "HTTP/1.1 200 OK", 3},
	} {
		c, conns := scripted(t, func(conn net.Conn, requests *bufio.Reader) {
			if test.conns == 1 {
				answers(conn, requests, 3, test.answer)
			} else {
				answers(conn, requests, 1, test.answer)
			}
		}, oneTry)
		for range 3 {
			if _, err := c.BlockedReasons(t.Context()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
		if conns.Load() != test.conns {
			t.Errorf("%s: %d connections, want %d", name, conns.Load(), test.conns)
		}
	}
}

// The server may close an idle connection at any time, and may say so by a response that no request asked for.
func TestConnectionsClosedByTheServerAreReplaced(t *testing.T) {
	for name, farewell := range map[string]string{
		"silently":            "",
		"with a 408":          "HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
		"with another answer": strings.Replace(plainAnswer, "[]", "[1]", 1),
	} {
		closed := make(chan struct{})
		c, conns := scripted(t, func(conn net.Conn, requests *bufio.Reader) {
			answers(conn, requests, 1, plainAnswer)
			select {
			case <-closed:
			case <-t.Context().Done():
				return
			}
			io.WriteString(conn, farewell)
			conn.Close()
			closed <- struct{}{}
		}, oneTry)
		for i := range 3 {
			_, err := c.BlockedReasons(t.Context())
			if err != nil || conns.Load() != int64(i+1) {
				t.Fatalf("%s: call %d over %d connections: %v", name, i+1, conns.Load(), err)
			}
			closed <- struct{}{}
			<-closed
			for idle := c.o.Transport.(*http1).idle; len(idle) > 0 && stillIdle(idle[0].Conn); {
				runtime.Gosched() // until the client's system has what the server sent
			}
		}
	}
}

// A connection that breaks while it is used again is replaced only if no part of a response has arrived.
func TestRequestsAreRepeatedOnlyBeforeAResponse(t *testing.T) {
	for name, test := range map[string]struct {
		part  string
		fails bool
	}{
		"nothing":          {"", false},
		"half of a header": {plainAnswer[:30], true},
		"half of a body":   {plainAnswer[:len(plainAnswer)-5], true},
	} {
		c, _ := scripted(t, func(conn net.Conn, requests *bufio.Reader) {
			answers(conn, requests, 1, plainAnswer)
			answers(conn, requests, 1, test.part)
		}, oneTry)
		if _, err := c.BlockedReasons(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := c.BlockedReasons(t.Context()); (err != nil) != test.fails {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestEndlessHeaderIsRejected(t *testing.T) {
	for name, part := range map[string]string{
		"hints":  "HTTP/1.1 103 Early Hints\r\n\r\n",
		"fields": "X-Field: 0123456789abcdef\r\n",
	} {
		c, _ := scripted(t, func(conn net.Conn, requests *bufio.Reader) {
			http.ReadRequest(requests)
			_, err := io.WriteString(conn, "HTTP/1.1 103 Early Hints\r\n\r\n")
			if name == "fields" {
				_, err = io.WriteString(conn, "HTTP/1.1 200 OK\r\n")
			}
			for err == nil {
				_, err = io.WriteString(conn, part)
			}
		}, oneTry)
		if _, err := c.BlockedReasons(t.Context()); upstream.CodeOf(err) != upstream.InvalidResponse {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Idle connections are limited in number and time, and Close closes them.
func TestIdleConnectionsAreClosed(t *testing.T) {
	for name, test := range map[string]struct {
		maxIdle int
		then    func(*Client)
	}{
		"too many": {0, func(*Client) {}},
		"too long": {1, func(*Client) { time.Sleep(idleTimeout + 1) }},
		"Close":    {1, (*Client).Close},
	} {
		synctest.Test(t, func(t *testing.T) {
			ended := make(chan error, 1)
			dial := func(context.Context, string, string) (net.Conn, error) {
				near, far := net.Pipe()
				go func() {
					requests := bufio.NewReader(far)
					answers(far, requests, 1, plainAnswer)
					_, err := requests.ReadByte()
					ended <- err
				}()
				return near, nil
			}
			c := client(t, "http://api.example.com", func(o *Options) {
				o.Transport = &http1{maxIdle: test.maxIdle, dial: dial}
			})
			if _, err := c.BlockedReasons(t.Context()); err != nil {
				t.Fatal(err)
			}
			test.then(c)
			synctest.Wait()
			select {
			case err := <-ended:
				if !errors.Is(err, io.EOF) {
					t.Errorf("%s: %v", name, err)
				}
			default:
				t.Errorf("%s: the connection is still open", name)
			}
		})
	}
}

// Whatever a server answers, http1 reads it as [http.Transport] does.
func TestResponsesAreReadAsByNetHTTP(t *testing.T) {
	starts := []string{
		"HTTP/1.1 200 OK", "HTTP/1.0 200 OK", "HTTP/1.1 204 No Content", "HTTP/1.1 304 Not Modified",
		"HTTP/1.1 503 ", "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK", "HTTP/1.1 101 Switching Protocols",
		"HTTP/2.0 200 OK", "HTTP",
	}
	fields := []string{
		"Content-Length: 5", "content-length:5", "Content-Length: 0", "Content-Length: 6", "Content-Length: x",
		"Transfer-Encoding: chunked", "Transfer-Encoding: gzip", "Content-Encoding: gzip", "Connection: close",
		"Connection: keep-alive", "Trailer: A", "A: b", " folded", "no field",
	}
	bodies := []string{
		"", "hello", "5\r\nhello\r\n", "0\r\n\r\n", "hello, world", "\r\n", "\x1f\x8b", "HTTP/1.1 200 OK\r\n",
	}
	rapid.Check(t, func(t *rapid.T) {
		lines := append([]string{rapid.SampledFrom(starts).Draw(t, "start")},
			rapid.SliceOfN(rapid.SampledFrom(fields), 0, 4).Draw(t, "fields")...)
		text := strings.Join(lines, "\r\n") + "\r\n\r\n" +
			strings.Join(rapid.SliceOfN(rapid.SampledFrom(bodies), 0, 3).Draw(t, "bodies"), "")
		dial := func(context.Context, string, string) (net.Conn, error) {
			near, far := net.Pipe()
			go func() {
				answers(far, bufio.NewReader(far), 1, text)
				far.Close()
			}()
			return near, nil
		}
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://api.example.com/", nil)
		if err != nil {
			t.Fatal(err)
		}
		read := func(transport http.RoundTripper) string {
			defer transport.(interface{ CloseIdleConnections() }).CloseIdleConnections()
			res, err := transport.RoundTrip(request)
			if err != nil {
				return "no response"
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			encoding := res.Header.Get("Content-Encoding")
			return fmt.Sprintf("%d %q %q whole: %t", res.StatusCode, encoding, body, err == nil)
		}
		got, want := read(&http1{dial: dial, maxIdle: 1}), read(&http.Transport{DialContext: dial})
		if got != want {
			t.Errorf("%q is read as %s; by http.Transport as %s", text, got, want)
		}
	})
}
