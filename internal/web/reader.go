package web

import (
	"errors"
	"net"
	"net/http"
	"os"
	"sync"
	"time"
)

// A client must take at least LeastTaken bytes of what waits for it within each [Grace], which is
// 1 KB/s. The time in which nothing waits for it does not count.
const LeastTaken = 10 << 10

// taking is how a client takes what is sent.
type taking struct {
	bytes  int           // taken
	waited time.Duration // while they were
}

// until is when the client must have taken more.
func (t *taking) until(now time.Time) time.Time { return now.Add(Grace - t.waited) }

// took notes that the client took so many bytes while a write waited, and says whether it
// has taken enough to go on waiting.
func (t *taking) took(n int, waited time.Duration) (enough bool) {
	t.bytes += n
	t.waited += waited
	if t.bytes >= LeastTaken {
		*t = taking{}
	}
	return t.waited < Grace
}

// LimitSlowReaders has the connections of a listener cut off clients that do not take what is
// sent to them (see [LeastTaken]). It takes the place of [http.Server.WriteTimeout], which gives
// large and small answers the same time, and streams none.
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
	limit time.Time // of writing, as it was asked for
	set   time.Time // as the connection below has it
}

// slack is by how much a deadline may lie behind the time that it is for: to set one for
// each write would cost more than it gives.
const slack = time.Second / 2

// Write implements [net.Conn].
func (c *pacedConn) Write(p []byte) (n int, err error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	for {
		began := time.Now()
		until := c.taking.until(began)
		if look := began.Add(Grace / 5); look.Before(until) { // when there is progress, the client's time begins anew
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

// deadline sets that of a write, and says whether it is for the client's pace, rather than the one
// that was asked for.
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

// setWrite sets the deadline of the connection below. The caller holds mu.
func (c *pacedConn) setWrite(t time.Time) {
	if c.set = t; c.Conn.SetWriteDeadline(t) != nil {
		c.set = time.Time{}
	}
}

// cutOff drops what the system still holds for the client, which else it would keep for
// minutes.
func (c *pacedConn) cutOff() {
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
}

// SetWriteDeadline implements [net.Conn]. A write that is under way heeds it.
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

// CloseWrite ends one direction, as [http.Server] does for clients that have not sent all of
// their request.
func (c *pacedConn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

// LimitSlowStreams has the handler's answers over HTTP/2 end if their client does not let them
// come (see [LeastTaken]), though it may go on reading others of the same connection.
func LimitSlowStreams(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor < 2 {
			next.ServeHTTP(w, r)
			return
		}
		p := &pacedStream{ResponseWriter: w, control: http.NewResponseController(w)}
		next.ServeHTTP(p, r)
		_ = p.FlushError() // what is left, or the server would wait for its client without end
	})
}

// pacedStream is the answer to a request over HTTP/2.
type pacedStream struct {
	http.ResponseWriter
	control *http.ResponseController
	mu      sync.Mutex
	taking  taking
}

// Unwrap is for [http.ResponseController].
func (s *pacedStream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// Write implements [http.ResponseWriter], piece by piece, since only whole writes tell what
// has been taken.
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

// FlushError implements what [http.ResponseController] looks for.
func (s *pacedStream) FlushError() error { return s.paced(0, s.control.Flush) }

// Flush implements [http.Flusher].
func (s *pacedStream) Flush() { _ = s.FlushError() }

// paced writes n bytes within the time that the client has for them.
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
