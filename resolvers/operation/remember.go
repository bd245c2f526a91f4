package operation

import (
	"context"

	"deliverygraph/upstream"
)

// answer is an answer in the memory of an operation.
type answer struct {
	q     *upstream.Question
	next  *answer       // to another question with the same hash
	done  bool          // value and err are final
	wait  chan struct{} // closed when done; nil if no one waits
	value any
	err   error
}

// Remember is a layer that makes each call of the operation once and remembers its answer or error, so that the
// operation's fields agree: ten aliases of a field cost one call and show the same rows.
//
// A call is made in the context of the first field that needs it. That does no harm, since all fields of an operation
// are canceled together. A panic becomes an error for all fields that need the answer. The question must not be
// modified afterwards.
func (op *Operation) Remember(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
	op.mu.Lock()
	hash := q.Hash()
	a := op.answers[hash]
	for a != nil && *a.q != *q {
		a = a.next
	}
	again := a != nil
	if !again {
		if op.answers == nil {
			op.answers = map[uint64]*answer{}
		}
		a = &answer{q: q, next: op.answers[hash]}
		op.answers[hash] = a
	}
	var wait chan struct{}
	if again && !a.done {
		if a.wait == nil {
			a.wait = make(chan struct{})
		}
		wait = a.wait
	}
	op.ask(again)
	op.mu.Unlock()
	switch {
	case !again:
		op.fill(ctx, a, q, next)
	case wait != nil:
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return a.value, a.err
}

// fill makes the call.
func (op *Operation) fill(ctx context.Context, a *answer, q *upstream.Question, next upstream.Asker) {
	defer func() {
		if v := recover(); v != nil {
			a.err = upstream.Recovered(v)
		}
		op.mu.Lock()
		defer op.mu.Unlock()
		if a.done = true; a.wait != nil {
			close(a.wait)
		}
	}()
	a.value, a.err = next.Ask(ctx, q)
}
