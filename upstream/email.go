package upstream

// Email is a row of GET /emails: an email to one recipient, delivered or not.
type Email struct {
	UserID       ID
	SenderID     ID
	EmailID      string // begins with its process time, as YYYYMMDDhhmmss in UTC
	EmailAddress string // the recipient
	Local        string // the recipient's local part
	Domain       string // the recipient's domain
	ProcessTime  Time   // lists are filtered and sorted by it
	Delivered    bool   // false if it bounced or was blocked
	Plain        Plain  // describes all strings of the row
	XHeaders     []Header
}
