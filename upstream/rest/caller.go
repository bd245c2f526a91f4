package rest

import (
	"context"
)

// WithCaller names the caller for whom calls under ctx are made: an operation, by its request id for example, or a
// client. When calls wait for a slot, callers take turns, no matter how many calls each has waiting. All calls without
// a caller count as one caller's.
func WithCaller(ctx context.Context, caller string) context.Context {
	return context.WithValue(ctx, callerKey{}, caller)
}

type callerKey struct{}

func callerOf(ctx context.Context) string {
	caller, _ := ctx.Value(callerKey{}).(string)
	return caller
}
