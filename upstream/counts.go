package upstream

// Count is a row of a counts call: how many events of a kind one sender, or one
// user, had in the window.
type Count struct {
	ID     ID     // of the sender, or of the user with ByUser
	Sender string // the sender's address; empty with ByUser
	Tally
}

// Series is the time series of one sender, or of one user.
type Series struct {
	ID     ID // of the sender, or of the user with ByUser
	Points []Point
}

// Point is one bucket of a time series.
type Point struct {
	Start Time // the UTC hour or day that the bucket begins, even where the window begins later
	Tally
}

// Tally is a number of events. Soft and Hard are of bounces alone and add up to
// Total: the document shows a bounce_count of 0 beside non-zero soft and hard
// counts, so the sum is what counts.
type Tally struct {
	Total int64
	Soft  int64
	Hard  int64
}

// Add is the sum of both, for windows that lie side by side.
func (t Tally) Add(o Tally) Tally {
	return Tally{t.Total + o.Total, t.Soft + o.Soft, t.Hard + o.Hard}
}

// Rollup says what a counts call adds up by: rollup_to.
type Rollup uint8

// The rollups of the document. The API's default is BySender.
const (
	BySender Rollup = iota
	ByUser
)

// Interval is the width of a time series' buckets: timeseries.
type Interval uint8

// The intervals of the document: UTC hours and UTC days.
const (
	Hour Interval = iota + 1
	Day
)

// Seconds is the interval's width.
func (i Interval) Seconds() Time {
	return [...]Time{0, 3600, 86400}[i]
}

// Floor is the start of the bucket that t lies in.
func (i Interval) Floor(t Time) Time {
	w := i.Seconds()
	f := t / w * w
	if f > t { // Go's division rounds towards zero; times before 1970 are negative
		f -= w
	}
	return f
}
