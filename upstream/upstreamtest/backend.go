package upstreamtest

import (
	"context"

	"deliverygraph/upstream"
)

// Backend makes a [Model] a backend of the embedded server, a store.Reader.
type Backend struct{ *Model }

// List implements store.Reader.
func (b Backend) List(ctx context.Context, only []upstream.ID, k upstream.Kind,
	q upstream.ListQuery) (upstream.Page, error) {
	return upstream.PageOf(b.Limit(only).list(k, q)), ctx.Err()
}

// Codes implements store.Reader.
func (b Backend) Codes(ctx context.Context, k upstream.Kind) ([]string, error) {
	return upstream.Ask[[]string](ctx, b, &upstream.Question{Shape: upstream.ShapeCatalogue, Kind: k})
}

// Bounce implements store.Reader.
func (b Backend) Bounce(ctx context.Context, only []upstream.ID, k upstream.BounceKey) (upstream.BounceDetail, error) {
	return b.Limit(only).Bounce(ctx, k)
}

// Counts implements store.Reader.
func (b Backend) Counts(ctx context.Context, only []upstream.ID, k upstream.Kind,
	q upstream.CountQuery) ([]upstream.Count, error) {
	return b.Limit(only).Counts(ctx, k, q)
}

// Series implements store.Reader.
func (b Backend) Series(ctx context.Context, only []upstream.ID, k upstream.Kind,
	q upstream.CountQuery) ([]upstream.Series, error) {
	return b.Limit(only).Series(ctx, k, q)
}
