package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"time"

	"deliverygraph/upstream"
)

// call makes the call and reports it. A context without a deadline gets CallTimeout.
func (c *Client) call(ctx context.Context, call Call) (value any, err error) {
	if ctx.Err() != nil {
		return nil, call.end(ended(ctx))
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.o.CallTimeout)
		defer cancel()
	}
	err = errNotReturned // remains if a transport calls runtime.Goexit
	defer func(start time.Time) {
		if p := recover(); p != nil {
			err = fmt.Errorf("rest: panic: %v\n%s", p, debug.Stack())
		}
		err = call.end(err)
		call.Duration = time.Since(start)
		c.report(ctx, call)
	}(time.Now())

	body, err := c.tries(ctx, &call)
	if err != nil {
		return nil, err
	}
	call.Bytes = int64(len(body))
	if value, err = decode(body, &call); err != nil {
		return nil, undecodable(err)
	}
	return value, nil
}

var errNotReturned = errors.New("rest: the call did not return")

// tries makes requests until one succeeds, another try cannot help or would come too late for the caller, or the
// retry budget, the breaker or the gate refuses one.
func (c *Client) tries(ctx context.Context, call *Call) (string, error) {
	c.budget.earn()
	var last *failure // of the last try that was made
	var past tally
	// The deadline may pass in the last of many tries that found an identical request in progress.
	late := func() error {
		err := ended(ctx)
		if last == nil || last.err.Status != http.StatusAccepted || !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		call.Status = last.err.Status
		return last.err
	}
	for {
		tries := call.Tries
		body, f := c.try(ctx, call, &past)
		switch {
		case f == nil:
			return body, nil
		case ctx.Err() != nil:
			return "", late()
		case call.Tries > tries:
			last = f
		case last == nil:
			return "", f.err
		default:
			return "", last.notBefore(f)
		}
		if !f.again {
			return "", f.err
		}
		if open := c.breaker.refuses(); open != nil {
			return "", f.notBefore(open)
		}
		if !f.granted {
			return "", f.err
		}
		if sleep(ctx, f.wait) != nil {
			return "", late()
		}
	}
}

// ended returns context.Canceled or context.DeadlineExceeded for a context that has ended. The context of a call that
// several callers share is canceled with the reason why the last one left as its cause.
func ended(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return context.Canceled
}

// sleep waits for d. It returns early with ended(ctx) if ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	}
}

// end records how the call ended and returns the error for the caller. A passed deadline becomes an [upstream.Timeout]
// error; context.Canceled stays as it is.
func (c *Call) end(err error) error {
	switch {
	case err == nil:
	case err == context.Canceled:
		c.Canceled = true
	case err == context.DeadlineExceeded:
		c.Code = upstream.Timeout
		return &upstream.Error{Code: upstream.Timeout, Message: "the metrics API did not answer in time", Err: err}
	default:
		c.Code = upstream.CodeOf(err)
	}
	return err
}
