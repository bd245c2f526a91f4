package upstream

// MaxXHeaders is how many X-… filters a list call takes: "up to four".
const MaxXHeaders = 4

// MaxFilter is the most bytes of a text that lists are filtered by: it becomes part of a URL. An
// address has at most 320, a line of a header 998.
const MaxFilter = 1000

// ListQuery is what a list call asks. Its zero fields filter nothing; filters
// that are given must all hold.
type ListQuery struct {
	Window Window
	Offset int // rows to skip, in list order

	UserID   ID
	SenderID ID
	Sender   string // the sender's address; the API takes digits alone for an id

	Domain    string   // the recipient's domain; like those of addresses in lower case: see LowerDomain
	Local     string   // the recipient's local part, exactly
	Recipient string   // the recipient's address
	XHeaders  []Header // names match without regard to case, values exactly; at most MaxXHeaders, each name once and no value empty

	BounceType     BounceType // bounces only
	BounceCategory string     // bounces only
	Delivered      bool       // emails only: true lists delivered emails alone, false all
	BlockedReason  string     // blocked emails only
}

// Counted is the counts call whose rows add up to the rows of the list, whatever the
// offset, and false where counts do not take the list's filters.
func (q ListQuery) Counted() (CountQuery, bool) {
	taken := q.Sender == "" && q.Domain == "" && q.Local == "" && q.Recipient == "" && len(q.XHeaders) == 0 &&
		q.BounceCategory == "" && !q.Delivered && q.BlockedReason == ""
	return CountQuery{Window: q.Window, UserID: q.UserID, SenderID: q.SenderID, BounceType: q.BounceType, Rollup: ByUser}, taken
}

// CountQuery is what a counts call asks, by sender or by user. It takes a
// sender's id and not its address, as the document has it.
type CountQuery struct {
	Window     Window
	UserID     ID
	SenderID   ID
	BounceType BounceType // bounces only
	Rollup     Rollup
}

// SeriesQuery is a CountQuery per hour or per day.
type SeriesQuery struct {
	CountQuery
	Interval Interval
}

// Header is a custom X-header of an email: one of its own, or a filter on them.
type Header struct {
	Name  string // with its "X-"
	Value string
}

// ID is the natural key of a user (an account) or of a sender (an approved From
// address): a positive number. Zero means none.
type ID int64
