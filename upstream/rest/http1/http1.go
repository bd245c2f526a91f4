// Package http1 is a lean client of HTTP/1.1: an [http.RoundTripper] for requests
// of GET and HEAD, without a body, to servers in the clear.
//
// It exists since a call by [http.Transport] costs a gateway that does little else
// twice of what it must: two goroutines a connection, and four switches between
// them a request. Here whoever asks writes the request and reads the answer itself.
// Only bytes and connections are this package's own; answers are read by
// [http.ReadResponse], with net/http's idea of what is well-formed, but for the head
// of those that are plain, as nearly all are. What is not
// here (TLS, HTTP/2, proxies, bodies of requests, methods that must not be repeated)
// is [http.Transport]'s.
//
// Start reading at [Transport.RoundTrip]; conn.go is one connection, field.go what may
// be written to it, head.go and body.go an answer's head and body.
package http1

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"deliverygraph/upstream/cutoff"
)

// Transport makes requests over connections that it keeps. It follows no redirects,
// sends no cookies and knows no proxies. It is safe for concurrent use; its fields
// are set before.
type Transport struct {
	// Dial opens a connection.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
	// MaxIdle is how many connections are kept that no request uses, and IdleTimeout
	// for how long.
	MaxIdle     int
	IdleTimeout time.Duration
	// MaxHeaderBytes is how large an answer's header may be.
	MaxHeaderBytes int

	mu   sync.Mutex
	idle []*conn // the one used last at the end
	reap *time.Timer
}

var _ http.RoundTripper = (*Transport)(nil)

// RoundTrip makes a request without a body. An answer in gzip, which is asked for
// unless the request says what it accepts, is read as what it holds. A connection
// that turns out to be closed is no error if it was kept from before, and nothing of
// an answer has come: the request is made over another, as a server closes what is
// idle when it likes, and GET and HEAD may be repeated.
//
// A context that ends ends the request, reading its body included, with the
// context's cause. An answer's body is for one goroutine: Close does not end a Read
// of another's.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if err := check(req); err != nil {
		return nil, err
	}
	ctx := req.Context()
	for {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		c := t.take(address(req))
		old := c != nil
		if !old {
			nc, err := t.Dial(ctx, "tcp", address(req))
			if err != nil {
				return nil, err
			}
			c = newConn(nc, address(req))
		}
		resp, err := t.ask(ctx, c, req, old)
		if err == nil {
			return resp, nil
		}
		c.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if !old || c.answering || errors.Is(err, errUnsendable) {
			return nil, err
		}
	}
}

// check refuses what is another transport's to send.
func check(req *http.Request) error {
	if req.Body != nil && req.Body != http.NoBody {
		_ = req.Body.Close() // which every transport does
		return unsendable("it has a body")
	}
	switch {
	case req.URL.Scheme != "http":
		return unsendable("it is not for http://")
	case req.Method != "" && req.Method != http.MethodGet && req.Method != http.MethodHead:
		return unsendable("its method is neither GET nor HEAD")
	}
	return nil
}

// ask makes a request over a connection.
func (t *Transport) ask(ctx context.Context, c *conn, req *http.Request, old bool) (*http.Response, error) {
	// Whatever the connection waits for ends with the context.
	stop := cutoff.AfterFunc(ctx, c.interrupt)
	zipped, err := c.send(req, old)
	var resp *http.Response
	if err == nil {
		resp, err = c.receive(req, t.MaxHeaderBytes)
	}
	if err != nil {
		stop()
		return nil, err
	}
	b := &body{from: resp.Body, ctx: ctx, stop: stop, transport: t, conn: c, reusable: !resp.Close && !req.Close}
	if resp.Body == nil {
		b.counted = counted{c.r, resp.ContentLength}
		b.from = &b.counted
	}
	if resp.Body == http.NoBody || resp.ContentLength == 0 && resp.Body == nil {
		resp.Body = http.NoBody
		b.end(true)
		return resp, nil
	}
	resp.Body = b
	if zipped {
		unzip(resp)
	}
	return resp, nil
}

// address is where a request goes to.
func address(req *http.Request) string {
	if req.URL.Port() == "" {
		return net.JoinHostPort(req.URL.Hostname(), "80")
	}
	return req.URL.Host
}

// take gives the connection that was kept last, if there is one.
func (t *Transport) take(address string) *conn {
	t.mu.Lock()
	defer t.mu.Unlock()
	for i := len(t.idle) - 1; i >= 0; i-- {
		if c := t.idle[i]; c.address == address {
			t.idle = slices.Delete(t.idle, i, i+1)
			return c
		}
	}
	return nil
}

// keep keeps a connection for the next request.
func (t *Transport) keep(c *conn) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.idle) >= t.MaxIdle {
		c.Close()
		return
	}
	c.since = time.Now()
	t.idle = append(t.idle, c)
	if t.reap == nil && t.IdleTimeout > 0 {
		t.reap = time.AfterFunc(t.IdleTimeout, t.closeOld)
	}
}

// closeOld closes connections that were idle for long, and comes back for others.
func (t *Transport) closeOld() {
	t.mu.Lock()
	defer t.mu.Unlock()
	kept := t.idle[:0]
	for _, c := range t.idle {
		if time.Since(c.since) >= t.IdleTimeout {
			c.Close()
		} else {
			kept = append(kept, c)
		}
	}
	clear(t.idle[len(kept):])
	t.idle, t.reap = kept, nil
	if len(kept) > 0 {
		t.reap = time.AfterFunc(time.Until(kept[0].since.Add(t.IdleTimeout)), t.closeOld)
	}
}

// CloseIdleConnections closes the connections that no request uses.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, c := range t.idle {
		c.Close()
	}
	t.idle = nil
	if t.reap != nil {
		t.reap.Stop()
		t.reap = nil
	}
}

// errUnsendable is a request that cannot be written.
var errUnsendable = errors.New("http1: the request cannot be sent")

func unsendable(what string) error { return fmt.Errorf("%w: %s", errUnsendable, what) }
