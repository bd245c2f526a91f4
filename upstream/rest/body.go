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

// largeBody is how much room is made on a server's word, and how much is kept for the
// next call: a page of 500 rows has a quarter of that.
const largeBody = 1 << 20

// read reads a body that may be read, up to the limit.
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

// readInPlace reads a body that should be of n bytes, or else as readByCopy does. What is decoded of a body points
// into it, so that whoever keeps a row keeps the room: it is of just the body's size.
func readInPlace(body io.Reader, n int, limit int64) (string, error) {
	buf := uncleared(n + 1) // one more, to see the end
	for {
		got, err := body.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+got]
		switch {
		case err == io.EOF && len(buf) == n:
			// A string over the bytes themselves: nothing writes to them from here on, as
			// nobody else has them, and a reader is done with what it was given.
			return unsafe.String(unsafe.SliceData(buf), n), nil
		case err == io.EOF:
			return string(buf), nil
		case err != nil:
			return "", err
		case len(buf) == cap(buf): // more than was said
			return readByCopy(io.MultiReader(bytes.NewReader(buf), body), limit)
		}
	}
}

// uncleared gives room for n bytes, n > 0, as it was left by whoever had it before: to
// clear what is written to at once takes as long again as to read a page. That is what
// [strings.Builder] does, whose room is otherwise to be had by copying alone.
func uncleared(n int) []byte {
	var b strings.Builder
	b.Grow(n)
	b.WriteByte(0) // an empty string might have no address
	return unsafe.Slice(unsafe.StringData(b.String()), n)[:0]
}

// rooms are for bodies of any size, one after the other.
var rooms = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// readByCopy reads a body of unknown size up to a byte beyond the limit, and gives a
// copy of just its size.
func readByCopy(body io.Reader, limit int64) (string, error) {
	room := rooms.Get().(*bytes.Buffer)
	room.Reset()
	_, err := room.ReadFrom(io.LimitReader(body, limit+1))
	text := room.String()
	if room.Cap() <= largeBody+bytes.MinRead {
		rooms.Put(room)
	}
	return text, err
}
