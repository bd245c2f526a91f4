package auth

import (
	"context"

	"deliverygraph/upstream"
)

// ownKey is a layer for calls with the caller's own API key. If the upstream does not accept the key, that is the
// caller's mistake and not the gateway operator's.
func ownKey(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
	answer, err := next.Ask(ctx, q)
	if upstream.CodeOf(err) == upstream.Unauthenticated {
		err = &upstream.Error{Code: upstream.Unauthenticated, Err: err,
			Message: "the metrics API does not accept the API key that was sent: it is mistyped, or no longer valid"}
	}
	return answer, err
}
