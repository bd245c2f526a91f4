package store

import (
	"context"

	"deliverygraph/upstream"
	"deliverygraph/upstream/grouped"
)

// Ask answers a question about the data of some users (nil is all) from a store. The type of the answer depends on the
// question's shape; see [upstream.Shape]. Groups by provider are those of p.
func Ask(
	ctx context.Context, r Reader, only []upstream.ID, q *upstream.Question, p *grouped.Providers,
) (any, error) {
	switch q.Shape {
	case upstream.ShapeDetail:
		return r.Bounce(ctx, only, q.Detail())
	case upstream.ShapeCounts:
		return r.Counts(ctx, only, q.Kind, q.Counts())
	case upstream.ShapeSeries:
		return r.Series(ctx, only, q.Kind, q.Counts())
	case upstream.ShapeCatalogue:
		return r.Codes(ctx, q.Kind)
	case upstream.ShapeGroups:
		return r.Groups(ctx, only, *q, p)
	}
	page, err := r.List(ctx, only, q.Kind, q.ListQuery)
	if err != nil {
		return nil, err
	}
	return page.Rows(), nil
}
