package loaders

import (
	"context"
	"sync"

	"deliverygraph/resolvers/fanout"
	"deliverygraph/upstream"
	"deliverygraph/upstream/ledger"
)

// memo is a layer that makes each call once and remembers its answer or error. It serves one operation, so the
// operation's fields agree: ten aliases of a field cost one call and show the same rows.
//
// A call is made in the context of the first field that needs it. That does no harm, since all fields of an
// operation are canceled together.
type memo struct {
	ops   *ledger.Ledger
	mu    sync.Mutex
	calls map[upstream.Question]*call
}

type call struct {
	done   bool          // answer and err are final
	wait   chan struct{} // closed when done; nil if no one waits
	answer any
	err    error
}

// ask answers q from memory, or waits for the call in progress, or makes the call.
func (m *memo) ask(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
	m.mu.Lock()
	c, made := m.calls[*q]
	if !made {
		if m.calls == nil {
			m.calls = map[upstream.Question]*call{}
		}
		c = &call{}
		m.calls[*q] = c
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
		m.fill(ctx, c, q, next)
	case wait != nil:
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return c.answer, c.err
}

// fill makes the call. A panic becomes an error for all fields that need the answer.
func (m *memo) fill(ctx context.Context, c *call, q *upstream.Question, next upstream.Asker) {
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
	c.answer, c.err = next.Ask(ctx, q)
}
