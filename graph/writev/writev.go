// Package writev sends a long answer and its head by one system call. Package net/http
// sends the first 4 KB by a call of their own, head and all, and what follows as it is.
// That wakes the reader twice and costs a seventh of what a page of 500 rows from the
// cache does.
//
// A [Listener]'s connections hold back such a first piece if its head says that the body
// is longer, until the next piece comes: nothing can come between. Whatever else is
// written goes out as ever.
package writev

import (
	"bytes"
	"net"
	"strconv"
)

// pieceSize is how much net/http's server gathers before it writes.
const pieceSize = 4 << 10

// Listener is a listener for an [net/http.Server] in the clear.
type Listener struct{ net.Listener }

// Accept implements [net.Listener].
func (l Listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &conn{Conn: c}, nil
}

// conn is used by one goroutine for writing, as net/http's server does. It is not an
// io.ReaderFrom, which would overtake what is held back.
type conn struct {
	net.Conn
	held []byte // nil where nothing is
	room []byte // that it is held in
}

// Write implements [net.Conn].
func (c *conn) Write(p []byte) (int, error) {
	if c.held != nil {
		pieces, held := net.Buffers{c.held, p}, len(c.held)
		c.held = nil
		n, err := pieces.WriteTo(c.Conn)
		return max(0, int(n)-held), err
	}
	if len(p) == pieceSize && goesOn(p) {
		c.room = append(c.room[:0], p...)
		c.held = c.room
		return len(p), nil
	}
	return c.Conn.Write(p)
}

// goesOn says whether a piece is the beginning of an answer, its head whole, whose body
// goes on in another.
func goesOn(p []byte) bool {
	if !bytes.HasPrefix(p, []byte("HTTP/1.1 200 ")) {
		return false
	}
	head, body, whole := bytes.Cut(p, []byte("\r\n\r\n"))
	_, length, told := bytes.Cut(head, []byte("\r\nContent-Length: "))
	if !whole || !told {
		return false
	}
	length, _, _ = bytes.Cut(length, []byte("\r\n"))
	n, err := strconv.Atoi(string(length))
	return err == nil && n > len(body)
}

// Close implements [net.Conn]. An answer that was given up is sent as far as it came.
func (c *conn) Close() error {
	c.release()
	return c.Conn.Close()
}

// CloseWrite ends one direction, for net/http's server: callers are to read the whole
// answer to a request that was not read to its end.
func (c *conn) CloseWrite() error {
	c.release()
	if tcp, ok := c.Conn.(*net.TCPConn); ok {
		return tcp.CloseWrite()
	}
	return nil
}

func (c *conn) release() {
	if c.held != nil {
		_, _ = c.Conn.Write(c.held)
		c.held = nil
	}
}
