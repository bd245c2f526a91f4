package upstreamtest

import (
	"slices"

	"deliverygraph/upstream"
)

// Rows is the data of a server under test, in any order. Bounces include their details.
// Senders that are missing from Senders have no address.
type Rows struct {
	Senders       []Sender
	Emails        []upstream.Email
	Bounces       []upstream.BounceDetail
	BlockedEmails []upstream.BlockedEmail
}

// Sender is an approved From address of a user.
type Sender struct {
	UserID  upstream.ID
	ID      upstream.ID
	Address string
}

// Join returns the rows of both. It shares no slices with them.
func (r Rows) Join(o Rows) Rows {
	return Rows{
		Senders:       slices.Concat(r.Senders, o.Senders),
		Emails:        slices.Concat(r.Emails, o.Emails),
		Bounces:       slices.Concat(r.Bounces, o.Bounces),
		BlockedEmails: slices.Concat(r.BlockedEmails, o.BlockedEmails),
	}
}
