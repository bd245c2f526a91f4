package graph

import (
	"context"
	"sync/atomic"
)

// StreamEnd says how a subscription's stream ended. Closing the channel of events cannot say that it ended because of
// an error. The endpoint puts a StreamEnd into the operation's context, and the resolver calls [FailStream] before it
// closes its channel.
type StreamEnd struct{ err atomic.Pointer[error] }

type streamEndKey struct{}

// WithStreamEnd returns a context for a stream, and how the stream ended.
func WithStreamEnd(ctx context.Context) (context.Context, *StreamEnd) {
	e := &StreamEnd{}
	return context.WithValue(ctx, streamEndKey{}, e), e
}

// FailStream sets the error that ends the context's stream. Its subscriber gets it like any other error of a field.
// Only the first call counts.
func FailStream(ctx context.Context, err error) {
	if e, ok := ctx.Value(streamEndKey{}).(*StreamEnd); ok {
		e.err.CompareAndSwap(nil, &err)
	}
}

// Err returns the error that ended the stream, or nil.
func (e *StreamEnd) Err() error {
	if err := e.err.Load(); err != nil {
		return *err
	}
	return nil
}
