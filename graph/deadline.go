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
	return &untilContext{ctx, func() context.Context { return e.ctx }}
}

// untilContext is a context that ends with another one.
type untilContext struct {
	context.Context
	until func() context.Context
}

// Deadline implements context.Context.
func (c *untilContext) Deadline() (time.Time, bool) { return c.until().Deadline() }

// Done implements context.Context.
func (c *untilContext) Done() <-chan struct{} { return c.until().Done() }

// Err implements context.Context.
func (c *untilContext) Err() error { return c.until().Err() }
