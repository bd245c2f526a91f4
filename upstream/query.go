package upstream

import "deliverygraph/upstream/kind"

// MaxXHeaders is the maximum number of X-… filters of a list call: "up to four".
const MaxXHeaders = 4

// MaxFilter is the maximum length in bytes of a filter's text, which becomes part of a URL. An address has at most 320
// bytes, a header line 998.
const MaxFilter = 1000

// Counted returns the counts call whose rows add up to all rows of the list. It returns false if counts do not support
// the list's filters.
func (q ListQuery) Counted() (CountQuery, bool) {
	taken := q.Sender == "" && q.Domain == "" && q.Local == "" && q.Recipient == "" && len(q.XHeaders) == 0
	for _, f := range kind.Filters {
		taken = taken && (f.Counted || q.Filter(f.Filter) == "")
	}
	return CountQuery{
		Window: q.Window, UserID: q.UserID, SenderID: q.SenderID, BounceType: q.BounceType, Rollup: ByUser,
	}, taken
}

// CountQuery is the question of a counts call, by sender or by user. It takes a sender's id but not its address, as the
// document says.
type CountQuery struct {
	Window     Window
	UserID     ID
	SenderID   ID
	BounceType BounceType // bounces only
	Rollup     Rollup
}

// SeriesQuery is a CountQuery per hour or day.
type SeriesQuery struct {
	CountQuery
	Interval Interval
}

// Header is a custom X-header of an email, or a filter on one.
type Header struct {
	Name  string // including "X-"
	Value string
}

// ID is the key of a user (an account) or of a sender (an approved From address). It is positive; zero means none.
type ID int64
