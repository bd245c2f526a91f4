package loaders

import (
	"context"
	"sync"

	"deliverygraph/resolvers/fanout"
	"deliverygraph/upstream"
	"deliverygraph/upstream/ledger"
)

// memo is an API that makes each distinct call once and remembers its answer, be
// it rows or an error. It serves one operation, so its fields agree with one
// another: ten aliases of a field cost one call and show the same rows.
//
// A call runs under the context of the field that asked first. Within one
// operation that is no harm: its fields are given up together.
type memo struct {
	api   upstream.API
	ops   *ledger.Ledger
	mu    sync.Mutex
	calls map[string]*call
}

type call struct {
	done  chan struct{}
	value any
	err   error
}

func newMemo(api upstream.API, ops *ledger.Ledger) *memo {
	return &memo{api: api, ops: ops, calls: map[string]*call{}}
}

// once gives the answer of the call named key, making it if nobody has.
func once[T any](ctx context.Context, m *memo, key string, load func() (T, error)) (T, error) {
	m.mu.Lock()
	c, made := m.calls[key]
	if !made {
		c = &call{done: make(chan struct{})}
		m.calls[key] = c
	}
	m.mu.Unlock()
	m.ops.Ask(made)
	if made {
		select {
		case <-c.done:
		case <-ctx.Done():
			var none T
			return none, ctx.Err()
		}
	} else {
		func() {
			defer close(c.done)
			defer func() {
				if v := recover(); v != nil {
					c.err = fanout.Recovered(v) // for all who ask
				}
			}()
			c.value, c.err = load()
		}()
	}
	v, _ := c.value.(T)
	return v, c.err
}

func (m *memo) Bounces(ctx context.Context, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return once(ctx, m, listKey(upstream.Bounces, q), func() ([]upstream.Bounce, error) { return m.api.Bounces(ctx, q) })
}

func (m *memo) Emails(ctx context.Context, q upstream.ListQuery) ([]upstream.Email, error) {
	return once(ctx, m, listKey(upstream.Emails, q), func() ([]upstream.Email, error) { return m.api.Emails(ctx, q) })
}

func (m *memo) BlockedEmails(ctx context.Context, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return once(ctx, m, listKey(upstream.BlockedEmails, q), func() ([]upstream.BlockedEmail, error) { return m.api.BlockedEmails(ctx, q) })
}

func (m *memo) Bounce(ctx context.Context, k upstream.BounceKey) (upstream.BounceDetail, error) {
	return once(ctx, m, k.Path(), func() (upstream.BounceDetail, error) { return m.api.Bounce(ctx, k) })
}

func (m *memo) Counts(ctx context.Context, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	return once(ctx, m, k.CountsPath()+"?"+q.Encode(), func() ([]upstream.Count, error) { return m.api.Counts(ctx, k, q) })
}

func (m *memo) Series(ctx context.Context, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	return once(ctx, m, k.CountsPath()+"?"+q.Encode(), func() ([]upstream.Series, error) { return m.api.Series(ctx, k, q) })
}

func (m *memo) BounceCategories(ctx context.Context) ([]string, error) {
	return once(ctx, m, upstream.BounceCategoriesPath, func() ([]string, error) { return m.api.BounceCategories(ctx) })
}

func (m *memo) BlockedReasons(ctx context.Context) ([]string, error) {
	return once(ctx, m, upstream.BlockedReasonsPath, func() ([]string, error) { return m.api.BlockedReasons(ctx) })
}

func listKey(k upstream.Kind, q upstream.ListQuery) string { return k.ListPath() + "?" + q.Encode(k) }
