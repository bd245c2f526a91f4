package upstream

import "context"

// Asker answers questions: the whole API as one method. It is what every layer implements, whether it calls the API,
// remembers its answers or restricts what a caller sees. Implementations are safe for concurrent use.
//
// The question's [Shape] determines the type of the answer, which is nil if there is an error. Askers must not modify
// the question, and may refer to it until the answer is there, even if the caller has given up. Callers must not modify
// the answer. Every error is or wraps an [*Error], except for the context's own error when the caller gave up.
type Asker interface {
	Ask(ctx context.Context, q *Question) (answer any, err error)
}

// Ask asks a question whose answer is a T, the type that its shape determines.
func Ask[T any](ctx context.Context, a Asker, q *Question) (T, error) {
	answer, err := a.Ask(ctx, q)
	t, _ := answer.(T) // the zero T if there is no answer
	return t, err
}

// Middleware is a layer around an Asker, for layers that need no state of their own.
type Middleware func(ctx context.Context, q *Question, next Asker) (answer any, err error)

// Around returns next with a layer around it.
func Around(next Asker, layer Middleware) Asker { return layered{next, layer} }

type layered struct {
	next  Asker
	layer Middleware
}

func (l layered) Ask(ctx context.Context, q *Question) (any, error) { return l.layer(ctx, q, l.next) }

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

// EachCaller calls f with the name of each caller of the call under ctx. If others can join the call, stop is not nil,
// and f is called with their names until stop is called. See [Callers].
func EachCaller(ctx context.Context, f func(name string)) (stop func()) {
	switch v := ctx.Value(CallerKey{}).(type) {
	case Callers:
		return v.Each(f)
	case string:
		f(v)
	default:
		f("")
	}
	return nil
}
