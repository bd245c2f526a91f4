// Package loaders holds what the fields of one operation share in order to make the fewest upstream calls: a
// dataloader for each kind of nested data, over a memory of every call made ([operation.Operation.Remember]).
//
// Each loader has two doors. A field of a single object goes through the dataloader, which collects the keys of
// sibling fields. A column of a list, which knows its keys, loads them all at once. Both run the same batch
// function and fill the same memory.
//
// Loaders belong to one operation of one caller; in a subscription, to one event. [Extension] provides them to the
// operation, and resolvers get them with [From].
package loaders

import (
	"context"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/graph"
	"deliverygraph/graph/model"
	"deliverygraph/resolvers/operation"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// Loaders are the loaders of one operation. They are safe for concurrent use.
type Loaders struct {
	// API makes each distinct call once. Repeated within the operation, a call returns the same answer or error.
	API upstream.API
	// Now is the end of all relative windows of the operation: see [Now].
	Now upstream.Time
	// Until is when Now stops being current: operations from then on have a later one.
	Until time.Time
	// Memory returns the memory of a list, given its question without a window. It may be nil, or return nil.
	Memory func(upstream.Question) page.Memory
	// Room returns how many calls the upstream takes at once without making them wait. Nil means any number.
	Room func() int

	// Counts loads counts.
	Counts Loader[CountsKey, *Counts]
	// Series loads time series. The queries of its keys have an interval.
	Series Loader[CountsKey, []upstream.Series]
	// Owners finds the users of senders. The error is NotFound if the counts of the window do not contain the sender.
	// The senders of one page cost one call each, or one call for the users plus one for each user if that is less.
	Owners Loader[OwnerKey, upstream.ID]
	// Details loads bounces in full, each with a call of its own.
	Details Loader[upstream.BounceKey, *upstream.BounceDetail]
	// Lists loads all rows of the lists of a page of users or senders, or nil if it is no more expensive to read each
	// list by itself. It reads the list that has the rows of all, and splits it.
	Lists Loader[ListsKey, *Lists]
	// Bounced loads the bounces of the emails of a page. Of several bounces of one email, a hard one is preferred.
	Bounced Loader[*model.SentPage, *Outcomes[upstream.Bounce]]
	// Blocked loads the blocked emails among the emails of a page.
	Blocked Loader[*model.SentPage, *Outcomes[upstream.BlockedEmail]]
}

// Extension gives every operation its own loaders. It is an extension of the endpoint (see graph/engine.go).
type Extension struct {
	// API returns the upstream as the operation's caller may see it.
	API func(ctx context.Context) upstream.Asker
	// Now returns the current time.
	Now func() time.Time
	// Shared is how long operations share the end of their relative windows: see [Now].
	Shared time.Duration
	// Memory returns the memory of lists as the operation's caller may see them. It is called before API. It may
	// be nil, or return nil.
	Memory func(ctx context.Context) func(upstream.Question) page.Memory
	// Room returns how many calls the upstream takes at once without making them wait. Nil means any number.
	Room func() int
	// Watch is called for every batch, unless it is nil.
	Watch Watch
}

var _ interface {
	graph.Beginner
	graph.EventBeginner
} = Extension{}

// Begin implements [graph.Beginner].
func (e Extension) Begin(ctx context.Context, _ *graphql.OperationContext) (context.Context, *graphql.Response) {
	op := operation.From(ctx)
	if op == nil {
		op = operation.New(ctx, operation.Options{})
		ctx = op
	}
	op.Provide(func() any { return e.loaders(op) })
	return ctx, nil
}

// BeginEvent implements [graph.EventBeginner]. It is called before the event occurs. The loaders are
// therefore created when the first field needs them, so that their Now is the time of the event. It is exact:
// the event's own row must not be too new for the windows of the event's fields.
func (e Extension) BeginEvent(ctx context.Context) context.Context {
	e.Shared = 0
	op := operation.From(ctx).Event(ctx)
	op.Provide(func() any { return e.loaders(op) })
	return op
}

// loaders returns the loaders of an operation.
func (e Extension) loaders(op *operation.Operation) *Loaders {
	l := &Loaders{Room: e.Room}
	if e.Memory != nil {
		l.Memory = e.Memory(op)
	}
	l.API.Asker = upstream.Around(e.API(op), op.Remember)
	l.Now, l.Until = Now(e.Now(), e.Shared)
	b := base{l.API, op, e.Watch}
	l.Counts.open("counts", b, countsBatch)
	l.Series.open("time series", b, seriesBatch)
	l.Owners.open("owners of senders", b, ownersBatch)
	l.Details.open("details of bounces", b, detailsBatch)
	l.Lists.open("lists of users and senders", b, each(l.readLists))
	l.Bounced.open("bounces of emails", b, bouncedBatch)
	l.Blocked.open("blocked emails", b, blockedBatch)
	l.Lists.size = func(k ListsKey) int { return k.Size }
	l.Bounced.size = func(p *model.SentPage) int { return len(p.Emails) }
	l.Blocked.size = l.Bounced.size
	return l
}

// From returns the loaders of the operation that ctx belongs to. It panics if there are none, which is a wiring
// mistake.
func From(ctx context.Context) *Loaders { return operation.From(ctx).Provided().(*Loaders) }

// Now returns the end of the relative windows of an operation that begins at t, and until when it is current.
// All operations that begin within the same span of the given length share it, on every gateway: it is t rounded
// up to a multiple of that length since the start of Unix time. What one operation asked about a window up to now is
// therefore found in the cache by the next one, and windows lack no event that has happened.
//
// Answers stay as fresh as the cache keeps them for the same length: a cached answer lacks the events that arrived
// after it, but no operation asks for it once the span is over.
//
// The length counts in whole seconds, as windows do. If it is less than a second, nothing is shared.
func Now(t time.Time, shared time.Duration) (now upstream.Time, until time.Time) {
	step := max(1, int64(shared/time.Second))
	end := (t.Add(-1).Unix()/step + 1) * step
	if shared < time.Second {
		return upstream.Time(end), t
	}
	return upstream.Time(end), time.Unix(end, 0)
}
