package upstreamtest

import (
	"context"

	"deliverygraph/upstream"
	"deliverygraph/upstream/grouped"
)

// Backend makes a [Model] a backend of the embedded server, a store.Reader.
type Backend struct{ *Model }

// Ask implements store.Reader.
func (b Backend) Ask(
	ctx context.Context, only []upstream.ID, q *upstream.Question, p *grouped.Providers,
) (any, error) {
	return b.Limit(only).ask(ctx, q, p)
}
