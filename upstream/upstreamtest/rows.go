package upstreamtest

import (
	"slices"

	"deliverygraph/upstream"
)

// Rows is all that a server under test is to hold, in any order. Bounces come with
// their details. A sender that rows name and Senders does not has no address.
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

// Join is the rows of both.
func (r Rows) Join(o Rows) Rows {
	return Rows{
		Senders:       slices.Concat(r.Senders, o.Senders),
		Emails:        slices.Concat(r.Emails, o.Emails),
		Bounces:       slices.Concat(r.Bounces, o.Bounces),
		BlockedEmails: slices.Concat(r.BlockedEmails, o.BlockedEmails),
	}
}
