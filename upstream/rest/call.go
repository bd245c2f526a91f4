package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/flight"
)

// request is a question and the URL that asks it. Requests with equal path and query are equal.
type request struct {
	question *upstream.Question
	path     string // escaped, below the base URL
	query    string // canonical, without the question mark
}

// flightKey identifies equal calls.
type flightKey struct {
	key         string // the API key; answers differ by key
	path, query string
}

// answer is the result of a call that equal calls share.
type answer struct {
	value any  // of the type that the question's shape determines
	call  Call // without Joined
}

// join makes the call, or joins an equal one that is under way, and waits for the answer until ctx ends. A context
// without a deadline gets CallTimeout.
func (c *Client) join(ctx context.Context, r request) (answer, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, c.o.CallTimeout)
		defer cancel()
	}
	start := time.Now()
	a, joined, err := c.flights.Do(ctx, flightKey{c.o.Key, r.path, r.query}, func(ctx context.Context) (answer, error) {
		return c.fly(ctx, r)
	})
	if ctx.Err() != nil && a.call.Endpoint == "" { // the caller left
		a.call = r.call()
		if err == ctx.Err() {
			err = ended(ctx)
		}
		err = a.call.end(err)
	}
	if joined {
		a.call.Joined = true
		a.call.Duration = time.Since(start)
		c.report(ctx, a.call)
	}
	return a, err
}

// fly makes the call and reports it.
func (c *Client) fly(ctx context.Context, r request) (a answer, err error) {
	a.call = r.call()
	err = errPanicked // unless it returns
	defer func(start time.Time) {
		err = a.call.end(err)
		a.call.Duration = time.Since(start)
		c.report(ctx, a.call)
	}(time.Now())

	body, err := c.tries(ctx, r, &a.call)
	if err != nil {
		return a, err
	}
	a.call.Bytes = int64(len(body))
	a.value, err = decode(r.question, body, &a.call)
	if err != nil {
		return a, undecodable(err)
	}
	return a, nil
}

var errPanicked = errors.New("rest: the call panicked")

// tries makes requests until one succeeds, another try cannot help or would come too late for every caller, or the
// retry budget, the breaker or the gate refuses one.
func (c *Client) tries(ctx context.Context, r request, call *Call) (string, error) {
	c.budget.earn()
	var last *failure // of the last try that was made
	var past tally
	for {
		tries := call.Tries
		body, f := c.try(ctx, r, call, &past)
		switch {
		case f == nil:
			return body, nil
		case ctx.Err() != nil:
			return "", ended(ctx)
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
		if f.err.Status == http.StatusAccepted {
			why := *f.err // a copy: other callers read it while f changes
			flight.Explain(ctx, &why)
		}
		if err := sleep(ctx, f.wait); err != nil {
			return "", err
		}
	}
}

// ended returns context.Canceled or context.DeadlineExceeded for a context that has ended. A flight's context is
// canceled with the reason its last caller left as the cause.
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
