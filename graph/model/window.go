package model

import (
	"io"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/upstream"
)

// Window is a window of time: either two moments, or so much time up to now.
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

// MarshalGQL implements graphql.Marshaler, as gqlgen wants of types that are read by hand: a
// window is in no answer.
func (Window) MarshalGQL(w io.Writer) { graphql.Null.MarshalGQL(w) }

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
