package web

import (
	"errors"
	"net"
	"net/http"
	"os"
	"time"
)

// LeastTaken is how many bytes of a write a client must read within each [Grace], unless it reads all of it: 1 KB/s. Time
// in which no data waits does not count.
const LeastTaken = 10 << 10

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
	return pacedConn{c}, nil
}

// pacedConn is a connection that is cut off if its client does not read.
type pacedConn struct{ net.Conn }

// Write implements [net.Conn].
func (c pacedConn) Write(p []byte) (n int, err error) {
	for {
		_ = c.SetWriteDeadline(time.Now().Add(Grace))
		taken, err := c.Conn.Write(p[n:])
		n += taken
		switch late := errors.Is(err, os.ErrDeadlineExceeded); {
		case late && taken >= LeastTaken:
			continue
		case late:
			// Drop the data that the system still holds for the client and would otherwise keep for minutes.
			if tcp, ok := c.Conn.(*net.TCPConn); ok {
				_ = tcp.SetLinger(0)
			}
		}
		return n, err
	}
}

// CloseWrite closes one direction, as [http.Server] does for clients that have not sent all of their request.
func (c pacedConn) CloseWrite() error {
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
		s := pacedStream{w, http.NewResponseController(w)}
		next.ServeHTTP(s, r)
		_ = s.FlushError() // flushes the rest, or the server would wait for its client forever
	})
}

// pacedStream is the response to a request over HTTP/2.
type pacedStream struct {
	http.ResponseWriter
	control *http.ResponseController
}

// Unwrap implements the interface of [http.ResponseController].
func (s pacedStream) Unwrap() http.ResponseWriter { return s.ResponseWriter }

// Write implements [http.ResponseWriter]. It writes piece by piece, since only complete writes show what the client has
// read.
func (s pacedStream) Write(p []byte) (n int, err error) {
	defer s.control.SetWriteDeadline(time.Time{}) //nolint:errcheck // or it would end a stream that has nothing to send
	for err == nil && n < len(p) {
		_ = s.control.SetWriteDeadline(time.Now().Add(Grace))
		var taken int
		taken, err = s.ResponseWriter.Write(p[n:min(len(p), n+LeastTaken)])
		n += taken
	}
	return n, err
}

// FlushError implements the interface of [http.ResponseController].
func (s pacedStream) FlushError() error {
	_ = s.control.SetWriteDeadline(time.Now().Add(Grace))
	defer s.control.SetWriteDeadline(time.Time{}) //nolint:errcheck // as above
	return s.control.Flush()
}

// Flush implements [http.Flusher].
func (s pacedStream) Flush() { _ = s.FlushError() }
