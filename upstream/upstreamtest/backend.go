package upstreamtest

import (
	"context"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
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
	return slices.Clone(*store.Documented.Of(k)), ctx.Err()
}

// Bounce implements store.Reader.
func (b Backend) Bounce(_ context.Context, only []upstream.ID, k upstream.BounceKey) (upstream.BounceDetail, error) {
	return b.Limit(only).detail(k)
}

// Counts implements store.Reader.
func (b Backend) Counts(ctx context.Context, only []upstream.ID, k upstream.Kind,
	q upstream.CountQuery) ([]upstream.Count, error) {
	return b.Limit(only).counts(k, q), ctx.Err()
}

// Series implements store.Reader.
func (b Backend) Series(ctx context.Context, only []upstream.ID, k upstream.Kind,
	q upstream.CountQuery) ([]upstream.Series, error) {
	return b.Limit(only).series(k, q), ctx.Err()
}
