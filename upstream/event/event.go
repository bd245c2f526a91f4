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

	Own
}

// row returns a row of any kind.
func row(i upstream.Identity, t upstream.Texts, own Own) Row {
	return Row{
		UserID: i.UserID, SenderID: i.SenderID, Time: i.Time, EmailID: i.EmailID, Recipient: i.Recipient,
		Local: *t.Local, Domain: *t.Domain, XHeaders: *t.XHeaders, Own: own,
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
		r.passes(&q)
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
