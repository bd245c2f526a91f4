package auth

import (
	"context"

	"deliverygraph/upstream"
)

var errNoMetrics = refuse(upstream.PermissionDenied,
	"reading anything needs the scope metrics:read, which this caller has not been given")

// denied is a layer that refuses every call of a caller who may not read metrics.
func denied(context.Context, *upstream.Question, upstream.Asker) (any, error) {
	return nil, errNoMetrics
}
