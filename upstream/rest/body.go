package rest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"unsafe"
)

// largeBody limits how much memory is allocated on the strength of Content-Length alone, and how large a buffer the
// pool keeps. A page of 500 rows needs about a quarter of it.
const largeBody = 1 << 20

// read reads a response body of at most MaxBodyBytes.
func (c *Client) read(ctx context.Context, res *http.Response) (string, *failure) {
	limit := c.o.MaxBodyBytes
	if res.ContentLength > limit {
		return "", tooLarge(limit)
	}
	var text string
	var err error
	if n := res.ContentLength; n > 0 && n <= largeBody {
		text, err = readInPlace(res.Body, int(n), limit)
	} else {
		text, err = readByCopy(res.Body, limit)
	}
	switch {
	case int64(len(text)) > limit:
		return "", tooLarge(limit)
	case err != nil:
		return "", cutOff(ctx, err)
	case text == "":
		return "", invalid("the metrics API's answer is empty", nil)
	}
	return text, nil
}

// readInPlace reads a body that is announced to be n bytes long into a buffer of exactly that size: decoded rows point
// into the body, so any spare capacity would live as long as they do. A longer body is read by readByCopy.
func readInPlace(body io.Reader, n int, limit int64) (string, error) {
	buf := uncleared(n + 1) // one more byte, to see the end
	for {
		got, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+got]
		switch {
		case err == io.EOF && len(buf) == n:
			// The string may share buf's memory: nothing else refers to buf, and a Reader must not retain it.
			return unsafe.String(unsafe.SliceData(buf), n), nil
		case err == io.EOF:
			return string(buf), nil
		case err != nil:
			return "", err
		case len(buf) == cap(buf): // longer than announced
			return readByCopy(io.MultiReader(bytes.NewReader(buf), body), limit)
		}
	}
}

// uncleared returns an empty slice with capacity n > 0 whose memory is not zeroed. Zeroing it first would take as long
// as reading a page into it. [strings.Builder] allocates that way, but offers its buffer only for copying into.
func uncleared(n int) []byte {
	var b strings.Builder
	b.Grow(n)
	b.WriteByte(0) // an empty string may have no data pointer
	return unsafe.Slice(unsafe.StringData(b.String()), n)[:0]
}

// buffers holds buffers for bodies of unknown size.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// readByCopy reads a body of unknown size, at most one byte beyond the limit, and returns a copy of its exact size.
func readByCopy(body io.Reader, limit int64) (string, error) {
	buf := buffers.Get().(*bytes.Buffer)
	buf.Reset()
	_, err := buf.ReadFrom(io.LimitReader(body, limit+1))
	text := buf.String()
	if buf.Cap() <= largeBody+bytes.MinRead {
		buffers.Put(buf)
	}
	return text, err
}
