package loaders

import (
	"context"
	"sync"

	"deliverygraph/resolvers/fanout"
	"deliverygraph/upstream"
	"deliverygraph/upstream/ledger"
)

// memo is a layer that asks each question once and remembers its answer, be it rows or an
// error. It serves one operation, so its fields agree with one another: ten aliases of a
// field cost one call and show the same rows.
//
// A question is asked in the context of the field that asked first. Within one operation
// that is no harm: its fields are canceled together.
type memo struct {
	ops   *ledger.Ledger
	mu    sync.Mutex
	calls map[upstream.Question]*call
}

type call struct {
	done   bool          // answer and err are final
	wait   chan struct{} // closed then; nil if no one waits
	answer any
	err    error
}

// ask is the layer.
func (m *memo) ask(ctx context.Context, q upstream.Question, next upstream.Asker) (any, error) {
	m.mu.Lock()
	c, made := m.calls[q]
	if !made {
		if m.calls == nil {
			m.calls = map[upstream.Question]*call{}
		}
		c = &call{}
		m.calls[q] = c
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

// fill asks the question. A panic is an error for all who ask it.
func (m *memo) fill(ctx context.Context, c *call, q upstream.Question, next upstream.Asker) {
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

// has fills in counts that have been asked for and have come.
func (m *memo) has(c *Counts) bool {
	m.mu.Lock()
	made := m.calls[c.Query.Question(c.Kind)]
	there := made != nil && made.done
	m.mu.Unlock()
	if there {
		m.ops.Ask(true)
		c.Rows, _ = made.answer.([]upstream.Count)
		c.Err = made.err
	}
	return there
}
