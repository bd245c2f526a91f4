package rest

import (
	"context"
)

// WithCaller says for whom calls under ctx are made: an operation, such as by its
// request id, or a client. Where calls must wait for their turn, callers take
// turns, however many calls each has waiting. Calls under a context without a
// caller are all of one.
func WithCaller(ctx context.Context, caller string) context.Context {
	return context.WithValue(ctx, callerKey{}, caller)
}

type callerKey struct{}

func callerOf(ctx context.Context) string {
	caller, _ := ctx.Value(callerKey{}).(string)
	return caller
}
