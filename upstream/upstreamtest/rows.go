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

// EventsOf returns a bounce, and an email and a blocked email with its fields and the time at which it bounced.
func EventsOf(b upstream.BounceDetail) Rows {
	return Rows{
		Emails: []upstream.Email{{
			UserID: b.UserID, SenderID: b.SenderID, EmailID: b.EmailID,
			EmailAddress: b.EmailAddress, Local: b.Local, Domain: b.Domain,
			ProcessTime: b.BounceTime, XHeaders: b.XHeaders,
		}},
		Bounces: []upstream.BounceDetail{b},
		BlockedEmails: []upstream.BlockedEmail{{
			UserID: b.UserID, SenderID: b.SenderID, EmailID: b.EmailID,
			EmailAddress: b.EmailAddress, Local: b.Local, Domain: b.Domain, Reason: "manual",
			ProcessTime: b.BounceTime, PostbackTime: b.PostbackTime, XHeaders: b.XHeaders,
		}},
	}
}

// Add appends rows.
func (r *Rows) Add(o Rows) {
	r.Senders = append(r.Senders, o.Senders...)
	r.Emails = append(r.Emails, o.Emails...)
	r.Bounces = append(r.Bounces, o.Bounces...)
	r.BlockedEmails = append(r.BlockedEmails, o.BlockedEmails...)
}

// Join returns the rows of both. It shares no slices with them.
func (r Rows) Join(o Rows) (both Rows) {
	both.Add(r)
	both.Add(o)
	return both
}

// Of returns the rows of some users.
func (r Rows) Of(has func(user upstream.ID) bool) (own Rows) {
	own.Senders = filter(r.Senders, func(s *Sender) bool { return has(s.UserID) })
	own.Emails = filter(r.Emails, func(e *upstream.Email) bool { return has(e.UserID) })
	own.Bounces = filter(r.Bounces, func(b *upstream.BounceDetail) bool { return has(b.UserID) })
	own.BlockedEmails = filter(r.BlockedEmails, func(b *upstream.BlockedEmail) bool { return has(b.UserID) })
	return own
}

func filter[R any](rows []R, keep func(*R) bool) (kept []R) {
	for i := range rows {
		if keep(&rows[i]) {
			kept = append(kept, rows[i])
		}
	}
	return kept
}

// Events returns the rows of a kind.
func (r Rows) Events(k upstream.Kind) []upstream.Event {
	switch k {
	case upstream.Bounces:
		return eventsOf(r.Bounces)
	case upstream.Emails:
		return eventsOf(r.Emails)
	default:
		return eventsOf(r.BlockedEmails)
	}
}

// list returns the rows of a kind that pass, as in the answer to a list's question.
func (r Rows) list(k upstream.Kind, passes func(upstream.Event) bool) upstream.Page {
	switch k {
	case upstream.Bounces:
		var bounces []upstream.Bounce
		for _, b := range r.Bounces {
			bounces = append(bounces, b.Bounce)
		}
		return upstream.PageOf(passing(bounces, passes))
	case upstream.Emails:
		return upstream.PageOf(passing(r.Emails, passes))
	default:
		return upstream.PageOf(passing(r.BlockedEmails, passes))
	}
}

func passing[R any, P upstream.Row[R]](rows []R, passes func(upstream.Event) bool) []R {
	return filter(rows, func(r *R) bool { return passes(P(r).Event()) })
}

// sort sorts rows by time, email id and recipient. The order of the same email of two users is not part of the
// contract: by user, then by sender, as the embedded server does.
func (r Rows) sort() {
	sortRows(r.Emails)
	sortRows(r.Bounces)
	sortRows(r.BlockedEmails)
}

func sortRows[R any, P upstream.Row[R]](rows []R) {
	slices.SortFunc(rows, func(a, b R) int { return P(&a).Identity().Compare(P(&b).Identity()) })
}

// Texts calls f with the texts of each row, for tests that change them.
func (r Rows) Texts(f func(upstream.Texts)) {
	textsOf(r.Emails, f)
	textsOf(r.Bounces, f)
	textsOf(r.BlockedEmails, f)
}

func textsOf[R any, P interface {
	*R
	Texts() upstream.Texts
}](rows []R, f func(upstream.Texts)) {
	for i := range rows {
		f(P(&rows[i]).Texts())
	}
}

func eventsOf[R any, P upstream.Row[R]](rows []R) (all []upstream.Event) {
	for i := range rows {
		all = append(all, P(&rows[i]).Event())
	}
	return all
}
