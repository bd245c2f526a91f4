package upstream

import (
	"cmp"
	"slices"
	"strings"
)

// Event is a row of any kind, for code that filters, orders and counts rows of all kinds alike. It states these rules
// once. Tests and checks compare answers with them; servers and clients loop over the rows themselves.
type Event struct {
	Identity
	Local, Domain string
	XHeaders      []Header

	Own
}

// Events returns the rows of a page.
func Events(p Page) []Event {
	all := make([]Event, p.Len())
	for i := range all {
		all[i] = p.Event(i)
	}
	return all
}

func event(i Identity, t Texts, own Own) Event {
	return Event{i, *t.Local, *t.Domain, *t.XHeaders, own}
}

// Matches reports whether r lies in q's window and passes all its filters except the sender's address, which rows do
// not have. It ignores the offset, and the case of domains.
func (r Event) Matches(q ListQuery) bool {
	for _, wanted := range q.Headers() {
		if !slices.ContainsFunc(r.XHeaders, func(h Header) bool {
			return strings.EqualFold(h.Name, wanted.Name) && h.Value == wanted.Value
		}) {
			return false
		}
	}
	return q.Window.Contains(r.Time) &&
		(q.UserID == 0 || q.UserID == r.UserID) &&
		(q.SenderID == 0 || q.SenderID == r.SenderID) &&
		(q.Domain == "" || LowerDomain(q.Domain) == LowerDomain(r.Domain)) &&
		(q.Local == "" || q.Local == r.Local) &&
		(q.Recipient == "" || LowerAddress(q.Recipient) == LowerAddress(r.Recipient)) &&
		r.passes(&q)
}

// Compare orders rows as lists do: by time, then email id, then recipient.
func (r Event) Compare(o Event) int {
	return cmp.Or(cmp.Compare(r.Time, o.Time), cmp.Compare(r.EmailID, o.EmailID), cmp.Compare(r.Recipient, o.Recipient))
}

// ID returns the user or sender by which a rollup groups the row.
func (r Event) ID(by Rollup) ID {
	if by == ByUser {
		return r.UserID
	}
	return r.SenderID
}

// Tally returns the counts of this one row.
func (r Event) Tally() Tally {
	t := Tally{Total: 1}
	switch r.BounceType {
	case Soft:
		t.Soft = 1
	case Hard:
		t.Hard = 1
	}
	return t
}
