package embedded

import (
	"context"

	"deliverygraph/upstream"
)

// Backend is the data behind the endpoints. It is [upstream.API] with one more
// argument: only names the users whose data the caller may see. Nil is all users;
// otherwise whatever belongs to another user is as if it did not exist, so that a
// list leaves it out, a count does not count it and its detail is not found. The
// catalogues are of the service and not of a user, so they are the same for all.
//
// Order, windows and errors are as upstream.API has them. Implementations are
// safe for concurrent use, give up when ctx ends, and neither write to only nor
// keep it.
type Backend interface {
	Bounces(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.Bounce, error)
	Emails(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.Email, error)
	BlockedEmails(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.BlockedEmail, error)
	Bounce(ctx context.Context, only []upstream.ID, k upstream.BounceKey) (upstream.BounceDetail, error)
	Counts(ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error)
	Series(ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error)
	BounceCategories(ctx context.Context) ([]string, error)
	BlockedReasons(ctx context.Context) ([]string, error)
}
