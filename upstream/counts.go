package upstream

// Count is a row of a counts call: the number of events of one sender or user in the window.
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
	Start Time // start of the UTC hour or day, even if the window begins later
	Tally
}

// Tally is a number of events. Soft and Hard apply only to bounces, and add up to Total: the document shows a
// bounce_count of 0 beside non-zero soft and hard counts, so Total is their sum.
type Tally struct {
	Total int64
	Soft  int64
	Hard  int64
}

// Add returns the sum of both, for adjacent windows.
func (t Tally) Add(o Tally) Tally {
	return Tally{t.Total + o.Total, t.Soft + o.Soft, t.Hard + o.Hard}
}

// Rollup says what a counts call groups by: rollup_to.
type Rollup uint8

// The documented rollups. The API's default is BySender.
const (
	BySender Rollup = iota
	ByUser
)

// Interval is the width of a time series' buckets: timeseries.
type Interval uint8

// The documented intervals: UTC hours and UTC days.
const (
	Hour Interval = iota + 1
	Day
)

// Seconds returns the interval's width.
func (i Interval) Seconds() Time {
	return [...]Time{0, 3600, 86400}[i]
}

// Floor returns the start of the bucket that contains t.
func (i Interval) Floor(t Time) Time {
	w := i.Seconds()
	f := t / w * w
	if f > t { // Go's division truncates toward zero, and times before 1970 are negative
		f -= w
	}
	return f
}

// Ceil returns the end of the last bucket that begins before t, which is t itself if a bucket begins there.
func (i Interval) Ceil(t Time) Time { return i.Floor(t + i.Seconds() - 1) }

// DecodeCodes decodes the answer to GET /bounce/categories or GET /blocked-email/reasons, with or without an envelope,
// in the order sent. Any non-empty string is a code, because the sets are open. Errors have the code [InvalidResponse].
func DecodeCodes(body string) ([]string, error) {
	return decodeRows(body, func(l *lexer, code *string) {
		*code = l.str("code")
		l.need("code", *code != "")
	})
}

// AppendCodes appends the answer to GET /bounce/categories or GET /blocked-email/reasons to dst.
func AppendCodes(dst []byte, codes []string) []byte {
	return appendData(dst, codes, appendString)
}
