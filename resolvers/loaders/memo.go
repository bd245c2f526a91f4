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
	api upstream.API
	ops *ledger.Ledger
	mu  sync.Mutex // guards what follows

	bounces       calls[string, []upstream.Bounce] // of lists by path and query, as filters are not to be compared
	emails        calls[string, []upstream.Email]
	blockedEmails calls[string, []upstream.BlockedEmail]
	details       calls[upstream.BounceKey, upstream.BounceDetail]
	counts        calls[countsCall, []upstream.Count]
	series        calls[seriesCall, []upstream.Series]
	codes         calls[string, []string] // by path
}

type countsCall struct {
	kind  upstream.Kind
	query upstream.CountQuery
}

type seriesCall struct {
	kind  upstream.Kind
	query upstream.SeriesQuery
}

// calls are those of one kind that were made, by what was asked.
type calls[Q comparable, V any] map[Q]*call[V]

type call[V any] struct {
	done  bool          // value and err are final
	wait  chan struct{} // closed then; nil where nobody waits
	value V
	err   error
}

func newMemo(api upstream.API, ops *ledger.Ledger) *memo { return &memo{api: api, ops: ops} }

// once gives the answer to q, making the call if nobody has.
func once[Q comparable, V any](ctx context.Context, m *memo, of *calls[Q, V], q Q, load func() (V, error)) (V, error) {
	m.mu.Lock()
	c, made := (*of)[q]
	if !made {
		if *of == nil {
			*of = calls[Q, V]{}
		}
		c = &call[V]{}
		(*of)[q] = c
	}
	var wait chan struct{}
	if made && !c.done {
		if c.wait == nil {
			c.wait = make(chan struct{})
		}
		wait = c.wait
	}
	m.mu.Unlock()
	m.ops.Ask(made)
	switch {
	case !made:
		c.make(m, load)
	case wait != nil:
		select {
		case <-wait:
		case <-ctx.Done():
			var none V
			return none, ctx.Err()
		}
	}
	return c.value, c.err
}

// make makes the call. A panic is an error for all who ask.
func (c *call[V]) make(m *memo, load func() (V, error)) {
	defer func() {
		if v := recover(); v != nil {
			c.err = fanout.Recovered(v)
		}
		m.mu.Lock()
		defer m.mu.Unlock()
		if c.done = true; c.wait != nil {
			close(c.wait)
		}
	}()
	c.value, c.err = load()
}

// has fills in counts that have been asked for and have come.
func (m *memo) has(c *Counts) bool {
	m.mu.Lock()
	made := m.counts[countsCall{c.Kind, c.Query}]
	there := made != nil && made.done
	m.mu.Unlock()
	if there {
		m.ops.Ask(true)
		c.Rows, c.Err = made.value, made.err
	}
	return there
}

func (m *memo) Bounces(ctx context.Context, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return once(ctx, m, &m.bounces, q.Encode(upstream.Bounces), func() ([]upstream.Bounce, error) { return m.api.Bounces(ctx, q) })
}

func (m *memo) Emails(ctx context.Context, q upstream.ListQuery) ([]upstream.Email, error) {
	return once(ctx, m, &m.emails, q.Encode(upstream.Emails), func() ([]upstream.Email, error) { return m.api.Emails(ctx, q) })
}

func (m *memo) BlockedEmails(ctx context.Context, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return once(ctx, m, &m.blockedEmails, q.Encode(upstream.BlockedEmails), func() ([]upstream.BlockedEmail, error) { return m.api.BlockedEmails(ctx, q) })
}

func (m *memo) Bounce(ctx context.Context, k upstream.BounceKey) (upstream.BounceDetail, error) {
	return once(ctx, m, &m.details, k, func() (upstream.BounceDetail, error) { return m.api.Bounce(ctx, k) })
}

func (m *memo) Counts(ctx context.Context, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	return once(ctx, m, &m.counts, countsCall{k, q}, func() ([]upstream.Count, error) { return m.api.Counts(ctx, k, q) })
}

func (m *memo) Series(ctx context.Context, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	return once(ctx, m, &m.series, seriesCall{k, q}, func() ([]upstream.Series, error) { return m.api.Series(ctx, k, q) })
}

func (m *memo) BounceCategories(ctx context.Context) ([]string, error) {
	return once(ctx, m, &m.codes, upstream.BounceCategoriesPath, func() ([]string, error) { return m.api.BounceCategories(ctx) })
}

func (m *memo) BlockedReasons(ctx context.Context) ([]string, error) {
	return once(ctx, m, &m.codes, upstream.BlockedReasonsPath, func() ([]string, error) { return m.api.BlockedReasons(ctx) })
}
