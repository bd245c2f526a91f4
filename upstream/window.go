package upstream

import "time"

// Time is a moment in Unix seconds. Rows do not use time.Time, because most times are only printed.
type Time int64

// UTC returns the moment as a time.Time in UTC.
func (t Time) UTC() time.Time { return time.Unix(int64(t), 0).UTC() }

// Window is a half-open span of time: it contains Start but not End, so adjacent windows add up. (Our decision: the
// document does not say.)
type Window struct {
	Start Time
	End   Time
}

// NewWindow returns a window. If start is not before end, it returns an [InvalidArgument] error that names end_time.
func NewWindow(start, end Time) (Window, error) {
	if start >= end {
		return Window{}, &Error{
			Code: InvalidArgument, Parameter: "end_time", Message: "end_time must be later than start_time",
		}
	}
	return Window{start, end}, nil
}

// Contains reports whether t lies in the window.
func (w Window) Contains(t Time) bool { return w.Start <= t && t < w.End }
