package auth

import (
	"context"

	"deliverygraph/upstream"
)

// ownKey is a layer around an API that is asked with the caller's own key. If the upstream
// does not accept that key, the caller is told, and not the gateway's operator.
func ownKey(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
	answer, err := next.Ask(ctx, q)
	if upstream.CodeOf(err) == upstream.Unauthenticated {
		err = &upstream.Error{Code: upstream.Unauthenticated, Err: err,
			Message: "the metrics API does not accept the API key that was sent: it is mistyped, or no longer valid"}
	}
	return answer, err
}
