package http1

import (
	"bufio"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"strings"
)

// body is an answer's body. At its end the connection is free for the next request,
// if the answer was whole: what is left of one that was not would be taken for the
// next request's.
type body struct {
	from      io.Reader
	counted   counted // which that may be
	ctx       context.Context
	stop      func() bool // ends the watch over the context; false if that has ended
	transport *Transport
	conn      *conn
	reusable  bool
	err       error // what every further Read gives
}

// Read reads from the body.
func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	n, err := b.from.Read(p)
	if err == nil {
		return n, nil
	}
	b.err = err
	if err != io.EOF && b.ctx.Err() != nil {
		b.err = context.Cause(b.ctx)
	}
	b.end(err == io.EOF)
	return n, b.err
}

// Close gives up what was not read, and the connection with it.
func (b *body) Close() error {
	if b.err == nil {
		b.err = http.ErrBodyReadAfterClose
		b.end(false)
	}
	return nil
}

// end lets go of the connection.
func (b *body) end(whole bool) {
	watched := b.stop() // else the connection's deadline is set at any moment
	if whole && watched && b.reusable && b.conn.r.Buffered() == 0 {
		b.transport.keep(b.conn)
	} else {
		b.conn.Close()
	}
	b.conn = nil
}

// counted is a body of so many bytes.
type counted struct {
	from *bufio.Reader
	left int64
}

// Read gives the last bytes together with the body's end.
func (c *counted) Read(p []byte) (int, error) {
	n, err := c.from.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	switch {
	case c.left == 0:
		return n, io.EOF
	case err == io.EOF:
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

// unzip makes an answer in gzip one of what it holds.
func unzip(resp *http.Response) {
	if !strings.EqualFold(resp.Header.Get("Content-Encoding"), "gzip") {
		return
	}
	resp.Body = &zipped{body: resp.Body}
	resp.Header.Del("Content-Encoding")
	resp.Header.Del("Content-Length")
	resp.ContentLength = -1
	resp.Uncompressed = true
}

// zipped is a body in gzip.
type zipped struct {
	body io.ReadCloser
	gz   *gzip.Reader
	err  error
}

// Read reads what the body holds.
func (z *zipped) Read(p []byte) (n int, err error) {
	if z.err != nil {
		return 0, z.err
	}
	if z.gz == nil {
		if z.gz, z.err = gzip.NewReader(z.body); z.err != nil {
			return 0, z.err
		}
	}
	n, z.err = z.gz.Read(p)
	return n, z.err
}

// Close closes the body.
func (z *zipped) Close() error { return z.body.Close() }
