package graph

import (
	"context"
	"sync"
	"time"
)

// setDeadline sets the operation's deadline. One whose data is known has none unless it has to wait for room.
func (x *execution) setDeadline() { x.ctx, x.cancel = context.WithTimeout(x.ctx, x.h.o.Timeout) }

// eventTime is the time limit of one event. It starts when the first field is resolved, so that waiting for the event
// does not count.
type eventTime struct {
	once   sync.Once
	ctx    context.Context
	cancel context.CancelFunc
}

func (e *eventTime) end() {
	if e.cancel != nil {
		e.cancel()
	}
}

// within returns the context of a field of an event, which ends with the event's time limit.
func (x *execution) within(ctx context.Context) context.Context {
	e := x.event
	if e == nil { // the subscription field itself, which is resolved once
		return ctx
	}
	e.once.Do(func() { e.ctx, e.cancel = context.WithTimeout(x.ctx, x.h.o.Timeout) })
	if ctx.Done() == e.ctx.Done() { // the parent field's context already has it
		return ctx
	}
	return eventContext{ctx, e.ctx}
}

// eventContext is a context that ends with another one.
type eventContext struct {
	context.Context
	until context.Context
}

// Deadline implements context.Context.
func (c eventContext) Deadline() (time.Time, bool) { return c.until.Deadline() }

// Done implements context.Context.
func (c eventContext) Done() <-chan struct{} { return c.until.Done() }

// Err implements context.Context.
func (c eventContext) Err() error { return c.until.Err() }
