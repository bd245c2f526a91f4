package upstreamtest

import (
	"context"
	"maps"
	"sync"

	"deliverygraph/upstream"
)

// Counting is an [upstream.Asker] that wraps an API and records its calls, so that a test can check, for example,
// that 100 senders take one call. It is safe for concurrent use.
type Counting struct {
	API upstream.Asker
	// Before, if not nil, runs before each call, with the call's context and its name in Calls. It may block. If it
	// returns an error, the caller gets that and API is not called.
	Before func(ctx context.Context, call string) error

	mu    sync.Mutex
	calls map[string]int
	total int
	now   int
	peak  int
}

// Calls returns the number of times that each call was made, by path and canonical query
// string, such as "/bounce/counts?start_time=1&end_time=2".
func (c *Counting) Calls() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.calls)
}

// Total returns the number of calls.
func (c *Counting) Total() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.total
}

// Peak returns the maximum number of concurrent calls.
func (c *Counting) Peak() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.peak
}

// Reset forgets all calls except those that are running.
func (c *Counting) Reset() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls, c.total, c.peak = nil, 0, c.now
}

// Ask implements [upstream.Asker]. It records the call, runs Before and makes the call.
func (c *Counting) Ask(ctx context.Context, q *upstream.Question) (any, error) {
	call := q.Path()
	if query := q.Encode(); query != "" {
		call += "?" + query
	}
	c.begin(call)
	defer c.end()
	if c.Before != nil {
		if err := c.Before(ctx, call); err != nil {
			return nil, err
		}
	}
	return c.API.Ask(ctx, q)
}

func (c *Counting) begin(call string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls == nil {
		c.calls = map[string]int{}
	}
	c.calls[call]++
	c.total++
	c.now++
	c.peak = max(c.peak, c.now)
}

func (c *Counting) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now--
}
