package upstreamtest

import (
	"context"
	"sync"

	"deliverygraph/upstream"
)

// Counting wraps an API and records its calls, so that a test can check, for example,
// that 100 senders take one call. It is safe for concurrent use.
type Counting struct {
	API upstream.API
	// Before, if not nil, runs before each call, with the call's context and its name in
	// Calls. It may block. If it returns an error, the caller gets that and API is not
	// called.
	Before func(ctx context.Context, call string) error

	mu    sync.Mutex
	calls map[string]int
	total int
	now   int
	peak  int
}

var _ upstream.API = (*Counting)(nil)

// Calls returns the number of times that each call was made, by path and canonical query
// string, such as "/bounce/counts?start_time=1&end_time=2".
func (c *Counting) Calls() map[string]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	calls := make(map[string]int, len(c.calls))
	for call, n := range c.calls {
		calls[call] = n
	}
	return calls
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

// Bounces counts the call and passes it on.
func (c *Counting) Bounces(ctx context.Context, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return counted(ctx, c, listCall(upstream.Bounces, q), func() ([]upstream.Bounce, error) { return c.API.Bounces(ctx, q) })
}

// Emails counts the call and passes it on.
func (c *Counting) Emails(ctx context.Context, q upstream.ListQuery) ([]upstream.Email, error) {
	return counted(ctx, c, listCall(upstream.Emails, q), func() ([]upstream.Email, error) { return c.API.Emails(ctx, q) })
}

// BlockedEmails counts the call and passes it on.
func (c *Counting) BlockedEmails(ctx context.Context, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return counted(ctx, c, listCall(upstream.BlockedEmails, q), func() ([]upstream.BlockedEmail, error) {
		return c.API.BlockedEmails(ctx, q)
	})
}

// Bounce counts the call and passes it on.
func (c *Counting) Bounce(ctx context.Context, k upstream.BounceKey) (upstream.BounceDetail, error) {
	return counted(ctx, c, k.Path(), func() (upstream.BounceDetail, error) { return c.API.Bounce(ctx, k) })
}

// Counts counts the call and passes it on.
func (c *Counting) Counts(ctx context.Context, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	return counted(ctx, c, k.CountsPath()+"?"+q.Encode(), func() ([]upstream.Count, error) {
		return c.API.Counts(ctx, k, q)
	})
}

// Series counts the call and passes it on.
func (c *Counting) Series(ctx context.Context, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	return counted(ctx, c, k.CountsPath()+"?"+q.Encode(), func() ([]upstream.Series, error) {
		return c.API.Series(ctx, k, q)
	})
}

// BounceCategories counts the call and passes it on.
func (c *Counting) BounceCategories(ctx context.Context) ([]string, error) {
	return counted(ctx, c, upstream.BounceCategoriesPath, func() ([]string, error) { return c.API.BounceCategories(ctx) })
}

// BlockedReasons counts the call and passes it on.
func (c *Counting) BlockedReasons(ctx context.Context) ([]string, error) {
	return counted(ctx, c, upstream.BlockedReasonsPath, func() ([]string, error) { return c.API.BlockedReasons(ctx) })
}

func listCall(k upstream.Kind, q upstream.ListQuery) string { return k.ListPath() + "?" + q.Encode(k) }

// counted records the call, runs Before and makes the call.
func counted[V any](ctx context.Context, c *Counting, call string, do func() (V, error)) (V, error) {
	c.begin(call)
	defer c.end()
	if c.Before != nil {
		if err := c.Before(ctx, call); err != nil {
			var none V
			return none, err
		}
	}
	return do()
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
