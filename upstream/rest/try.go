package rest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"

	"deliverygraph/upstream"
)

// maxErrorBytes is how much of a failed request's body is read.
const maxErrorBytes = 16 << 10

// try makes one request, once there is a slot for it, and gives the body of its
// answer.
func (c *Client) try(ctx context.Context, r request, call *Call) ([]byte, *failure) {
	if err := c.slots.acquire(ctx); err != nil {
		return nil, broken(ctx, err)
	}
	defer c.slots.release()

	// Not WithTimeout, which sets no timer where the context's deadline is nearer:
	// a flight's deadline moves away when a more patient caller joins.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(c.o.Timeout, func() { cancel(errTryTimeout) })
	defer timer.Stop()

	url := c.base + r.path
	if r.query != "" {
		url += "?" + r.query
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, &failure{err: &upstream.Error{Code: upstream.Internal, Message: "the request cannot be written as a URL", Err: err}}
	}
	req.Header = c.header.Clone()

	call.Tries++
	call.Status = 0
	res, err := c.o.Transport.RoundTrip(req)
	if err != nil {
		return nil, broken(ctx, err)
	}
	defer res.Body.Close()
	call.Status = res.StatusCode
	if res.StatusCode != http.StatusOK {
		// Read to its end, a short body leaves the connection fit for the next request.
		body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBytes))
		return nil, c.refused(r, res, body)
	}
	if f := unreadable(res.Header); f != nil {
		return nil, f
	}
	return c.read(ctx, res)
}

// read reads a body that may be read, up to the limit.
func (c *Client) read(ctx context.Context, res *http.Response) ([]byte, *failure) {
	const guess = 1 << 20 // at most, whatever length the server claims
	limit := c.o.MaxBodyBytes
	if res.ContentLength > limit {
		return nil, tooLarge(limit)
	}
	room := max(0, min(res.ContentLength, guess)) + bytes.MinRead // MinRead: else the buffer grows to see the end
	buf := bytes.NewBuffer(make([]byte, 0, room))
	_, err := buf.ReadFrom(io.LimitReader(res.Body, limit+1))
	switch {
	case int64(buf.Len()) > limit:
		return nil, tooLarge(limit)
	case err != nil:
		return nil, cutOff(ctx, err)
	case buf.Len() == 0:
		return nil, invalid("the metrics API's answer is empty", nil)
	}
	return buf.Bytes(), nil
}
