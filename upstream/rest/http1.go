package rest

import (
	"bufio"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// http1 is a transport for requests without a body to one server, over HTTP/1.1 in clear text. [http.Transport] hands
// each request to one goroutine and takes the response from another; for a query of three small calls that is a sixth
// of the CPU time. http1 writes and reads in the caller's goroutine. It leaves the parsing of responses to net/http.
type http1 struct {
	dial    func(ctx context.Context, network, address string) (net.Conn, error)
	maxIdle int

	mu   sync.Mutex
	idle []*http1Conn // the one used last is at the end
}

// RoundTrip implements [http.RoundTripper]. If a connection that was used before yields no byte of a response, as the
// server closed it meanwhile, RoundTrip tries another one. After the request's context has ended, RoundTrip and the
// response's body fail.
func (t *http1) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	for {
		c := t.take()
		reused := c != nil
		if !reused {
			var err error
			if c, err = t.connect(ctx, req); err != nil {
				return nil, err
			}
		}
		stop := context.AfterFunc(ctx, c.interrupt)
		res, err := c.exchange(req)
		if err == nil {
			body := &http1Body{ReadCloser: res.Body, t: t, c: c, stop: stop}
			body.reusable = !res.Close && res.StatusCode != http.StatusSwitchingProtocols
			res.Body = body
			if res.ContentLength != 0 && strings.EqualFold(res.Header.Get("Content-Encoding"), "gzip") {
				res.Header.Del("Content-Encoding")
				res.ContentLength, res.Body = -1, &gzipBody{body: body}
			}
			return res, nil
		}
		stop()
		c.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !reused || c.answered {
			return nil, err
		}
	}
}

// connect opens a connection to the server of a request.
func (t *http1) connect(ctx context.Context, req *http.Request) (*http1Conn, error) {
	address := req.URL.Host
	if req.URL.Port() == "" {
		address = net.JoinHostPort(req.URL.Hostname(), "80")
	}
	conn, err := t.dial(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	c := &http1Conn{Conn: conn, w: bufio.NewWriter(conn)}
	c.r = bufio.NewReader(c)
	c.interrupt = func() { c.SetDeadline(time.Unix(1, 0)) }
	c.expiry = time.AfterFunc(idleTimeout, func() { t.expire(c) })
	c.expiry.Stop()
	return c, nil
}

// take returns the idle connection that was used last and is still open, or nil.
func (t *http1) take() *http1Conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	for n := len(t.idle); n > 0; n-- {
		c := t.idle[n-1]
		t.idle = slices.Delete(t.idle, n-1, n)
		c.expiry.Stop()
		if stillIdle(c.Conn) {
			return c
		}
		c.Close()
	}
	return nil
}

func (t *http1) put(c *http1Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.idle) == t.maxIdle {
		c.Close()
		return
	}
	t.idle = append(t.idle, c)
	c.expiry.Reset(idleTimeout)
}

// expire closes a connection if it is idle.
func (t *http1) expire(c *http1Conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if i := slices.Index(t.idle, c); i >= 0 {
		t.idle = slices.Delete(t.idle, i, i+1)
		c.Close()
	}
}

// CloseIdleConnections closes all idle connections.
func (t *http1) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.idle {
		c.expiry.Stop()
		c.Close()
	}
	t.idle = nil
}

// http1Conn is a connection for one request at a time.
type http1Conn struct {
	net.Conn
	r         *bufio.Reader // of the http1Conn
	w         *bufio.Writer
	interrupt func() // makes reading and writing fail
	expiry    *time.Timer

	readable int  // how many more bytes may be read
	answered bool // whether a byte of the response has been read
}

// exchange sends a request and reads the header of the response.
func (c *http1Conn) exchange(req *http.Request) (*http.Response, error) {
	c.answered, c.readable = false, maxHeaderBytes
	fmt.Fprintf(c.w, "%s %s HTTP/1.1\r\nHost: %s\r\nAccept-Encoding: gzip\r\n",
		req.Method, req.URL.RequestURI(), req.URL.Host)
	req.Header.Write(c.w)
	c.w.WriteString("\r\n")
	if err := c.w.Flush(); err != nil { // also reports what failed before
		return nil, err
	}
	for {
		res, err := http.ReadResponse(c.r, req)
		switch {
		case err != nil && c.readable == 0:
			return nil, errHeaderTooLarge
		case err != nil:
			return nil, err
		case res.StatusCode >= 200 || res.StatusCode == http.StatusSwitchingProtocols:
			c.readable = math.MaxInt
			return res, nil
		}
	}
}

var errHeaderTooLarge = errors.New("rest: response headers exceeded the limit")

// Read reads from the connection, at most as many bytes as are readable.
func (c *http1Conn) Read(p []byte) (int, error) {
	if c.readable == 0 {
		return 0, errHeaderTooLarge
	}
	n, err := c.Conn.Read(p[:min(len(p), c.readable)])
	c.readable -= n
	c.answered = c.answered || n > 0
	return n, err
}

// http1Body is the body of a response. At its end, the connection becomes idle.
type http1Body struct {
	io.ReadCloser
	t        *http1
	c        *http1Conn  // nil after the end
	stop     func() bool // stops watching the request's context
	reusable bool
}

func (b *http1Body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err == io.EOF {
		b.end(b.reusable)
	}
	return n, err
}

// Close closes the connection, unless the body was read to its end.
func (b *http1Body) Close() error {
	b.end(false)
	return nil
}

func (b *http1Body) end(reusable bool) {
	c := b.c
	if c == nil {
		return
	}
	b.c = nil
	if b.stop() && reusable && c.r.Buffered() == 0 {
		b.t.put(c)
	} else {
		c.Close()
	}
}

// gzipBody decompresses a body.
type gzipBody struct {
	body io.ReadCloser
	z    *gzip.Reader // nil before the first Read
}

func (b *gzipBody) Read(p []byte) (n int, err error) {
	if b.z == nil {
		if b.z, err = gzip.NewReader(b.body); err != nil {
			return 0, err
		}
	}
	return b.z.Read(p)
}

func (b *gzipBody) Close() error { return b.body.Close() }
