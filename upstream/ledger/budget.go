package ledger

import (
	"context"
	"fmt"

	"deliverygraph/upstream"
)

// Budget is the API for operations that may make only so many calls: it stands
// directly before the client, behind the cache, so that what is held costs nothing.
// The call that would be one too many fails with an [upstream.Exhausted] error.
func Budget(api upstream.API) upstream.API { return budget{api} }

type budget struct{ api upstream.API }

// spend takes a call from the budget of the operation that ctx belongs to.
func spend(ctx context.Context) error {
	l := From(ctx)
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.o.MaxCalls > 0 && l.calls >= l.o.MaxCalls {
		return &upstream.Error{Code: upstream.Exhausted, Message: fmt.Sprintf(
			"this is missing since the operation has made the %d upstream calls that it may: ask for fewer rows at once (first), for fewer lists in lists, or for fewer bounces with their detail", l.o.MaxCalls)}
	}
	l.calls++
	return nil
}

func within[T any](ctx context.Context, ask func() (T, error)) (T, error) {
	if err := spend(ctx); err != nil {
		var none T
		return none, err
	}
	return ask()
}

func (b budget) Bounces(ctx context.Context, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return within(ctx, func() ([]upstream.Bounce, error) { return b.api.Bounces(ctx, q) })
}

func (b budget) Emails(ctx context.Context, q upstream.ListQuery) ([]upstream.Email, error) {
	return within(ctx, func() ([]upstream.Email, error) { return b.api.Emails(ctx, q) })
}

func (b budget) BlockedEmails(ctx context.Context, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return within(ctx, func() ([]upstream.BlockedEmail, error) { return b.api.BlockedEmails(ctx, q) })
}

func (b budget) Bounce(ctx context.Context, k upstream.BounceKey) (upstream.BounceDetail, error) {
	return within(ctx, func() (upstream.BounceDetail, error) { return b.api.Bounce(ctx, k) })
}

func (b budget) Counts(ctx context.Context, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	return within(ctx, func() ([]upstream.Count, error) { return b.api.Counts(ctx, k, q) })
}

func (b budget) Series(ctx context.Context, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	return within(ctx, func() ([]upstream.Series, error) { return b.api.Series(ctx, k, q) })
}

func (b budget) BounceCategories(ctx context.Context) ([]string, error) {
	return within(ctx, func() ([]string, error) { return b.api.BounceCategories(ctx) })
}

func (b budget) BlockedReasons(ctx context.Context) ([]string, error) {
	return within(ctx, func() ([]string, error) { return b.api.BlockedReasons(ctx) })
}
