// Package cached remembers what the metrics API answered, for a time and within
// a number of bytes: an [API] is an [upstream.API] around another one.
//
// It hides what is kept, for how long and what it costs. Answers are kept under
// their call's path and canonical query, so that equal questions in other words
// meet. Callers who miss the same answer at the same time wait for one call
// (package upstream/flight); one that gives up harms no other. Errors are never
// kept. What is kept is copied out of the page that it was decoded from, so that
// an entry holds what it is charged and no more.
//
// Callers who may see different users get views of different scopes ([API.For]),
// which share the memory's bound but never an answer.
//
// Start reading at [New]; memory.go is one question's way, keep.go says how long
// an answer lasts, and pack.go what it weighs.
package cached

import (
	"context"

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
	a := &API{api: api, o: o}
	if o.Bytes > 0 && (o.Fresh > 0 || o.Catalogue > 0) {
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

// Close ends the memory's background work, for all views. They still answer.
func (a *API) Close() {
	if a.memory != nil {
		a.memory.close()
	}
}

// Bounces implements [upstream.API].
func (a *API) Bounces(ctx context.Context, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return remember(ctx, a, a.list(upstream.Bounces, q), packBounces,
		func(ctx context.Context) ([]upstream.Bounce, error) { return a.api.Bounces(ctx, q) })
}

// Emails implements [upstream.API].
func (a *API) Emails(ctx context.Context, q upstream.ListQuery) ([]upstream.Email, error) {
	return remember(ctx, a, a.list(upstream.Emails, q), packEmails,
		func(ctx context.Context) ([]upstream.Email, error) { return a.api.Emails(ctx, q) })
}

// BlockedEmails implements [upstream.API].
func (a *API) BlockedEmails(ctx context.Context, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return remember(ctx, a, a.list(upstream.BlockedEmails, q), packBlockedEmails,
		func(ctx context.Context) ([]upstream.BlockedEmail, error) { return a.api.BlockedEmails(ctx, q) })
}

// Bounce implements [upstream.API].
func (a *API) Bounce(ctx context.Context, k upstream.BounceKey) (upstream.BounceDetail, error) {
	c := call{endpoint: upstream.BouncePath + "{user_id}/{sender_id}/{bounce_time}/{email_id}", path: k.Path(), keep: a.o.keepRows()}
	return remember(ctx, a, c, packDetail,
		func(ctx context.Context) (upstream.BounceDetail, error) { return a.api.Bounce(ctx, k) })
}

// Counts implements [upstream.API].
func (a *API) Counts(ctx context.Context, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	return remember(ctx, a, a.counts("counts", k, q.Encode()), packCounts,
		func(ctx context.Context) ([]upstream.Count, error) { return a.api.Counts(ctx, k, q) })
}

// Series implements [upstream.API].
func (a *API) Series(ctx context.Context, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	return remember(ctx, a, a.counts("series", k, q.Encode()), packSeries,
		func(ctx context.Context) ([]upstream.Series, error) { return a.api.Series(ctx, k, q) })
}

// BounceCategories implements [upstream.API].
func (a *API) BounceCategories(ctx context.Context) ([]string, error) {
	return remember(ctx, a, a.catalogue(upstream.BounceCategoriesPath), packCodes, a.api.BounceCategories)
}

// BlockedReasons implements [upstream.API].
func (a *API) BlockedReasons(ctx context.Context) ([]string, error) {
	return remember(ctx, a, a.catalogue(upstream.BlockedReasonsPath), packCodes, a.api.BlockedReasons)
}

func (a *API) list(k upstream.Kind, q upstream.ListQuery) call {
	return call{endpoint: k.ListPath(), path: k.ListPath(), query: q.Encode(k), keep: a.o.keepRows()}
}

func (a *API) counts(form string, k upstream.Kind, query string) call {
	return call{endpoint: k.CountsPath(), path: k.CountsPath(), query: query, form: form, keep: a.o.keepRows()}
}

func (a *API) catalogue(path string) call {
	return call{endpoint: path, path: path, keep: a.o.keepCatalogue()}
}
