// Package stream is what the resolver of a subscription has to tell its transport
// beside the events: that the stream ends for a reason. A channel of events can only
// be closed, and a closed one means that all is told.
//
// The endpoint gives the operation's context an [End]; the resolver fails it before
// it closes its channel.
package stream

import (
	"context"
	"sync/atomic"
)

// End is how a stream ended.
type End struct{ err atomic.Pointer[error] }

type contextKey struct{}

// With gives a context whose stream can say how it ended.
func With(ctx context.Context) (context.Context, *End) {
	e := &End{}
	return context.WithValue(ctx, contextKey{}, e), e
}

// Fail says that the context's stream ends by an error, which its subscriber is told
// as any other error of a field. The first one counts.
func Fail(ctx context.Context, err error) {
	if e, ok := ctx.Value(contextKey{}).(*End); ok {
		e.err.CompareAndSwap(nil, &err)
	}
}

// Err is the error that the stream ended by, or nil.
func (e *End) Err() error {
	if err := e.err.Load(); err != nil {
		return *err
	}
	return nil
}
