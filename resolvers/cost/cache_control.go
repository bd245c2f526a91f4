package cost

import (
	"context"
	"fmt"
	"time"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/ledger"
)

// maxAge is the most that is said of an answer, however final its parts are.
const maxAge = time.Hour

// CacheControl is the Cache-Control header of the answer to a GET, once its operation
// has run without an error: no longer than its least fresh part may be shown, and no
// longer than an answer about now where a window ends now, since that is another one
// by then. It is no-store where a part is not kept or stale, or the operation is
// explained, and empty where nothing was asked of the upstream.
func (e Extension) CacheControl(ctx context.Context) string {
	l := ledger.From(ctx)
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
	case sum.Moves:
		left = min(left, e.o.Fresh)
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
