package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/internal/web"
)

// pipes is a listener whose connections are in memory, without any buffer.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func (p pipes) dial() net.Conn {
	here, there := net.Pipe()
	p <- there
	return here
}

// serve serves a handler, over HTTP/2 too, until the test ends.
func serve(h http.HandlerFunc) (p pipes, done func()) {
	p = make(pipes)
	s := &http.Server{Handler: web.LimitSlowStreams(h), Protocols: new(http.Protocols)}
	s.Protocols.SetHTTP1(true)
	s.Protocols.SetUnencryptedHTTP2(true)
	go func() { _ = s.Serve(web.LimitSlowReaders(p)) }()
	return p, func() { close(p); _ = s.Close() }
}

// A client that reads less than 10 KB of waiting data in 10 s is cut off; one that reads 1 KB/s gets the whole
// response, however long that takes. Pauses in which nothing waits do not count.
func TestSlowReaders(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		size  int           // of the answer
		piece int           // that the client reads
		every time.Duration // and how long it waits before
		first int           // how much it reads at once before that
		cut   time.Duration // about when it is cut off; 0 is never
	}{
		"never":                 {size: 100_000, piece: 1, every: time.Hour, cut: 10 * time.Second},
		"never, a small answer": {size: 5_000, piece: 1, every: time.Hour, cut: 10 * time.Second},
		"never after much": {
			size: 500_000, piece: 1, every: time.Hour, first: 400_000, cut: 10 * time.Second,
		},
		"a byte a second":    {size: 100_000, piece: 1, every: time.Second, cut: 10 * time.Second},
		"half a KB a second": {size: 100_000, piece: 512, every: time.Second, cut: 10 * time.Second},
		"half a KB a second after much": {
			size: 500_000, piece: 512, every: time.Second, first: 400_000, cut: 10 * time.Second,
		},
		// With one read less within the 10 s, since a read at the very end of them may count as late, it is still
		// enough.
		"1.2 KB a second":  {size: 300_000, piece: 1200, every: time.Second},
		"20 KB every 10 s": {size: 300_000, piece: 20_480, every: 9500 * time.Millisecond},
		"fast":             {size: 10_000_000, piece: 1 << 20, every: 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				written := make(chan error, 1)
				began := time.Now()
				p, done := serve(func(w http.ResponseWriter, _ *http.Request) {
					_, err := io.WriteString(w, strings.Repeat("a", c.size))
					written <- errors.Join(err, http.NewResponseController(w).Flush())
				})
				defer done()
				conn := p.dial()
				defer conn.Close()
				_, _ = io.WriteString(conn, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
				go func() {
					_, _ = io.CopyN(io.Discard, conn, int64(c.first))
					for {
						time.Sleep(c.every)
						if _, err := io.CopyN(io.Discard, conn, int64(c.piece)); err != nil {
							return
						}
					}
				}()
				err := <-written
				took := time.Since(began)
				if (err != nil) != (c.cut > 0) || c.cut > 0 && (took < c.cut || took > c.cut+11*time.Second) {
					t.Errorf("after %v: %v", took, err)
				}
				_ = conn.Close()
				time.Sleep(2 * time.Hour)
			})
		})
	}
}

// A stream that has nothing to send stays open. It is cut off once its client does not read what it sends, however
// small.
func TestIdleStreamsAreNotCutOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const events = 20
		written := make(chan error, 1)
		p, done := serve(func(w http.ResponseWriter, _ *http.Request) {
			control := http.NewResponseController(w)
			var err error
			for i := 0; err == nil; i++ {
				_, err = fmt.Fprintf(w, "event %d\n", i)
				err = errors.Join(err, control.Flush())
				time.Sleep(10 * time.Minute)
			}
			written <- err
		})
		defer done()
		for _, c := range []*http.Client{client(p, false), client(p, true)} {
			resp, err := c.Get("http://gateway.example.com/")
			if err != nil {
				t.Fatal(err)
			}
			lines := bufio.NewScanner(resp.Body)
			for range events {
				if !lines.Scan() {
					t.Fatalf("HTTP/%d: the stream ended: %v", resp.ProtoMajor, lines.Err())
				}
			}
			began := time.Now()
			_ = resp.Body.Close()
			<-written
			if took := time.Since(began); took > 21*time.Minute {
				t.Errorf("HTTP/%d: ended after %v", resp.ProtoMajor, took)
			}
			c.CloseIdleConnections()
		}
	})
}

// client returns a client for one version of HTTP. Over HTTP/2, 64 KB of a response are sent before it reads them.
func client(p pipes, http2 bool) *http.Client {
	t := &http.Transport{
		DialContext: func(context.Context, string, string) (net.Conn, error) { return p.dial(), nil },
		Protocols:   new(http.Protocols), HTTP2: &http.HTTP2Config{MaxReceiveBufferPerStream: 64 << 10},
		DisableCompression: true,
	}
	t.Protocols.SetHTTP1(!http2)
	t.Protocols.SetUnencryptedHTTP2(http2)
	return &http.Client{Transport: t}
}

// Over HTTP/2 an unread response ends, but not the others on the connection.
func TestSlowReadersOfStreams(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		written := make(chan error, 1)
		p, done := serve(func(w http.ResponseWriter, r *http.Request) {
			size := 500_000
			_, _ = fmt.Sscan(r.URL.Query().Get("size"), &size)
			_, err := io.WriteString(w, strings.Repeat("a", size))
			written <- err
		})
		defer done()
		c := client(p, true)
		defer c.CloseIdleConnections()
		began := time.Now()
		stuck, err := c.Get("http://gateway.example.com/")
		if err != nil || stuck.ProtoMajor != 2 {
			t.Fatal(stuck, err)
		}
		defer stuck.Body.Close()
		small, err := c.Get("http://gateway.example.com/?size=1000")
		if err != nil {
			t.Fatal(err)
		}
		if text, err := io.ReadAll(small.Body); err != nil || len(text) != 1000 {
			t.Errorf("another answer has %d bytes, %v", len(text), err)
		}
		if err := <-written; err != nil {
			t.Error(err)
		}
		if err := <-written; err == nil || time.Since(began) < 10*time.Second || time.Since(began) > 12*time.Second {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
		slow, err := c.Get("http://gateway.example.com/?size=200000")
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for ; err == nil; time.Sleep(time.Second) {
			var k int
			k, err = slow.Body.Read(make([]byte, 2_000))
			n += k
		}
		if n != 200_000 || err != io.EOF {
			t.Errorf("at 2 KB/s: %d bytes, %v", n, err)
		}
		<-written
	})
}
