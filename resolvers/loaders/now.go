package loaders

import (
	"time"

	"deliverygraph/upstream"
)

// Now returns the end of the relative windows of an operation that begins at t, and until when it is current.
// All operations that begin within the same span of the given length share it, on every gateway: it is t rounded
// up to a multiple of that length since the start of Unix time. What one operation asked about a window up to now is
// therefore found in the cache by the next one, and windows lack no event that has happened.
//
// Answers stay as fresh as the cache keeps them for the same length: a cached answer lacks the events that arrived
// after it, but no operation asks for it once the span is over.
//
// The length counts in whole seconds, as windows do. If it is less than a second, nothing is shared.
func Now(t time.Time, shared time.Duration) (now upstream.Time, until time.Time) {
	step := max(1, int64(shared/time.Second))
	end := (t.Add(-1).Unix()/step + 1) * step
	if shared < time.Second {
		return upstream.Time(end), t
	}
	return upstream.Time(end), time.Unix(end, 0)
}
