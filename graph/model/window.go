package model

import "deliverygraph/upstream"

// wholeHours is how long a relative window must be to start on a whole hour.
const wholeHours = 86400

// UpTo is the window of the duration up to now. One of a day or more starts on a
// whole hour of UTC, the one before: while the hour lasts it keeps its start, and so
// what lies in its past has been asked for already. Shorter ones are exact.
func (d Duration) UpTo(now upstream.Time) upstream.Window {
	start := d.Before(now)
	if now-start >= wholeHours {
		start = upstream.Hour.Floor(start)
	}
	return upstream.Window{Start: start, End: now}
}
