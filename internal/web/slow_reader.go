package web

import (
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// A client must read at least LeastTaken bytes of waiting data within each [Grace], which is 1 KB/s. Time in which no
// data waits does not count.
const LeastTaken = 10 << 10

// taking records how much a client has read.
type taking struct {
	bytes  int           // read by the client
	waited time.Duration // while they were waiting
}

// until returns when the client must have read more.
func (t *taking) until(now time.Time) time.Time { return now.Add(Grace - t.waited) }

// took records that the client read n bytes while a write waited, and reports whether it has read enough for the write
// to go on waiting.
func (t *taking) took(n int, waited time.Duration) (enough bool) {
	t.bytes += n
	t.waited += waited
	if t.bytes >= LeastTaken {
		*t = taking{}
	}
	return t.waited < Grace
}

// LimitSlowReaders returns a listener whose connections cut off clients that do not read what is sent to them (see
// [LeastTaken]). It replaces [http.Server.WriteTimeout], which gives large and small responses the same time, and does
// not allow streams.
func LimitSlowReaders(l net.Listener) net.Listener { return pacedListener{l} }

type pacedListener struct{ net.Listener }

// Accept implements [net.Listener].
func (l pacedListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &pacedConn{Conn: c}, nil
}

// pacedConn is a connection that is cut off if its client does not read.
type pacedConn struct {
	net.Conn
	writing sync.Mutex // one write at a time
	taking  taking

	mu    sync.Mutex
	limit time.Time // of writing, as set by the server
	set   time.Time // as set on the connection below
}

// slack is how late a deadline may be: setting one for each write would cost more than it is worth.
const slack = time.Second / 2

// Write implements [net.Conn].
func (c *pacedConn) Write(p []byte) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for {
		began := time.Now()
		until := c.taking.until(began)
		if look := began.Add(Grace / 5); look.Before(until) { // after progress, the client's time starts again
			until = look
		}
		own := c.deadline(until)
		var taken int
		taken, err = c.Conn.Write(p[n:])
		n += taken
		enough := c.taking.took(taken, time.Since(began))
		switch {
		case err == nil, !own, !errors.Is(err, os.ErrDeadlineExceeded):
			return n, err
		case !enough:
			c.cutOff()
			return n, err
		}
	}
}

// deadline sets the deadline of a write, and reports whether it is that of the client's pace rather than the server's.
func (c *pacedConn) deadline(until time.Time) (own bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if own = c.limit.IsZero() || until.Before(c.limit); !own {
		c.setWrite(c.limit)
	} else if c.set.Before(until) || c.set.After(until.Add(slack)) {
		c.setWrite(until.Add(slack))
	}
	return own
}

// setWrite sets the deadline of the connection below. The caller must hold mu.
func (c *pacedConn) setWrite(t time.Time) {
	if c.set = t; c.Conn.SetWriteDeadline(t) != nil {
		c.set = time.Time{}
	}
}

// cutOff drops the data that the system still holds for the client and would otherwise keep for minutes.
func (c *pacedConn) cutOff() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// SetWriteDeadline implements [net.Conn]. It applies to a write in progress too.
func (c *pacedConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.limit = t; !t.IsZero() && t.Before(c.set) {
		c.setWrite(t)
	}
	return nil
}

// SetDeadline implements [net.Conn].
func (c *pacedConn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// CloseWrite closes one direction, as [http.Server] does for clients that have not sent all of their request.
func (c *pacedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// LimitSlowStreams returns a handler whose HTTP/2 responses end if their client does not read them (see [LeastTaken]),
// although it may still read others on the same connection.
func LimitSlowStreams(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor < 2 {
			next.ServeHTTP(w, r)
			return
		}
		p := &pacedStream{ResponseWriter: w, control: http.NewResponseController(w)}
		next.ServeHTTP(p, r)
		_ = p.FlushError() // flushes the rest, or the server would wait for its client forever
	})
}

// pacedStream is the response to a request over HTTP/2.
type pacedStream struct {
	http.ResponseWriter
	control *http.ResponseController
	mu      sync.Mutex
	taking  taking
}

// Unwrap implements the interface of [http.ResponseController].
func (s *pacedStream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// Write implements [http.ResponseWriter]. It writes piece by piece, since only complete writes show what the client has
// read.
func (s *pacedStream) Write(p []byte) (n int, err error) {
	for err == nil && n < len(p) {
		piece := p[n:min(len(p), n+LeastTaken)]
		err = s.paced(len(piece), func() error {
			taken, err := s.ResponseWriter.Write(piece)
			n += taken
			return err
		})
	}
	return n, err
}

// FlushError implements the interface of [http.ResponseController].
func (s *pacedStream) FlushError() error { return s.paced(0, s.control.Flush) }

// Flush implements [http.Flusher].
func (s *pacedStream) Flush() { _ = s.FlushError() }

// paced writes n bytes within the time that the client has for reading them.
func (s *pacedStream) paced(n int, write func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	began := time.Now()
	_ = s.control.SetWriteDeadline(s.taking.until(began))
	err := write()
	_ = s.control.SetWriteDeadline(time.Time{}) // it would end a stream that has nothing to send
	if !s.taking.took(n, time.Since(began)) && err == nil {
		err = os.ErrDeadlineExceeded
	}
	return err
}
