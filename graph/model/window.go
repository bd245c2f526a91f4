package model

import (
	"io"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/upstream"
)

// Window is a window of time: either between two moments, or the last duration up to now.
type Window struct {
	Between *WindowBetween
	Last    *Duration
}

// UnmarshalGQL implements graphql.Unmarshaler.
func (w *Window) UnmarshalGQL(v any) (err error) {
	m, _ := v.(map[string]any)
	if between, ok := m["between"].(map[string]any); ok {
		w.Between = &WindowBetween{}
		if w.Between.Start, err = UnmarshalDateTime(between["start"]); err != nil {
			return err
		}
		if w.Between.End, err = UnmarshalDateTime(between["end"]); err != nil {
			return err
		}
	}
	if m["last"] != nil {
		w.Last = new(Duration)
		*w.Last, err = UnmarshalDuration(m["last"])
	}
	return err
}

// MarshalGQL implements graphql.Marshaler, which gqlgen requires. Windows are never part of an answer.
func (Window) MarshalGQL(w io.Writer) { graphql.Null.MarshalGQL(w) }

// wholeHours is the duration in seconds from which on a relative window starts on a whole hour.
const wholeHours = 86400

// UpTo returns the window of length d that ends now. If it is a day or longer, its start is rounded down to a whole
// hour in UTC. The start then stays the same for an hour, so that answers about the past can be cached. Shorter windows
// are exact.
func (d Duration) UpTo(now upstream.Time) upstream.Window {
	start := d.Before(now)
	if now-start >= wholeHours {
		start = upstream.Hour.Floor(start)
	}
	return upstream.Window{Start: start, End: now}
}
