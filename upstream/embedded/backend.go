package embedded

import (
	"context"

	"deliverygraph/upstream"
)

// Backend provides the data behind the endpoints. It is [upstream.API] with one more
// argument: only lists the users whose data the caller may see, or is nil for all
// users. Data of other users is treated as if it did not exist: lists and counts omit
// it, and its details are not found. The catalogues belong to the service, not to a
// user, so they are the same for all callers.
//
// Order, windows and errors are those of upstream.API. Implementations must be safe
// for concurrent use and return when ctx ends. They must neither modify only nor
// retain it.
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
