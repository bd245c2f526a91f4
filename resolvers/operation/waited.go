package operation

import (
	"context"
	"sync"
	"time"

	"deliverygraph/upstream"
)

// clock runs while at least one call of an operation is under way. Concurrent calls count once, so the rest of the time
// is the operation's own. Its zero value shows no time. It is safe for concurrent use.
type clock struct {
	mu       sync.Mutex
	underWay int
	since    time.Time // when underWay last became 1
	waited   time.Duration
	asked    int
}

// Waited returns how long the context's operation has waited for the API, and how many calls it made, including those
// under way.
func Waited(ctx context.Context) (waited time.Duration, asked int) {
	op := From(ctx)
	if op == nil {
		return 0, 0
	}
	c := op.clock
	c.mu.Lock()
	defer c.mu.Unlock()
	waited = c.waited
	if c.underWay > 0 {
		waited += time.Since(c.since)
	}
	return waited, c.asked
}

func (c *clock) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if c.underWay++; c.underWay == 1 {
		c.since = time.Now()
	}
}

func (c *clock) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.underWay--; c.underWay == 0 {
		c.waited += time.Since(c.since)
	}
}

// Trace is called when a call begins, with its endpoint: the path with placeholders. It returns the context for the
// call, and a function to call with the call's error when it ends.
type Trace func(ctx context.Context, endpoint string) (context.Context, func(error))

// Measure returns a layer that runs the operation's clock while a call is under way. trace may be nil.
func Measure(trace Trace) upstream.Middleware {
	return func(ctx context.Context, q *upstream.Question, next upstream.Asker) (answer any, err error) {
		if op := From(ctx); op != nil {
			op.clock.begin()
			defer op.clock.end()
		}
		if trace != nil {
			var done func(error)
			ctx, done = trace(ctx, q.Endpoint())
			defer func() { done(err) }()
		}
		return next.Ask(ctx, q)
	}
}
