package upstreamtest

import (
	"cmp"
	"slices"
	"strings"

	"deliverygraph/upstream"
)

// An event is a row of any kind, as filters, order and counts see it.
type event struct {
	user, sender upstream.ID
	time         upstream.Time // what the kind is windowed and sorted by
	emailID      string
	recipient    string
	local        string
	domain       string
	headers      []upstream.Header

	bounce    upstream.BounceType // bounces only
	category  string              // bounces only
	delivered bool                // emails only
	reason    string              // blocked emails only
}

func bounceEvent(b upstream.Bounce) event {
	return event{
		user: b.UserID, sender: b.SenderID, time: b.BounceTime, emailID: b.EmailID, recipient: b.EmailAddress,
		local: b.Local, domain: b.Domain, headers: b.XHeaders, bounce: b.Type, category: b.Category,
	}
}

func emailEvent(e upstream.Email) event {
	return event{
		user: e.UserID, sender: e.SenderID, time: e.ProcessTime, emailID: e.EmailID, recipient: e.EmailAddress,
		local: e.Local, domain: e.Domain, headers: e.XHeaders, delivered: e.Delivered,
	}
}

func blockedEvent(b upstream.BlockedEmail) event {
	return event{
		user: b.UserID, sender: b.SenderID, time: b.ProcessTime, emailID: b.EmailID, recipient: b.EmailAddress,
		local: b.Local, domain: b.Domain, headers: b.XHeaders, reason: b.Reason,
	}
}

// matches says whether the event passes all filters but the sender's address, which
// rows do not have.
func (e event) matches(q upstream.ListQuery) bool {
	for _, wanted := range q.XHeaders {
		if !slices.ContainsFunc(e.headers, func(h upstream.Header) bool {
			return strings.EqualFold(h.Name, wanted.Name) && h.Value == wanted.Value
		}) {
			return false
		}
	}
	return q.Window.Contains(e.time) &&
		(q.UserID == 0 || q.UserID == e.user) &&
		(q.SenderID == 0 || q.SenderID == e.sender) &&
		(q.Domain == "" || q.Domain == e.domain) &&
		(q.Local == "" || q.Local == e.local) &&
		(q.Recipient == "" || q.Recipient == e.recipient) &&
		(q.BounceType == "" || q.BounceType == e.bounce) &&
		(q.BounceCategory == "" || q.BounceCategory == e.category) &&
		(!q.Delivered || e.delivered) &&
		(q.BlockedReason == "" || q.BlockedReason == e.reason)
}

// compare is the order of lists.
func (e event) compare(o event) int {
	return cmp.Or(cmp.Compare(e.time, o.time), cmp.Compare(e.emailID, o.emailID), cmp.Compare(e.recipient, o.recipient))
}

// id is what a rollup adds the event up by.
func (e event) id(r upstream.Rollup) upstream.ID {
	if r == upstream.ByUser {
		return e.user
	}
	return e.sender
}

// tally counts the event alone.
func (e event) tally() upstream.Tally {
	t := upstream.Tally{Total: 1}
	switch e.bounce {
	case upstream.Soft:
		t.Soft = 1
	case upstream.Hard:
		t.Hard = 1
	}
	return t
}
