package upstream

import "time"

// Time is a moment in Unix seconds. Rows hold it rather than a time.Time since
// most rows' times are printed and never computed with.
type Time int64

// UTC is the moment as a time.Time in UTC.
func (t Time) UTC() time.Time { return time.Unix(int64(t), 0).UTC() }

// Window is a span of time, half-open: Start belongs to it and End does not, so
// that windows side by side add up. (Settled: the document does not say.)
type Window struct {
	Start Time
	End   Time
}

// NewWindow makes a window, or an [InvalidArgument] error that names end_time
// unless start lies before end.
func NewWindow(start, end Time) (Window, error) {
	if start >= end {
		return Window{}, &Error{Code: InvalidArgument, Parameter: "end_time", Message: "end_time must be later than start_time"}
	}
	return Window{start, end}, nil
}

// Contains says whether t lies in the window.
func (w Window) Contains(t Time) bool { return w.Start <= t && t < w.End }
