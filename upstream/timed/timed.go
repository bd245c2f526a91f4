// Package timed says how long an operation waits for the metrics API: a [Clock] in
// its context runs while at least one of its calls of an [API] is under way. Calls
// side by side count once, so what the clock does not count is the operation's own
// time.
//
// Start reading at [API].
package timed

import (
	"context"
	"sync"
	"time"

	"deliverygraph/upstream"
)

// Clock is one operation's. Its zero value has not run. It is safe for concurrent use.
type Clock struct {
	mu       sync.Mutex
	underWay int
	since    time.Time // when the first of those under way began
	waited   time.Duration
	asked    int
}

// Read gives how long it has run and how many calls there were, those under way
// included.
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

// With gives a context whose calls the clock is for.
func With(ctx context.Context, c *Clock) context.Context {
	return context.WithValue(ctx, clockKey{}, c)
}

// Around is told of each call when it begins, by its endpoint: the path with
// placeholders. It gives the context that the call is to be made in, and what is told
// how it ended.
type Around func(ctx context.Context, endpoint string) (context.Context, func(error))

// API is api with the clock of each call's context running meanwhile, if there is
// one. around may be nil.
func API(api upstream.API, around Around) upstream.API {
	return upstream.Around(api, func(ctx context.Context, q upstream.Question, next upstream.Asker) (answer any, err error) {
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
	})
}
