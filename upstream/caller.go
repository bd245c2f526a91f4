package upstream

import "context"

// WithCaller names the caller for whom calls under ctx are made: an operation, by its request id for example, or a
// client. When calls wait for their turn at a server, callers take turns, no matter how many calls each has waiting.
// All calls without a caller count as one caller's.
func WithCaller(ctx context.Context, name string) context.Context {
	return context.WithValue(ctx, CallerKey{}, name)
}

// CallerKey is the context key of the caller's name, or of the [Callers] of a call that several callers share.
type CallerKey struct{}

// Callers are the callers of a call that others can join.
type Callers interface {
	// Each calls f with the name of each caller so far, and of each that joins later, until stop is called. The
	// function f may be called concurrently, and once more while stop is running.
	Each(f func(name string)) (stop func())
}

// EachCaller calls f with the name of each caller of the call under ctx. See [Callers].
func EachCaller(ctx context.Context, f func(name string)) (stop func()) {
	switch v := ctx.Value(CallerKey{}).(type) {
	case Callers:
		return v.Each(f)
	case string:
		f(v)
	default:
		f("")
	}
	return func() {}
}
