package upstream

// Bounce is a row of GET /bounces: one email that came back.
type Bounce struct {
	UserID       ID
	SenderID     ID
	EmailID      string     // begins with its process time, as YYYYMMDDhhmmss in UTC
	EmailAddress string     // the recipient
	Local        string     // the recipient's local part
	Domain       string     // the recipient's domain
	Type         BounceType // follows the rule that matched, not the code's first digit
	Category     string     // an open set: see API.BounceCategories
	Code         string     // enhanced status code (RFC 3463), such as "5.1.1"
	BounceTime   Time       // when it bounced: what lists are windowed and sorted by
	ProcessTime  Time       // when the email was processed
	PostbackTime Time       // when a postback was sent; 0 is never
	XHeaders     []Header   // the email's custom headers, in the order sent
	Plain        Plain      // of all strings above
}

// Key identifies the bounce to API.Bounce.
func (b Bounce) Key() BounceKey {
	return BounceKey{UserID: b.UserID, SenderID: b.SenderID, BounceTime: b.BounceTime, EmailID: b.EmailID}
}

// BounceKey is what GET /bounce/[user_id]/[sender_id]/[bounce_time]/[email_id]
// takes: all four parts, in this order.
type BounceKey struct {
	UserID     ID
	SenderID   ID
	BounceTime Time
	EmailID    string
}

// BounceDetail is the whole of one bounce.
type BounceDetail struct {
	Bounce
	DiagnosticCode string // what the receiving server said
	RuleName       string // the rule that matched: regex_name in the API
	FullContent    string // the bounce message as it was received, headers and all
}

// BounceType is "hard" or "soft". A remote may send others: they pass through.
type BounceType string

// The bounce types of the document.
const (
	Hard BounceType = "hard"
	Soft BounceType = "soft"
)
