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

	"deliverygraph/graph/operation"
	"deliverygraph/resolvers/fanout"
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

	memo   *memo // the API
	batch  dataloader.BatchFunc[OwnerKey, upstream.ID]
	once   sync.Once // makes owners, which few operations need
	owners *dataloader.Loader[OwnerKey, upstream.ID]
}

// New makes the loaders of one operation over what its caller may see.
func New(api upstream.API, now time.Time) *Loaders { return noted(api, now, nil, nil) }

// noted makes loaders that tell the operation's ledger what they share, and of their
// batches whoever watches those.
func noted(api upstream.API, now time.Time, ops *ledger.Ledger, watch Watch) *Loaders {
	m := &memo{ops: ops}
	l := &Loaders{API: upstream.Around(api, m.ask), Now: upstream.Time(now.Unix()), memo: m}
	l.batch = newBatch(l.API, ops, watch)
	return l
}

// Counts are counts that are asked for, and what came of it.
type Counts struct {
	Kind  upstream.Kind
	Query upstream.CountQuery
	Rows  []upstream.Count
	Err   error
}

// CountAll fills in counts: those that the operation has are at hand, the others are
// asked for side by side.
func (l *Loaders) CountAll(ctx context.Context, all []Counts) {
	var missing []*Counts
	for i := range all {
		if c := &all[i]; !l.memo.has(c) {
			missing = append(missing, c)
		}
	}
	if len(missing) > 0 {
		fanout.Each(len(missing), func(i int) {
			c := missing[i]
			c.Rows, c.Err = l.API.Counts(ctx, c.Kind, c.Query)
		})
	}
}

// Watch is told when a batch of a loader begins, by what it loads and for how many keys.
// It gives the context that the batch's calls are to be made in, and what is told how
// many calls these were and how many keys have an error.
type Watch func(ctx context.Context, loader string, keys int) (context.Context, func(calls, failed int))

// Extension gives every operation its own loaders: an extension of the endpoint (package
// operation).
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
	operation.Beginner
	operation.EventBeginner
} = Extension{}

// ExtensionName implements graphql.HandlerExtension.
func (Extension) ExtensionName() string { return "Loaders" }

// Validate implements graphql.HandlerExtension.
func (Extension) Validate(graphql.ExecutableSchema) error { return nil }

// Begin implements [operation.Beginner].
func (e Extension) Begin(ctx context.Context, _ *graphql.OperationContext) (context.Context, *graphql.Response) {
	return e.BeginEvent(ctx), nil
}

// BeginEvent implements [operation.EventBeginner]. It is called before the event is there,
// so loaders are made when the first field asks for them: their now is then the event's.
func (e Extension) BeginEvent(ctx context.Context) context.Context {
	s := &source{e: e}
	s.ctx = context.WithValue(ctx, contextKey{}, s)
	return s.ctx
}

type contextKey struct{}

// source gives the loaders of a context, which it makes when they are first asked for.
type source struct {
	e    Extension
	ctx  context.Context
	once sync.Once
	made *Loaders
}

func (s *source) loaders() *Loaders {
	s.once.Do(func() { s.made = noted(s.e.API(s.ctx), s.e.Now(), ledger.From(s.ctx), s.e.Watch) })
	return s.made
}

// From gives the loaders of the operation that ctx belongs to. A context without
// is a fault of the wiring, and panics.
func From(ctx context.Context) *Loaders { return ctx.Value(contextKey{}).(*source).loaders() }
