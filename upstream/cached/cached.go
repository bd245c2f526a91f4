// Package cached remembers what the metrics API answered, for as long as that is
// right and within a number of bytes: an [API] is an [upstream.API] around another
// one.
//
// It hides what is kept, for how long and what it costs. Events that lie far
// enough back are settled: pages, counts, time series and details of them alone
// are sealed, and kept until their room is needed. What touches the open edge, in
// which events still arrive, is fresh for seconds; the catalogues of codes are for
// longer. Counts and time series over both are split at the last settled hour, so
// that a dashboard which looks at the same 30 days again and again costs one small
// call each time; the sums are exact, and grow with the clock by that same call. When the API is down an answer that is no
// longer fresh may be served, and is told of as stale.
//
// Answers are kept under their call's path and canonical query, so that equal
// questions in other words meet. Callers who miss the same answer at the same time
// wait for one call (package upstream/flight); one that gives up harms no other.
// Errors are never kept. What is kept is copied out of the page that it was
// decoded from, so that an entry holds what it is charged and no more.
//
// Callers who may see different users get views of different scopes ([API.For]),
// which share the memory's bound but never an answer.
//
// A store that several gateways share, of bytes with a time to live, would go
// between a miss and the call that fills it: the function load of memory.go has
// the key, the time to keep and the answer, and package upstream the codecs.
//
// Start reading at [New]; keep.go says how long an answer lasts, memory.go is one
// question's way, sum.go splits counts and series, reach.go lets what is kept of them
// grow and join.go adds them up, stale.go is for when the API fails, and pack.go says
// what an answer weighs.
package cached

import (
	"context"
	"time"

	"deliverygraph/upstream"
)

// API is a view, of one scope, of an API and the memory around it. It is safe
// for concurrent use. The slices it gives are shared: they must not be written to.
type API struct {
	api    upstream.API
	o      Options
	memory *memory // nil where all is switched off
	scope  string
}

var _ upstream.API = (*API)(nil)

// New puts a memory around api, in the empty scope. An error names the options
// that are wrong. Call [API.Close] when done with all views.
func New(api upstream.API, o Options) (*API, error) {
	if err := o.check(); err != nil {
		return nil, err
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &API{api: api, o: o}
	if o.keepsAny() {
		m, err := newMemory(o)
		if err != nil {
			return nil, err
		}
		a.memory = m
	}
	return a, nil
}

// For is the view of a scope: of all callers who may see the same. It shares
// the memory and its bound, but no answer, with the views of other scopes.
func (a *API) For(scope string) *API {
	view := *a
	view.scope = scope
	return &view
}

// Over is the view of a scope whose answers come of another API, such as the same one
// asked with another key.
func (a *API) Over(scope string, api upstream.API) *API {
	view := a.For(scope)
	view.api = api
	return view
}

// Close ends the memory's background work, for all views. They still answer.
func (a *API) Close() {
	if a.memory != nil {
		a.memory.close()
	}
}

// Use is how much of its memory a cache uses.
type Use struct {
	Answers         int   // that are held, some past their time included
	Bytes, Capacity int64 // as [Options].Bytes counts them
}

// Use tells how much of the memory is used at the moment, by all views together.
func (a *API) Use() Use {
	if a.memory == nil {
		return Use{}
	}
	e := a.memory.entries
	e.CleanUp() // it counts what was kept just now in its own time
	return Use{Answers: e.EstimatedSize(), Bytes: int64(e.WeightedSize()), Capacity: int64(e.GetMaximum())}
}

// Bounces implements [upstream.API].
func (a *API) Bounces(ctx context.Context, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return list(ctx, a, upstream.Bounces, q, a.api.Bounces, packBounces, func(b *upstream.Bounce) upstream.Time { return b.BounceTime })
}

// Emails implements [upstream.API].
func (a *API) Emails(ctx context.Context, q upstream.ListQuery) ([]upstream.Email, error) {
	return list(ctx, a, upstream.Emails, q, a.api.Emails, packEmails, func(e *upstream.Email) upstream.Time { return e.ProcessTime })
}

// BlockedEmails implements [upstream.API].
func (a *API) BlockedEmails(ctx context.Context, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return list(ctx, a, upstream.BlockedEmails, q, a.api.BlockedEmails, packBlockedEmails, func(b *upstream.BlockedEmail) upstream.Time { return b.ProcessTime })
}

// list asks for a page of rows, which lie at the times that at gives.
func list[R any](ctx context.Context, a *API, k upstream.Kind, q upstream.ListQuery, ask func(context.Context, upstream.ListQuery) ([]R, error), pack func([]R) ([]R, size), at func(*R) upstream.Time) ([]R, error) {
	if a.memory == nil {
		return ask(ctx, q)
	}
	m := a.o.moment()
	return remember(ctx, a, question[[]R]{
		endpoint: k.ListPath(), path: k.ListPath(), query: q.Encode(k),
		keep:  a.o.keep(m, q.Window),
		lasts: func(rows []R) time.Duration { return keepPage(a.o, m, q.Window, rows, at) },
		latest: a.latestOf(m, q.Window.End, "", k.ListPath(), func() string {
			q := q
			q.Window.End = 0
			return q.Encode(k)
		}),
		load: func(ctx context.Context) ([]R, error) { return ask(ctx, q) },
		pack: pack,
	})
}

// Bounce implements [upstream.API].
func (a *API) Bounce(ctx context.Context, k upstream.BounceKey) (upstream.BounceDetail, error) {
	if a.memory == nil {
		return a.api.Bounce(ctx, k)
	}
	return remember(ctx, a, question[upstream.BounceDetail]{
		endpoint: upstream.DetailEndpoint, path: k.Path(),
		keep: a.o.keep(a.o.moment(), upstream.Window{Start: k.BounceTime, End: k.BounceTime + 1}),
		load: func(ctx context.Context) (upstream.BounceDetail, error) { return a.api.Bounce(ctx, k) },
		pack: packDetail,
	})
}

// Counts implements [upstream.API].
func (a *API) Counts(ctx context.Context, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	if a.memory == nil {
		return a.api.Counts(ctx, k, q)
	}
	in := func(w upstream.Window) upstream.CountQuery {
		q := q
		q.Window = w
		return q
	}
	return tally[[]upstream.Count]{
		window: q.Window, kind: k, path: k.CountsPath(), form: "counts",
		query: func(w upstream.Window) string { return in(w).Encode() },
		load: func(ctx context.Context, w upstream.Window) ([]upstream.Count, error) {
			return a.api.Counts(ctx, k, in(w))
		},
		pack: packCounts, join: joinCounts,
		filter: upstream.SeriesQuery{CountQuery: q}, tell: addUp,
	}.answer(ctx, a)
}

// Series implements [upstream.API].
func (a *API) Series(ctx context.Context, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	if a.memory == nil {
		return a.api.Series(ctx, k, q)
	}
	in := func(w upstream.Window) upstream.SeriesQuery {
		q := q
		q.Window = w
		return q
	}
	return tally[[]upstream.Series]{
		window: q.Window, kind: k, path: k.CountsPath(), form: "series",
		query: func(w upstream.Window) string { return in(w).Encode() },
		load: func(ctx context.Context, w upstream.Window) ([]upstream.Series, error) {
			return a.api.Series(ctx, k, in(w))
		},
		pack: packSeries, join: joinSeries,
		filter: q, tell: widen,
	}.answer(ctx, a)
}

// BounceCategories implements [upstream.API].
func (a *API) BounceCategories(ctx context.Context) ([]string, error) {
	return codes(ctx, a, upstream.BounceCategoriesPath, a.api.BounceCategories)
}

// BlockedReasons implements [upstream.API].
func (a *API) BlockedReasons(ctx context.Context) ([]string, error) {
	return codes(ctx, a, upstream.BlockedReasonsPath, a.api.BlockedReasons)
}

// codes asks for a catalogue.
func codes(ctx context.Context, a *API, path string, ask func(context.Context) ([]string, error)) ([]string, error) {
	if a.memory == nil {
		return ask(ctx)
	}
	return remember(ctx, a, question[[]string]{endpoint: path, path: path, keep: a.o.Catalogue, load: ask, pack: packCodes})
}
