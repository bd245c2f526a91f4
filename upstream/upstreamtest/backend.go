package upstreamtest

import (
	"context"

	"deliverygraph/upstream"
)

// Backend makes a [Model] a backend of the embedded server, a store.Reader.
type Backend struct{ *Model }

// Bounces implements store.Reader.
func (b Backend) Bounces(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return b.Limit(only).Bounces(ctx, q)
}

// Emails implements store.Reader.
func (b Backend) Emails(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.Email, error) {
	return b.Limit(only).Emails(ctx, q)
}

// BlockedEmails implements store.Reader.
func (b Backend) BlockedEmails(ctx context.Context, only []upstream.ID,
	q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return b.Limit(only).BlockedEmails(ctx, q)
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
	q upstream.SeriesQuery) ([]upstream.Series, error) {
	return b.Limit(only).Series(ctx, k, q)
}
