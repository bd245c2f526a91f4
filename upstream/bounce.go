package upstream

// Bounce is a row of GET /bounces: an email that bounced.
type Bounce struct {
	UserID       ID
	SenderID     ID
	EmailID      string     // begins with its process time, as YYYYMMDDhhmmss in UTC
	EmailAddress string     // the recipient
	Local        string     // the recipient's local part
	Domain       string     // the recipient's domain
	Type         BounceType // set by the matching rule, not by the code's first digit
	Category     string     // an open set: see API.BounceCategories
	Code         string     // enhanced status code (RFC 3463), such as "5.1.1"
	BounceTime   Time       // when it bounced; lists are filtered and sorted by it
	ProcessTime  Time       // when the email was processed
	PostbackTime Time       // when a postback was sent; 0 means never
	XHeaders     []Header   // the email's custom headers, in the order sent
	Plain        Plain      // describes all strings above
}

// Key returns the key that identifies the bounce to API.Bounce.
func (b Bounce) Key() BounceKey {
	return BounceKey{UserID: b.UserID, SenderID: b.SenderID, BounceTime: b.BounceTime, EmailID: b.EmailID}
}

// BounceKey identifies a bounce: the parts of GET /bounce/[user_id]/[sender_id]/[bounce_time]/[email_id], in this
// order.
type BounceKey struct {
	UserID     ID
	SenderID   ID
	BounceTime Time
	EmailID    string
}

// BounceDetail is a bounce with all its details.
type BounceDetail struct {
	Bounce
	DiagnosticCode string // the receiving server's response
	RuleName       string // the matching rule; regex_name in the API
	FullContent    string // the bounce message as received, including its headers
}

// BounceType is "hard" or "soft". Other values from a remote server are passed through.
type BounceType string

// The documented bounce types.
const (
	Hard BounceType = "hard"
	Soft BounceType = "soft"
)
