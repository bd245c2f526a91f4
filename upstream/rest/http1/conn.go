package http1

import (
	"bufio"
	"errors"
	"io"
	"math"
	"net"
	"net/http"
	"time"
)

// conn is a connection, used by one request at a time.
type conn struct {
	net.Conn
	address   string
	exchange  *exchange
	interrupt func()        // ends whatever the connection waits for
	r         *bufio.Reader // over the conn's own Read
	w         []byte        // the request, as bytes
	left      int           // what may yet be read: of a header
	answering bool          // the server has begun to answer the request
	since     time.Time     // when it became idle
}

func newConn(nc net.Conn, address string) *conn {
	c := &conn{Conn: nc, address: address, exchange: newExchange(nc)}
	c.interrupt = func() { _ = c.SetDeadline(time.Unix(1, 0)) }
	c.r = bufio.NewReader(c)
	return c
}

// Read reads from the connection, as much as the header in hand may still have.
func (c *conn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errLargeHeader
	}
	n, err := c.Conn.Read(p[:min(len(p), c.left)])
	c.left -= n
	c.answering = c.answering || n > 0
	return n, err
}

var errLargeHeader = errors.New("http1: response headers exceeded the limit")

// send writes a request, to a connection that may have been used before. It says whether
// the answer may come in gzip that the caller did not ask for.
func (c *conn) send(req *http.Request, old bool) (zipped bool, err error) {
	uri := req.URL.RequestURI()
	host := req.Host
	if host == "" {
		host = req.URL.Host
	}
	if !visible(uri) || !visible(host) {
		return false, unsendable("its URL has a character that none may have")
	}
	method := req.Method
	if method == "" {
		method = http.MethodGet
	}
	w := append(append(c.w[:0], method...), ' ')
	w = append(append(w, uri...), " HTTP/1.1\r\nHost: "...)
	w = append(append(w, host...), "\r\n"...)
	for name, values := range req.Header {
		if !token(name) || framing(name) {
			return false, unsendable("its header has a name that none may have")
		}
		for _, v := range values {
			if !text(v) {
				return false, unsendable("its header has a character that none may have")
			}
			w = append(append(w, name...), ": "...)
			w = append(append(w, v...), "\r\n"...)
		}
	}
	if zipped = req.Header["Accept-Encoding"] == nil && req.Header["Range"] == nil && method != http.MethodHead; zipped {
		w = append(w, "Accept-Encoding: gzip\r\n"...)
	}
	if req.Close {
		w = append(w, "Connection: close\r\n"...)
	}
	c.w = append(w, "\r\n"...)
	c.answering = false
	switch {
	case !old:
		_, err = c.Write(c.w)
	case c.r.Buffered() > 0:
		err = errStale
	default:
		err = c.exchange.send(c.Conn, c.w)
	}
	return zipped, err
}

// receive reads the answer up to its body. What comes before it, of statuses 1xx,
// counts towards the size of its header.
func (c *conn) receive(req *http.Request, maxHeader int) (*http.Response, error) {
	c.left = maxHeader
	if resp := c.readHead(req); resp != nil {
		c.left = math.MaxInt
		return resp, nil
	}
	for {
		resp, err := http.ReadResponse(c.r, req)
		if c.left <= 0 && err != nil {
			return nil, errLargeHeader
		}
		if err == io.EOF && c.answering {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return nil, err
		}
		switch {
		case resp.StatusCode == http.StatusSwitchingProtocols:
			return nil, errors.New("http1: malformed HTTP response: another protocol, which was not asked for")
		case resp.StatusCode/100 != 1:
			c.left = math.MaxInt
			return resp, nil
		}
	}
}

// errStale is a connection that was idle and is not as it was left: it is closed, or there
// are bytes that belong to no request.
var errStale = errors.New("http1: the connection is no longer good")
