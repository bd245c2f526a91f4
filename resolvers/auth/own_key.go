package auth

import (
	"context"

	"deliverygraph/upstream"
)

// ownKey is the API asked with the caller's own key: that the upstream does not accept
// it is the caller's fault, and no longer the gateway's.
type ownKey struct{ upstream.API }

func blame(err error) error {
	if upstream.CodeOf(err) == upstream.Unauthenticated {
		return &upstream.Error{Code: upstream.Unauthenticated, Err: err,
			Message: "the metrics API does not accept the API key that was sent: it is mistyped, or no longer valid"}
	}
	return err
}

func (o ownKey) Bounces(ctx context.Context, q upstream.ListQuery) ([]upstream.Bounce, error) {
	rows, err := o.API.Bounces(ctx, q)
	return rows, blame(err)
}

func (o ownKey) Emails(ctx context.Context, q upstream.ListQuery) ([]upstream.Email, error) {
	rows, err := o.API.Emails(ctx, q)
	return rows, blame(err)
}

func (o ownKey) BlockedEmails(ctx context.Context, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	rows, err := o.API.BlockedEmails(ctx, q)
	return rows, blame(err)
}

func (o ownKey) Bounce(ctx context.Context, k upstream.BounceKey) (upstream.BounceDetail, error) {
	d, err := o.API.Bounce(ctx, k)
	return d, blame(err)
}

func (o ownKey) Counts(ctx context.Context, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	rows, err := o.API.Counts(ctx, k, q)
	return rows, blame(err)
}

func (o ownKey) Series(ctx context.Context, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	rows, err := o.API.Series(ctx, k, q)
	return rows, blame(err)
}

func (o ownKey) BounceCategories(ctx context.Context) ([]string, error) {
	codes, err := o.API.BounceCategories(ctx)
	return codes, blame(err)
}

func (o ownKey) BlockedReasons(ctx context.Context) ([]string, error) {
	codes, err := o.API.BlockedReasons(ctx)
	return codes, blame(err)
}
