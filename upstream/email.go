package upstream

// Email is a row of GET /emails: one email to one recipient, delivered or not.
type Email struct {
	UserID       ID
	SenderID     ID
	EmailID      string // begins with its process time, as YYYYMMDDhhmmss in UTC
	EmailAddress string // the recipient
	Local        string // the recipient's local part
	Domain       string // the recipient's domain
	ProcessTime  Time   // what lists are windowed and sorted by
	Delivered    bool   // false: bounced, or blocked from sending
	Plain        Plain  // of all strings of the row
	XHeaders     []Header
}
