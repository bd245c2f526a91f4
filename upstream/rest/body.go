package rest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
)

// bodies are buffers for the answers' bodies. What is decoded keeps a copy of its own,
// of just its size, so a buffer serves one call after the other.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// largeBody is what is not kept for the next call: a page of 500 rows has a quarter
// of that.
const largeBody = 1 << 20

// release gives back the buffer of a body that nobody reads any more.
func release(body *bytes.Buffer) {
	if body.Cap() <= largeBody+bytes.MinRead {
		bodies.Put(body)
	}
}

// read reads a body that may be read, up to the limit. The buffer is to be released.
func (c *Client) read(ctx context.Context, res *http.Response) (*bytes.Buffer, *failure) {
	limit := c.o.MaxBodyBytes
	if res.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	buf := bodies.Get().(*bytes.Buffer)
	buf.Reset()
	// No more than that, whatever length the server claims. MinRead: else the buffer
	// grows to see the end.
	buf.Grow(int(max(0, min(res.ContentLength, largeBody))) + bytes.MinRead)
	_, err := buf.ReadFrom(io.LimitReader(res.Body, limit+1))
	var f *failure
	switch {
	case int64(buf.Len()) > limit:
		f = tooLarge(limit)
	case err != nil:
		f = cutOff(ctx, err)
	case buf.Len() == 0:
		f = invalid("the metrics API's answer is empty", nil)
	default:
		return buf, nil
	}
	release(buf)
	return nil, f
}
