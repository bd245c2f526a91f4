package rest

import (
	"context"
	"errors"
	"net/http"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/flight"
)

// request is a call: two of equal path and query are the same.
type request struct {
	question upstream.Question
	path     string // escaped, below the base URL
	query    string // canonical, without the question mark
}

// flightKey is what makes calls equal.
type flightKey struct {
	key         string // of the API: whose answers these are
	path, query string
}

// answer is what a flight brings home.
type answer struct {
	value any  // what the question's shape says
	call  Call // without Joined
}

// join makes the call unless an equal one is under way, and waits for its answer
// for as long as the caller may.
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

// tries makes requests until one is answered or another would not help, or
// would come too late for every caller, or is not granted by the budget, the
// breaker or the gate.
func (c *Client) tries(ctx context.Context, r request, call *Call) (string, error) {
	c.budget.earn()
	var last *failure // of a try that was made
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
			why := *f.err // which others get, while this one may change
			flight.Explain(ctx, &why)
		}
		if err := sleep(ctx, f.wait); err != nil {
			return "", err
		}
	}
}

// ended is why a context ended: context.Canceled or context.DeadlineExceeded.
// Flights are cancelled, with the cause of their last caller.
func ended(ctx context.Context) error {
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		return context.DeadlineExceeded
	}
	return context.Canceled
}

// sleep waits, or gives the reason why the context ended meanwhile.
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

// end notes how the call ended, and gives the error that the caller gets:
// a deadline of the caller's is a timeout, a cancellation stays what it is.
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
