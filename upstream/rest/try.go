package rest

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"deliverygraph/upstream"
)

// maxErrorBytes limits how much of an error response's body is read.
const maxErrorBytes = 16 << 10

// try waits for a slot, makes one request unless the breaker is open, and returns the response's body, or a failure
// that says whether to try again.
func (c *Client) try(ctx context.Context, call *Call, past *tally) (body string, f *failure) {
	if f := c.breaker.refuses(); f != nil {
		return "", f
	}
	asked := time.Now()
	among, f, err := c.gate.enter(ctx)
	t := &trial{sent: time.Now(), among: among}
	call.Waited += t.sent.Sub(asked)
	if err != nil {
		return "", broken(ctx, err)
	}
	if f != nil {
		return "", f
	}
	defer func() { c.gate.leave(t, call.Question.Endpoint()) }()

	report, probe, f := c.breaker.allow()
	if f != nil {
		return "", f
	}
	defer func() { report(t.verdict(probe)) }()

	body, f = c.send(ctx, call, t)
	t.outcome = f.outcome()
	if f == nil {
		return body, nil
	}
	if ctx.Err() != nil && !c.countsAsTimeout(ctx, t) {
		t.outcome = unknown
	}
	f.wait, f.granted = c.next(ctx, past, f, time.Since(t.sent))
	t.again = f.granted && f.err.Code != upstream.Timeout
	return "", f
}

// trial records one try. If the try panics, its outcome stays unknown.
type trial struct {
	sent      time.Time
	among     int           // requests under way when it was sent, including itself
	firstByte time.Duration // since sent
	outcome   outcome
	again     bool // another try follows soon, and tells more about the server
}

// countsAsTimeout reports whether a try that was cut off because its callers left still counts as a timeout: they left
// because of a deadline, and the try had half of the default time.
func (c *Client) countsAsTimeout(ctx context.Context, t *trial) bool {
	return errors.Is(ended(ctx), context.DeadlineExceeded) && time.Since(t.sent) >= min(c.o.Timeout, c.o.CallTimeout)/2
}

// send makes one request.
func (c *Client) send(ctx context.Context, call *Call, t *trial) (string, *failure) {
	// Not context.WithTimeout: it sets no timer if the parent's deadline is earlier, and that may move when a more
	// patient caller joins the call.
	within, end := context.WithCancelCause(ctx)
	defer end(nil)
	timer := time.AfterFunc(min(c.o.FirstByteTimeout, c.o.Timeout), func() { end(errTryTimeout) })
	defer timer.Stop()

	req, err := c.request(within, call)
	if err != nil {
		return "", &failure{
			err: &upstream.Error{Code: upstream.Internal, Message: "the request cannot be written as a URL", Err: err},
		}
	}

	call.Tries++
	call.Status = 0
	res, err := c.o.Transport.RoundTrip(req)
	t.firstByte = time.Since(t.sent)
	if err != nil {
		return "", broken(within, err)
	}
	defer res.Body.Close()
	timer.Reset(c.o.Timeout - t.firstByte)
	call.Status = res.StatusCode
	if c.o.Answered != nil {
		c.o.Answered(res.StatusCode)
	}
	if res.StatusCode != http.StatusOK {
		// Reading a short body to its end lets the connection be reused.
		body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBytes))
		return "", c.refused(call, res, string(body))
	}
	if f := unreadable(res.Header); f != nil {
		return "", f
	}
	return c.read(within, res)
}

// request builds the HTTP request of a call. A transport must not modify it: all requests share one header.
func (c *Client) request(ctx context.Context, call *Call) (*http.Request, error) {
	u := *c.base
	u.RawQuery = call.Question.Encode()
	escaped := call.Question.Path()
	if strings.Contains(escaped, "%") || u.RawPath != "" {
		path, err := url.PathUnescape(escaped)
		if err != nil {
			return nil, err
		}
		u.Path, u.RawPath = c.base.Path+path, c.base.EscapedPath()+escaped
	} else {
		u.Path += escaped
	}
	req := c.every.WithContext(ctx)
	req.URL = &u
	return req, nil
}
