// Package operation holds what belongs to one operation of one caller: the memory of its answers, its budget of calls,
// the record of what it asked of the metrics API, and the clock of the time that it waited for it. In a subscription,
// each event has its own, except for the clock.
//
// An [Operation] is the context that its fields run in. The client and the cache report to it: [Call] and [Lookup] are
// the functions for their Observe options. [Operation.Remember], [Measure] and [Budget] are layers around the API, from
// the resolvers down. Without an operation in the context, nothing is recorded or limited.
//
// Start reading at [Operation]. The file record.go has the record, remember.go, budget.go and waited.go the layers.
package operation

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	"deliverygraph/upstream"
)

// Options configure an operation.
type Options struct {
	// Name names the operation in logs. It may be empty.
	Name string
	// Caller is the caller for whom the operation's calls take turns at the server: see [upstream.WithCaller].
	Caller string
	// MaxCalls limits the calls that the operation may make; 0 means no limit.
	MaxCalls int
	// Planned is how many of them it needs if nothing is cached: see [Spare].
	Planned int
	// Explain records every call. Without it, only sums are recorded, which cost no memory.
	Explain bool
	// Sees reports whether the operation's caller may see everything in the answer to a question. Of other calls, notes
	// and sums show only that they were made. Nil allows all.
	Sees func(*upstream.Question) bool
}

// Operation is an operation under way, and the context that its fields run in. It is safe for concurrent use.
type Operation struct {
	context.Context

	o      Options
	caller any    // o.Caller
	clock  *clock // own, or that of the subscription

	own clock

	points atomic.Int64 // of series: see TakePoints

	mu      sync.Mutex
	calls   int // made, as counted by Budget
	spared  int // taken by Spare
	sum     Summary
	notes   []Note
	batches []Batch
	answers map[uint64]*answer // by the hash of the question

	provide  func() any // see Provide
	once     sync.Once
	provided any
}

// New returns an operation whose context is ctx.
func New(ctx context.Context, o Options) *Operation {
	op := &Operation{Context: ctx, o: o, caller: o.Caller}
	op.clock = &op.own
	return op
}

// Event returns the operation of one event of a subscription. It has the subscription's options and clock.
func (op *Operation) Event(ctx context.Context) *Operation {
	return &Operation{Context: ctx, o: op.o, caller: op.caller, clock: op.clock}
}

type contextKey struct{}

// Value returns the operation and its caller for their keys, and otherwise the value in the operation's context.
func (op *Operation) Value(k any) any {
	switch k.(type) {
	case contextKey:
		return op
	case upstream.CallerKey:
		return op.caller
	}
	return op.Context.Value(k)
}

// From returns the operation that ctx belongs to, or nil.
func From(ctx context.Context) *Operation {
	op, _ := ctx.Value(contextKey{}).(*Operation)
	return op
}

// Provide sets the function that makes what [Operation.Provided] returns. Package loaders keeps its loaders there,
// which are made when the first field needs them.
func (op *Operation) Provide(f func() any) { op.provide = f }

// Provided returns what the function given to Provide made when it was first needed.
func (op *Operation) Provided() any {
	op.once.Do(func() { op.provided = op.provide() })
	return op.provided
}

// LogAttr returns the name of ctx's operation as the attribute "operation", or the zero Attr if there is none.
func LogAttr(ctx context.Context) slog.Attr {
	if op := From(ctx); op != nil && op.o.Name != "" {
		return slog.String("operation", op.o.Name)
	}
	return slog.Attr{}
}
