// Package event views rows of every kind alike, for filters, order and counts. It states these rules once. Tests and
// checks compare answers with them; servers and clients do not use them, because they loop over rows in memory.
//
// Start reading at [Row].
package event

import (
	"cmp"
	"slices"
	"strings"

	"deliverygraph/upstream"
)

// Row is a row of any kind of list.
type Row struct {
	UserID    upstream.ID
	SenderID  upstream.ID
	Time      upstream.Time // by which the kind is filtered and sorted
	EmailID   string
	Recipient string
	Local     string
	Domain    string
	XHeaders  []upstream.Header

	BounceType upstream.BounceType // bounces only
	Category   string              // bounces only
	Delivered  bool                // emails only
	Reason     string              // blocked emails only
}

// OfBounce converts a bounce.
func OfBounce(b upstream.Bounce) Row {
	return Row{
		UserID: b.UserID, SenderID: b.SenderID, Time: b.BounceTime, EmailID: b.EmailID, Recipient: b.EmailAddress,
		Local: b.Local, Domain: b.Domain, XHeaders: b.XHeaders, BounceType: b.Type, Category: b.Category,
	}
}

// OfEmail converts an email.
func OfEmail(e upstream.Email) Row {
	return Row{
		UserID: e.UserID, SenderID: e.SenderID, Time: e.ProcessTime, EmailID: e.EmailID, Recipient: e.EmailAddress,
		Local: e.Local, Domain: e.Domain, XHeaders: e.XHeaders, Delivered: e.Delivered,
	}
}

// OfBlockedEmail converts a blocked email.
func OfBlockedEmail(b upstream.BlockedEmail) Row {
	return Row{
		UserID: b.UserID, SenderID: b.SenderID, Time: b.ProcessTime, EmailID: b.EmailID, Recipient: b.EmailAddress,
		Local: b.Local, Domain: b.Domain, XHeaders: b.XHeaders, Reason: b.Reason,
	}
}

// Matches reports whether r lies in q's window and passes all its filters except the sender's address, which rows do
// not have. It ignores the offset, and the case of domains.
func (r Row) Matches(q upstream.ListQuery) bool {
	for _, wanted := range q.XHeaders {
		if !slices.ContainsFunc(r.XHeaders, func(h upstream.Header) bool {
			return strings.EqualFold(h.Name, wanted.Name) && h.Value == wanted.Value
		}) {
			return false
		}
	}
	return q.Window.Contains(r.Time) &&
		(q.UserID == 0 || q.UserID == r.UserID) &&
		(q.SenderID == 0 || q.SenderID == r.SenderID) &&
		(q.Domain == "" || upstream.LowerDomain(q.Domain) == upstream.LowerDomain(r.Domain)) &&
		(q.Local == "" || q.Local == r.Local) &&
		(q.Recipient == "" || upstream.LowerAddress(q.Recipient) == upstream.LowerAddress(r.Recipient)) &&
		(q.BounceType == "" || q.BounceType == r.BounceType) &&
		(q.BounceCategory == "" || q.BounceCategory == r.Category) &&
		(!q.Delivered || r.Delivered) &&
		(q.BlockedReason == "" || q.BlockedReason == r.Reason)
}

// Compare orders rows as lists do: by time, then email id, then recipient.
func (r Row) Compare(o Row) int {
	return cmp.Or(cmp.Compare(r.Time, o.Time), cmp.Compare(r.EmailID, o.EmailID), cmp.Compare(r.Recipient, o.Recipient))
}

// Same reports whether both rows describe the same event: equal in order, user and sender.
func (r Row) Same(o Row) bool {
	return r.Compare(o) == 0 && r.UserID == o.UserID && r.SenderID == o.SenderID
}

// ID returns the user or sender by which a rollup groups the row.
func (r Row) ID(by upstream.Rollup) upstream.ID {
	if by == upstream.ByUser {
		return r.UserID
	}
	return r.SenderID
}

// Tally returns the counts of this one row.
func (r Row) Tally() upstream.Tally {
	t := upstream.Tally{Total: 1}
	switch r.BounceType {
	case upstream.Soft:
		t.Soft = 1
	case upstream.Hard:
		t.Hard = 1
	}
	return t
}
