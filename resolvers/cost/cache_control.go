package cost

import (
	"context"
	"fmt"
	"time"

	"deliverygraph/internal/auth"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream/cached"
)

// maxAge is the maximum max-age of an answer, even if no part of it can change any more.
const maxAge = time.Hour

// CacheControl returns the Cache-Control header of the answer to a GET whose operation has run without an error.
// The answer may be kept as long as its least fresh part is fresh and, if a window ends now, until other operations
// get a later now. The header is no-store if a part is stale or not cached, or if the operation is explained. It is
// empty if the operation asked the upstream nothing.
func (e Extension) CacheControl(ctx context.Context) string {
	l := operation.From(ctx)
	if l == nil {
		return "no-store"
	}
	sum := l.Summary()
	left, held := sum.Left()
	switch {
	case noted(ctx).asked != nothing:
		return "no-store"
	case !held && sum.Sent+sum.Joined+sum.Unsent == 0:
		return ""
	case !held:
		return "no-store"
	case !sum.Until.IsZero():
		left = min(left, sum.Until.Sub(e.o.Now()))
	}
	if left < cached.Forever { // a second that has begun may be over
		left = left.Truncate(time.Second)
	}
	seconds := min(left, maxAge) / time.Second
	switch {
	case seconds <= 0:
		return "no-store"
	case auth.FromContext(ctx).Name != "":
		return fmt.Sprintf("private, max-age=%d", seconds)
	}
	return fmt.Sprintf("max-age=%d", seconds)
}
