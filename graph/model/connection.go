package model

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
)

// Pager is one page of a connection, each part of it worked out when it is asked
// for: what is not selected costs nothing. It is safe for concurrent use.
type Pager[T any] interface {
	// Rows gives the page's rows in order.
	Rows(ctx context.Context) ([]*T, error)
	// Cursor gives the cursor of the page's row i; Rows has been called before.
	Cursor(i int) string
	// HasNextPage says whether rows follow the page.
	HasNextPage(ctx context.Context) (bool, error)
	// HasPreviousPage says whether rows come before the page.
	HasPreviousPage(ctx context.Context) (bool, error)
	// TotalCount gives the number of rows of the whole connection.
	TotalCount(ctx context.Context) (int64, error)
}

// Connection is a Relay connection of any type: the schema's connection types
// embed it.
type Connection[T any] struct{ Page Pager[T] }

// Edge is a row of a connection and its cursor.
type Edge[T any] struct {
	Cursor string
	Node   *T
}

// Nodes gives the page's rows.
func (c Connection[T]) Nodes(ctx context.Context) ([]*T, error) { return c.Page.Rows(ctx) }

// Edges gives the page's rows with their cursors.
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

// PageInfo says where the page lies.
func (c Connection[T]) PageInfo() *PageInfo { return &PageInfo{page: pageOf[T]{c.Page}} }

// TotalCount gives the number of rows of the whole connection.
func (c Connection[T]) TotalCount(ctx context.Context) (*int64, error) {
	n, err := c.Page.TotalCount(ctx)
	if err != nil {
		return nil, err
	}
	return &n, nil
}

// PageInfo is Relay's PageInfo, each field of it worked out when selected.
type PageInfo struct {
	page interface {
		HasNextPage(ctx context.Context) (bool, error)
		HasPreviousPage(ctx context.Context) (bool, error)
		cursors(ctx context.Context) (first, last *string, err error)
	}
}

// pageOf is a page without the type of its rows.
type pageOf[T any] struct{ Pager[T] }

func (p pageOf[T]) cursors(ctx context.Context) (first, last *string, err error) {
	rows, err := p.Rows(ctx)
	if err != nil || len(rows) == 0 {
		return nil, nil, err
	}
	f, l := p.Cursor(0), p.Cursor(len(rows)-1)
	return &f, &l, nil
}

// HasNextPage says whether rows follow the page.
func (p *PageInfo) HasNextPage(ctx context.Context) bool {
	return orMaybe(ctx)(p.page.HasNextPage(ctx))
}

// HasPreviousPage says whether rows come before the page.
func (p *PageInfo) HasPreviousPage(ctx context.Context) bool {
	return orMaybe(ctx)(p.page.HasPreviousPage(ctx))
}

// orMaybe answers true where it could not be found out, and adds the error: Relay
// wants a Boolean that is never null, and the page that is there must not be lost
// for want of what lies behind it.
func orMaybe(ctx context.Context) func(bool, error) bool {
	return func(more bool, err error) bool {
		if err != nil {
			graphql.AddError(ctx, err)
			return true
		}
		return more
	}
}

// StartCursor is the first row's cursor, or nil on an empty page.
func (p *PageInfo) StartCursor(ctx context.Context) (*string, error) {
	first, _, err := p.page.cursors(ctx)
	return first, err
}

// EndCursor is the last row's cursor, or nil on an empty page.
func (p *PageInfo) EndCursor(ctx context.Context) (*string, error) {
	_, last, err := p.page.cursors(ctx)
	return last, err
}

// The schema's connections and edges.
type (
	BounceConnection       struct{ Connection[Bounce] }
	EmailConnection        struct{ Connection[Email] }
	BlockedEmailConnection struct{ Connection[BlockedEmail] }
	UserConnection         struct{ Connection[User] }
	SenderConnection       struct{ Connection[Sender] }

	BounceEdge       = Edge[Bounce]
	EmailEdge        = Edge[Email]
	BlockedEmailEdge = Edge[BlockedEmail]
	UserEdge         = Edge[User]
	SenderEdge       = Edge[Sender]
)
