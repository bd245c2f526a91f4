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
