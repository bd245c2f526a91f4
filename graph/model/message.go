package model

import (
	"time"

	"deliverygraph/upstream"
)

// Message is an email as it was sent, to one or more recipients.
type Message struct {
	EmailID        string
	ProcessedAt    upstream.Time
	RecipientCount int64
	Recipients     []*MessageRecipient
}

// MessageRecipient is a recipient of a message.
type MessageRecipient struct{ Email *Email }

// Recipient returns the recipient's address.
func (r *MessageRecipient) Recipient() string { return r.Email.Row.EmailAddress }

const (
	// MaxRecipients is the maximum number of recipients of a message that are returned.
	MaxRecipients = 500
	// MaxMessagePages is the maximum number of upstream pages that are searched for a message.
	MaxMessagePages = 20
)

// ProcessedAt returns the second that an email id begins with, if it begins with one.
func ProcessedAt(emailID string) (upstream.Time, bool) {
	const layout = "20060102150405"
	if len(emailID) <= len(layout) || emailID[len(layout)] != '.' {
		return 0, false
	}
	t, err := time.Parse(layout, emailID[:len(layout)])
	return upstream.Time(t.Unix()), err == nil
}

// SentPage is a page of emails. What became of them is looked up for all of them together.
type SentPage struct {
	Emails []Email
	End    upstream.Time // before which it became so; 0 means within [MaxDelay] of each email
}

// MaxDelay is how many seconds after an email was processed its bounce is looked for. Servers give up delivering after
// about five days.
const MaxDelay = 7 * 86400

// Until returns the time before which the email bounced, if it did.
func (p *SentPage) Until(e *upstream.Email) upstream.Time {
	if p.End != 0 {
		return p.End
	}
	return e.ProcessTime + MaxDelay
}

// OnPage makes the emails of a page known to each other.
func OnPage(all []Email) {
	p := &SentPage{Emails: all}
	for i := range all {
		all[i].Page = p
	}
}
