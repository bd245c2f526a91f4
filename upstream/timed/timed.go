// Package timed measures how long an operation waits for the metrics API. A [Clock] in the operation's context runs
// while at least one of its calls is under way. Concurrent calls count once, so the rest of the time is the operation's
// own.
//
// Start reading at [Layer].
package timed

import (
	"context"
	"sync"
	"time"

	"deliverygraph/upstream"
)

// Clock is the clock of one operation. Its zero value shows no time. It is safe for concurrent use.
type Clock struct {
	mu       sync.Mutex
	underWay int
	since    time.Time // when underWay last became 1
	waited   time.Duration
	asked    int
}

// Read returns how long the clock has run and how many calls were made, including those under way.
func (c *Clock) Read() (waited time.Duration, asked int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	waited = c.waited
	if c.underWay > 0 {
		waited += time.Since(c.since)
	}
	return waited, c.asked
}

func (c *Clock) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked++
	if c.underWay++; c.underWay == 1 {
		c.since = time.Now()
	}
}

func (c *Clock) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.underWay--; c.underWay == 0 {
		c.waited += time.Since(c.since)
	}
}

type clockKey struct{}

// With returns a context whose calls c measures.
func With(ctx context.Context, c *Clock) context.Context {
	return context.WithValue(ctx, clockKey{}, c)
}

// Around is called when a call begins, with its endpoint: the path with placeholders. It returns the context for the
// call, and a function to call with the call's error when it ends.
type Around func(ctx context.Context, endpoint string) (context.Context, func(error))

// Layer returns a layer that measures each call by the clock in its context, if there is one. around may be nil.
func Layer(around Around) upstream.Middleware {
	return func(ctx context.Context, q *upstream.Question, next upstream.Asker) (answer any, err error) {
		if c, ok := ctx.Value(clockKey{}).(*Clock); ok {
			c.begin()
			defer c.end()
		}
		if around != nil {
			var done func(error)
			ctx, done = around(ctx, q.Endpoint())
			defer func() { done(err) }()
		}
		return next.Ask(ctx, q)
	}
}
