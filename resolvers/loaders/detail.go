package loaders

import (
	"context"

	"deliverygraph/upstream"
)

// Detail loads a bounce in full. The details of several bounces cost a call each.
func (l *Loaders) Detail(ctx context.Context, k upstream.BounceKey) (*upstream.BounceDetail, error) {
	return l.details.one(ctx, k)
}

// Details loads several bounces in full at once. Each key has its value or its error.
func (l *Loaders) Details(ctx context.Context, keys []upstream.BounceKey) (all []*upstream.BounceDetail, errs []error) {
	return l.details.all(ctx, keys)
}

func detailsBatch(ctx context.Context, api upstream.API, keys []upstream.BounceKey, values []*upstream.BounceDetail,
	errs []error) {
	found := make([]upstream.BounceDetail, len(keys))
	upstream.Concurrently(len(keys), func(i int) {
		found[i], errs[i] = api.Bounce(ctx, keys[i])
		values[i] = &found[i]
	})
}
