// Package loaders holds what the fields of one operation share, so that together
// they make the fewest upstream calls: a memory of every call made ([memo]) and a
// dataloader that finds the users of senders.
//
// Loaders live for one operation and one caller, and in a subscription for one event.
// [Extension] makes them and puts them into the operation's context; resolvers take
// them out with [From].
package loaders

import (
	"context"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/graph-gophers/dataloader/v7"
	"github.com/vektah/gqlparser/v2/ast"

	"deliverygraph/upstream"
	"deliverygraph/upstream/ledger"
)

// Loaders are the loaders of one operation. They are safe for concurrent use.
type Loaders struct {
	// API answers each distinct call once: asked again within the operation, it
	// gives the same answer, or the same error.
	API upstream.API
	// Now is the operation's idea of now: two relative windows agree on it.
	Now upstream.Time

	batch  dataloader.BatchFunc[OwnerKey, upstream.ID]
	once   sync.Once // makes owners, which few operations need
	owners *dataloader.Loader[OwnerKey, upstream.ID]
}

// New makes the loaders of one operation over what its caller may see.
func New(api upstream.API, now time.Time) *Loaders { return noted(api, now, nil, nil) }

// noted makes loaders that tell the operation's ledger what they share, and of their
// batches whoever watches those.
func noted(api upstream.API, now time.Time, ops *ledger.Ledger, watch Watch) *Loaders {
	l := &Loaders{API: newMemo(api, ops), Now: upstream.Time(now.Unix())}
	l.batch = newBatch(l.API, ops, watch)
	return l
}

// Watch is told when a batch of a loader begins, by what it loads and for how many keys.
// It gives the context that the batch's calls are to be made in, and what is told how
// many calls these were and how many keys have an error.
type Watch func(ctx context.Context, loader string, keys int) (context.Context, func(calls, failed int))

// Extension gives every operation its own loaders: a gqlgen extension.
type Extension struct {
	// API gives the upstream as the operation's caller may see it.
	API func(ctx context.Context) upstream.API
	// Now is the clock.
	Now func() time.Time
	// Watch is told of every batch; nil is nobody.
	Watch Watch
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationInterceptor
	graphql.ResponseInterceptor
} = Extension{}

// ExtensionName implements graphql.HandlerExtension.
func (Extension) ExtensionName() string { return "Loaders" }

// Validate implements graphql.HandlerExtension.
func (Extension) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptOperation implements graphql.OperationInterceptor.
func (e Extension) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	return next(With(ctx, noted(e.API(ctx), e.Now(), ledger.From(ctx), e.Watch)))
}

// InterceptResponse implements graphql.ResponseInterceptor. It is called for an event
// before the event is there, so loaders are made when the first field asks for them:
// their now is then the event's.
func (e Extension) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	if op := graphql.GetOperationContext(ctx).Operation; op != nil && op.Operation == ast.Subscription {
		ctx = context.WithValue(ctx, contextKey{}, source(sync.OnceValue(func() *Loaders { return noted(e.API(ctx), e.Now(), ledger.From(ctx), e.Watch) })))
	}
	return next(ctx)
}

type contextKey struct{}

// source gives the loaders of a context.
type source func() *Loaders

// With gives a context that carries the loaders.
func With(ctx context.Context, l *Loaders) context.Context {
	return context.WithValue(ctx, contextKey{}, source(func() *Loaders { return l }))
}

// From gives the loaders of the operation that ctx belongs to. A context without
// is a fault of the wiring, and panics.
func From(ctx context.Context) *Loaders { return ctx.Value(contextKey{}).(source)() }
