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

// maxErrorBytes is how much of a failed request's body is read.
const maxErrorBytes = 16 << 10

// try makes one request, once there is a slot for it and unless the breaker is
// open, and gives the body of its answer, or a failure that says whether the call is
// tried again.
func (c *Client) try(ctx context.Context, r request, call *Call, past *tally) (body string, f *failure) {
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
	defer func() { c.gate.leave(t, r.question.Endpoint()) }()

	report, probe, f := c.breaker.allow()
	if f != nil {
		return "", f
	}
	defer func() { report(t.verdict(probe)) }()

	body, f = c.send(ctx, r, call, t)
	t.outcome = f.outcome()
	if f == nil {
		return body, nil
	}
	if ctx.Err() != nil && !c.hadItsTime(ctx, t) {
		t.outcome = untold
	}
	f.wait, f.granted = c.next(ctx, past, f, time.Since(t.sent))
	t.again = f.granted && f.err.Code != upstream.Timeout
	return "", f
}

// trial is what is noted of a try. A panic leaves its outcome untold.
type trial struct {
	sent      time.Time
	among     int           // how many were under way then, itself included
	firstByte time.Duration // from then on
	outcome   outcome
	again     bool // another try follows soon, and says more of the server than this one
}

// hadItsTime says whether a try that its callers' end has cut off is a timeout all
// the same: theirs was a deadline and not a change of mind, and the try was under
// way for half of the time that one has by default.
func (c *Client) hadItsTime(ctx context.Context, t *trial) bool {
	return errors.Is(ended(ctx), context.DeadlineExceeded) && time.Since(t.sent) >= min(c.o.Timeout, c.o.CallTimeout)/2
}

// send makes one request.
func (c *Client) send(ctx context.Context, r request, call *Call, t *trial) (string, *failure) {
	// Not WithTimeout, which sets no timer where the context's deadline is nearer:
	// a flight's deadline moves away when a more patient caller joins.
	within, end := context.WithCancelCause(ctx)
	defer end(nil)
	timer := time.AfterFunc(min(c.o.FirstByteTimeout, c.o.Timeout), func() { end(errTryTimeout) })
	defer timer.Stop()

	req, err := c.request(within, r)
	if err != nil {
		return "", &failure{err: &upstream.Error{Code: upstream.Internal, Message: "the request cannot be written as a URL", Err: err}}
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
		// Read to its end, a short body leaves the connection fit for the next request.
		body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBytes))
		return "", c.refused(r, res, string(body))
	}
	if f := unreadable(res.Header); f != nil {
		return "", f
	}
	return c.read(within, res)
}

// request is r for a transport, which must not change it: its header is that of every
// request of the client.
func (c *Client) request(ctx context.Context, r request) (*http.Request, error) {
	u := *c.base
	u.RawQuery = r.query
	if strings.Contains(r.path, "%") || u.RawPath != "" {
		path, err := url.PathUnescape(r.path)
		if err != nil {
			return nil, err
		}
		u.Path, u.RawPath = c.base.Path+path, c.base.EscapedPath()+r.path
	} else {
		u.Path += r.path
	}
	req := c.every.WithContext(ctx)
	req.URL = &u
	return req, nil
}
