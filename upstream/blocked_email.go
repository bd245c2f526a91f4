package upstream

// BlockedEmail is a row of GET /blocked-emails: an email that was not sent because its recipient is suppressed.
type BlockedEmail struct {
	UserID       ID
	SenderID     ID
	EmailID      string // begins with its process time, as YYYYMMDDhhmmss in UTC
	EmailAddress string // the recipient
	Local        string // the recipient's local part
	Domain       string // the recipient's domain
	Reason       string // an open set: see API.BlockedReasons
	ProcessTime  Time   // lists are filtered and sorted by it
	PostbackTime Time   // when a postback was sent; 0 means never
	XHeaders     []Header
	Plain        Plain // describes all strings above
}
