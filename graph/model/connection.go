package model

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/upstream"
)

// Pager is one page of a connection. Each part is computed only when requested. It is safe for concurrent use.
type Pager[T any] interface {
	// Rows returns the page's rows in order.
	Rows(ctx context.Context) ([]*T, error)
	// Cursor returns the cursor of row i of the page. Rows must have been called before.
	Cursor(i int) string
	// HasNextPage reports whether rows follow the page.
	HasNextPage(ctx context.Context) (bool, error)
	// HasPreviousPage reports whether rows precede the page.
	HasPreviousPage(ctx context.Context) (bool, error)
	// TotalCount returns the number of rows of the whole connection.
	TotalCount(ctx context.Context) (int64, error)
}

// Connection is a Relay connection of any type. The schema's connection types embed it.
type Connection[T any] struct {
	Page Pager[T]
	// Group answers Breakdown. It reads the arguments from the context's field. It is nil for lists that have none.
	Group func(context.Context) (*Breakdown, error)
}

// Edge is a row of a connection with its cursor.
type Edge[T any] struct {
	Cursor string
	Node   *T
}

// Nodes returns the page's rows.
func (c Connection[T]) Nodes(ctx context.Context) ([]*T, error) { return c.Page.Rows(ctx) }

// Edges returns the page's rows with their cursors.
func (c Connection[T]) Edges(ctx context.Context) ([]*Edge[T], error) {
	rows, err := c.Page.Rows(ctx)
	if err != nil {
		return nil, err
	}
	edges := make([]Edge[T], len(rows))
	out := make([]*Edge[T], len(rows))
	for i, r := range rows {
		edges[i] = Edge[T]{Cursor: c.Page.Cursor(i), Node: r}
		out[i] = &edges[i]
	}
	return out, nil
}

// PageInfo returns the page's position.
func (c Connection[T]) PageInfo() *PageInfo { return &PageInfo{page: pageOf[T]{c.Page}} }

// TotalCount returns the number of rows of the whole connection.
func (c Connection[T]) TotalCount(ctx context.Context) (*int64, error) {
	n, err := c.Page.TotalCount(ctx)
	if err != nil {
		return nil, err
	}
	return &n, nil
}

// Breakdown returns the groups of all rows of the connection. It takes the field's arguments, under their names,
// because gqlgen binds a method only if it does.
func (c Connection[T]) Breakdown(
	ctx context.Context, by []upstream.Dimension, top *int, header *string,
) (*Breakdown, error) {
	return c.Group(ctx)
}

// PageInfo is Relay's PageInfo. Each field is computed when selected.
type PageInfo struct {
	page interface {
		HasNextPage(ctx context.Context) (bool, error)
		HasPreviousPage(ctx context.Context) (bool, error)
		cursors(ctx context.Context) (first, last *string, err error)
	}
}

// pageOf hides the type of a page's rows.
type pageOf[T any] struct{ Pager[T] }

func (p pageOf[T]) cursors(ctx context.Context) (first, last *string, err error) {
	rows, err := p.Rows(ctx)
	if err != nil || len(rows) == 0 {
		return nil, nil, err
	}
	f, l := p.Cursor(0), p.Cursor(len(rows)-1)
	return &f, &l, nil
}

// HasNextPage reports whether rows follow the page.
func (p *PageInfo) HasNextPage(ctx context.Context) bool {
	more, err := p.page.HasNextPage(ctx)
	return orMaybe(ctx, more, err)
}

// HasPreviousPage reports whether rows precede the page.
func (p *PageInfo) HasPreviousPage(ctx context.Context) bool {
	more, err := p.page.HasPreviousPage(ctx)
	return orMaybe(ctx, more, err)
}

// orMaybe returns more, or true if there was an error, which it adds to the response: Relay requires a Boolean that is
// never null, and the page itself must not be lost because its neighbor failed.
func orMaybe(ctx context.Context, more bool, err error) bool {
	if err != nil {
		graphql.AddError(ctx, err)
		return true
	}
	return more
}

// StartCursor returns the first row's cursor, or nil if the page is empty.
func (p *PageInfo) StartCursor(ctx context.Context) (*string, error) {
	first, _, err := p.page.cursors(ctx)
	return first, err
}

// EndCursor returns the last row's cursor, or nil if the page is empty.
func (p *PageInfo) EndCursor(ctx context.Context) (*string, error) {
	_, last, err := p.page.cursors(ctx)
	return last, err
}

// The schema's connections and edges besides those of rows.
type (
	UserConnection   struct{ Connection[User] }
	SenderConnection struct{ Connection[Sender] }

	UserEdge   = Edge[User]
	SenderEdge = Edge[Sender]
)
