package resolvers

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// kindOf describes a kind of list: how to fetch it, the key of a row and the time in that key, and how to make
// a row's object.
type kindOf[R, T any] struct {
	kind  upstream.Kind
	fetch func(upstream.API, context.Context, upstream.ListQuery) ([]R, error)
	key   func(*R) page.Key
	time  func(*R) upstream.Time
	node  func(*R, *model.Origin) T
	join  func([]T) // makes the objects of a page known to each other; may be nil
}

// nodes returns the objects of the rows of a page.
func (k kindOf[R, T]) nodes(rows []R, o *model.Origin) []T {
	made := make([]T, len(rows))
	for i := range rows {
		made[i] = k.node(&rows[i], o)
	}
	if k.join != nil {
		k.join(made)
	}
	return made
}

// pointers returns pointers to the elements.
func pointers[T any](all []T) []*T {
	out := make([]*T, len(all))
	for i := range all {
		out[i] = &all[i]
	}
	return out
}

// listing returns the connection for a list.
func listing[R, T any, P upstream.Row[R]](ctx context.Context, k kindOf[R, T], p parent,
	window model.Window, f filter, a page.Args) (model.Connection[T], error) {
	q, err := listQuery(ctx, k.kind, f, p)
	if err != nil {
		return model.Connection[T]{}, err
	}
	r, err := open(ctx, window, a, func(written string) string {
		return k.kind.ListPath() + "?" + q.Encode() + "&" + written
	})
	if err != nil {
		return model.Connection[T]{}, err
	}
	q.Window = r.Window
	source := sourceOf(ctx, k, q)
	source.Count = counter(ctx, k.kind, q)
	source.Memory = memory(ctx, k.kind, q, a)
	rows := selectsRows(ctx)
	o := originOf(k.kind, q)
	if key, id, ok := p.siblings(k.kind, q, f, a); ok {
		nested[R, P](ctx, &source, key, id, rows && a.Size() > 0)
		if sharesOrigin(ctx, key) {
			o = originOf(k.kind, key.All.ListQuery)
		}
	}
	c, err := page.New(r, source)
	if err != nil {
		return model.Connection[T]{}, pagingError(err)
	}
	if rows {
		c.RowsFirst() // they may show the total
	}
	return model.Connection[T]{
		Page:  &nodes[R, T]{pager: c, make: func(rows []R) []*T { return pointers(k.nodes(rows, o)) }},
		Group: breakdown(k.kind, q),
	}, nil
}

// originOf returns the origin of the rows of a list.
func originOf(k upstream.Kind, q upstream.ListQuery) *model.Origin {
	return &model.Origin{Kind: k, Window: q.Window, UserID: q.UserID, SenderID: q.SenderID}
}

// sourceOf returns a list as package page reads it, without its counts and memory.
func sourceOf[R, T any](ctx context.Context, k kindOf[R, T], q upstream.ListQuery) page.Source[R] {
	l := loaders.From(ctx)
	return page.Source[R]{
		Window: q.Window,
		Fetch: func(ctx context.Context, w upstream.Window, offset int) ([]R, error) {
			q := q
			q.Window, q.Offset = w, offset
			return k.fetch(l.API, ctx, q)
		},
		Key: k.key, Time: k.time, Brief: q.Recipient != "" || q.Local != "", Room: l.Room,
	}
}

// open resolves the window of a connection and opens its cursors. They are bound to the text that bind returns: the
// filter, and the window as the caller wrote it. Pages with a cursor stay in the window of the first page.
func open(ctx context.Context, window model.Window, a page.Args,
	bind func(written string) string) (page.Request, error) {
	w, err := resolve(ctx, window)
	if err != nil {
		return page.Request{}, err
	}
	r, err := a.Open(bind(written(window, w)), w)
	return r, pagingError(err)
}

// pagingError converts an error of package page into an input error for the argument.
func pagingError(err error) error {
	var a *page.ArgumentError
	if errors.As(err, &a) {
		return badArgument(a.Argument, "%s", a.Message)
	}
	return err
}

// counter returns the call that counts a list, or nil if the counts endpoint does not support its filter.
func counter(ctx context.Context, k upstream.Kind,
	q upstream.ListQuery) func(context.Context, upstream.Window) (int64, error) {
	counted, ok := q.Counted()
	if !ok {
		return nil
	}
	api := loaders.From(ctx).API
	return func(ctx context.Context, w upstream.Window) (int64, error) {
		q := counted
		q.Window = w
		rows, err := api.Counts(ctx, k, q)
		var n int64
		for _, r := range rows {
			n += r.Total
		}
		return n, err
	}
}

// memory returns the memory of a list, or nil if none of its pages with these arguments needs one.
func memory(ctx context.Context, k upstream.Kind, q upstream.ListQuery, a page.Args) page.Memory {
	l := loaders.From(ctx)
	a = a.OldestFirst()
	if _, counts := q.Counted(); l.Memory == nil || counts && (!a.Backward() || a.Before != nil) {
		return nil
	}
	q.Window = upstream.Window{}
	return l.Memory(q.Question(k))
}

// selected returns the names of the fields that are selected below the current one.
func selected(ctx context.Context) []string {
	var names []string
	for _, f := range graphql.CollectFieldsCtx(ctx, nil) {
		names = append(names, f.Name)
	}
	return names
}

// selectsRows reports whether the current field, a connection, needs its rows.
func selectsRows(ctx context.Context) bool {
	return slices.ContainsFunc(selected(ctx), func(field string) bool {
		return field == "nodes" || field == "edges" || field == "pageInfo"
	})
}

// pager is implemented by [page.Connection] and [page.List].
type pager[R any] interface {
	Rows(ctx context.Context) ([]R, error)
	Cursor(i int) string
	HasNextPage(ctx context.Context) (bool, error)
	HasPreviousPage(ctx context.Context) (bool, error)
	TotalCount(ctx context.Context) (int64, error)
}

// nodes converts the rows of a page to objects of the schema, once.
type nodes[R, T any] struct {
	pager[R]
	make func([]R) []*T

	mu   sync.Mutex
	made []*T
}

// Rows returns the objects of the page.
func (n *nodes[R, T]) Rows(ctx context.Context) ([]*T, error) {
	rows, err := n.pager.Rows(ctx)
	if err != nil {
		return nil, err
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.made == nil {
		n.made = n.make(rows)
	}
	return n.made, nil
}

// eachOf returns a function that converts all rows of a page, with one allocation for the objects.
func eachOf[R, T any](node func(*R) T) func([]R) []*T {
	return func(rows []R) []*T {
		made := make([]T, len(rows))
		for i := range rows {
			made[i] = node(&rows[i])
		}
		return pointers(made)
	}
}

// accounts returns the connection for users or senders: all that occur in one of the three counts of the window.
// The window of q is not set yet; name is the name of the field.
func accounts[T any](ctx context.Context, name string, window model.Window, q upstream.CountQuery,
	order *model.AccountOrder, a page.Args, objects func([]found, upstream.Window) []*T) (model.Connection[T], error) {
	by := orderOf(order)
	r, err := open(ctx, window, a, func(written string) string {
		return name + "?" + q.Encode() + "&" + written + by.binding()
	})
	if err != nil {
		return model.Connection[T]{}, err
	}
	q.Window = r.Window
	source := page.ListSource[found]{
		Fetch: func(ctx context.Context) ([]found, error) {
			all, err := findAll(ctx, q)
			if err != nil {
				return nil, err
			}
			return all, by.rank(ctx, q, all)
		},
		ID:         func(f *found) upstream.ID { return f.ID },
		Descending: by.descending,
	}
	if by.field != "" {
		source.Rank = func(f *found) (float64, bool) { return f.rank, f.ranked }
	}
	l, err := page.NewList(r, source)
	if err != nil {
		return model.Connection[T]{}, pagingError(err)
	}
	inWindow := func(rows []found) []*T { return objects(rows, r.Window) }
	return model.Connection[T]{Page: &nodes[found, T]{pager: l, make: inWindow}}, nil
}

// found is a user or sender, and the first kind of counts that contains it.
type found struct {
	upstream.Count
	kind   upstream.Kind
	rank   float64 // in the order of the list, if ranked
	ranked bool
}

// findAll makes the three counts calls concurrently and returns each id once. A sender's address is the first
// one that any of them contains.
func findAll(ctx context.Context, q upstream.CountQuery) ([]found, error) {
	keys := countsOfAllKinds(q)
	counts, errs := loaders.From(ctx).Counts.All(ctx, keys)
	if err := cmp.Or(errs...); err != nil {
		return nil, err
	}
	all := make([]found, 0, len(counts[0].Rows))
	for i, c := range counts {
		for _, row := range c.Rows {
			if slices.ContainsFunc(counts[:i], func(c *loaders.Counts) bool { return c.Of(row.ID).ID != 0 }) {
				continue // an earlier answer has it
			}
			if q.Rollup == upstream.BySender && row.Sender == "" {
				for _, later := range counts[i+1:] {
					row.Sender = cmp.Or(row.Sender, later.Of(row.ID).Sender)
				}
			}
			all = append(all, found{Count: row, kind: keys[i].Kind})
		}
	}
	return all, nil
}
