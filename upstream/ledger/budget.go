package ledger

import (
	"context"
	"fmt"

	"deliverygraph/upstream"
)

// Budget is the API for operations that may make only so many calls: it stands
// directly before the client, behind the cache, so that what is held costs nothing.
// The call that would be one too many fails with an [upstream.Exhausted] error.
func Budget(api upstream.API) upstream.API {
	return upstream.Around(api, func(ctx context.Context, q upstream.Question, next upstream.Asker) (any, error) {
		if err := spend(ctx); err != nil {
			return nil, err
		}
		return next.Ask(ctx, q)
	})
}

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
