package embedded_test

import (
	"context"

	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// modelBackend adapts upstreamtest.Model to store.Reader.
type modelBackend struct{ *upstreamtest.Model }

func (m modelBackend) Bounces(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return m.Limit(only).Bounces(ctx, q)
}

func (m modelBackend) Emails(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.Email, error) {
	return m.Limit(only).Emails(ctx, q)
}

func (m modelBackend) BlockedEmails(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return m.Limit(only).BlockedEmails(ctx, q)
}

func (m modelBackend) Bounce(ctx context.Context, only []upstream.ID, k upstream.BounceKey) (upstream.BounceDetail, error) {
	return m.Limit(only).Bounce(ctx, k)
}

func (m modelBackend) Counts(ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	return m.Limit(only).Counts(ctx, k, q)
}

func (m modelBackend) Series(ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	return m.Limit(only).Series(ctx, k, q)
}
