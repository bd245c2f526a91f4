package storetest

import (
	"cmp"
	"reflect"
	"slices"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Model is a store in its simplest form: slices, sorted and filtered for each question.
type Model struct {
	emails  []upstream.Email
	bounces []upstream.BounceDetail
	blocked []upstream.BlockedEmail
	senders map[upstream.ID]store.Sender
}

// head contains what rows of all kinds have.
type head struct {
	time          upstream.Time
	id, recipient string
	user, sender  upstream.ID
}

func emailHead(x *upstream.Email) head {
	return head{x.ProcessTime, x.EmailID, x.EmailAddress, x.UserID, x.SenderID}
}

func bounceHead(x *upstream.BounceDetail) head {
	return head{x.BounceTime, x.EmailID, x.EmailAddress, x.UserID, x.SenderID}
}

func blockedHead(x *upstream.BlockedEmail) head {
	return head{x.ProcessTime, x.EmailID, x.EmailAddress, x.UserID, x.SenderID}
}

func (h head) compare(o head) int {
	return cmp.Or(cmp.Compare(h.time, o.time), cmp.Compare(h.id, o.id), cmp.Compare(h.recipient, o.recipient),
		cmp.Compare(h.user, o.user), cmp.Compare(h.sender, o.sender))
}

func (o *Model) Write(b store.Batch) store.Written {
	if o.senders == nil {
		o.senders = map[upstream.ID]store.Sender{}
	}
	var w store.Written
	for _, s := range b.Senders {
		known, found := o.senders[s.SenderID]
		note(&w, found, known == s)
		o.senders[s.SenderID] = s
	}
	o.emails = put(&w, o.emails, b.Emails, emailHead)
	o.bounces = put(&w, o.bounces, b.Bounces, bounceHead)
	o.blocked = put(&w, o.blocked, b.BlockedEmails, blockedHead)
	return w
}

func note(w *store.Written, found, same bool) {
	switch {
	case !found:
		w.New++
	case same:
		w.Unchanged++
	default:
		w.Replaced++
	}
}

func put[R any](w *store.Written, rows, more []R, of func(*R) head) []R {
	rows = slices.Clone(rows)
	for _, x := range more {
		at, found := slices.BinarySearchFunc(rows, of(&x), func(r R, h head) int { return of(&r).compare(h) })
		note(w, found, found && reflect.DeepEqual(rows[at], x))
		if found {
			rows[at] = x
		} else {
			rows = slices.Insert(rows, at, x)
		}
	}
	return rows
}

// common reports whether a row passes the filters that all kinds have.
func (o *Model) common(only []upstream.ID, q upstream.ListQuery, h head, local, domain string,
	headers []upstream.Header) bool {
	for _, f := range q.XHeaders {
		if !slices.ContainsFunc(headers, func(x upstream.Header) bool {
			return strings.EqualFold(x.Name, f.Name) &&
				x.Value == f.Value
		}) {
			return false
		}
	}
	s, known := o.senders[h.sender]
	return q.Window.Contains(h.time) && (only == nil || slices.Contains(only, h.user)) &&
		(q.UserID == 0 || h.user == q.UserID) && (q.SenderID == 0 || h.sender == q.SenderID) &&
		(q.Sender == "" || known && s.Address == q.Sender) &&
		(q.Domain == "" || domain == q.Domain) && (q.Local == "" || local == q.Local) &&
		(q.Recipient == "" || h.recipient == q.Recipient)
}

func page[R any](rows []R, offset int) []R {
	rows = rows[min(offset, len(rows)):]
	return rows[:min(len(rows), upstream.PageSize)]
}

func (o *Model) Emails(only []upstream.ID, q upstream.ListQuery) []upstream.Email {
	out := []upstream.Email{}
	for _, x := range o.emails {
		if o.common(only, q, emailHead(&x), x.Local, x.Domain, x.XHeaders) && (!q.Delivered || x.Delivered) {
			out = append(out, x)
		}
	}
	return page(out, q.Offset)
}

func (o *Model) Bounces(only []upstream.ID, q upstream.ListQuery) []upstream.Bounce {
	out := []upstream.Bounce{}
	for _, x := range o.bounces {
		if o.common(only, q, bounceHead(&x), x.Local, x.Domain, x.XHeaders) &&
			(q.BounceType == "" || x.Type == q.BounceType) &&
			(q.BounceCategory == "" || x.Category == q.BounceCategory) {
			out = append(out, x.Bounce)
		}
	}
	return page(out, q.Offset)
}

func (o *Model) BlockedEmails(only []upstream.ID, q upstream.ListQuery) []upstream.BlockedEmail {
	out := []upstream.BlockedEmail{}
	for _, x := range o.blocked {
		if o.common(only, q, blockedHead(&x), x.Local, x.Domain, x.XHeaders) &&
			(q.BlockedReason == "" || x.Reason == q.BlockedReason) {
			out = append(out, x)
		}
	}
	return page(out, q.Offset)
}

func (o *Model) Bounce(only []upstream.ID, k upstream.BounceKey) (upstream.BounceDetail, bool) {
	for _, x := range o.bounces {
		if x.Key() == k && (only == nil || slices.Contains(only, x.UserID)) {
			return x, true
		}
	}
	return upstream.BounceDetail{}, false
}

func (o *Model) Series(only []upstream.ID, k upstream.Kind, q upstream.SeriesQuery) []upstream.Series {
	sums := map[upstream.ID]map[upstream.Time]upstream.Tally{}
	count := func(h head, t upstream.Tally) {
		if !o.common(only, upstream.ListQuery{Window: q.Window, UserID: q.UserID, SenderID: q.SenderID}, h, "", "",
			nil) {
			return
		}
		id, at := h.sender, upstream.Time(0)
		if q.Rollup == upstream.ByUser {
			id = h.user
		}
		if q.Interval != 0 {
			at = q.Interval.Floor(h.time)
		}
		if sums[id] == nil {
			sums[id] = map[upstream.Time]upstream.Tally{}
		}
		sums[id][at] = sums[id][at].Add(t)
	}
	switch k {
	case upstream.Emails:
		for _, x := range o.emails {
			count(emailHead(&x), upstream.Tally{Total: 1})
		}
	case upstream.BlockedEmails:
		for _, x := range o.blocked {
			count(blockedHead(&x), upstream.Tally{Total: 1})
		}
	case upstream.Bounces:
		for _, x := range o.bounces {
			t := upstream.Tally{Total: 1}
			switch x.Type {
			case upstream.Hard:
				t.Hard = 1
			case upstream.Soft:
				t.Soft = 1
			}
			if q.BounceType == "" || x.Type == q.BounceType {
				count(bounceHead(&x), t)
			}
		}
	}
	out := []upstream.Series{}
	for id, m := range sums {
		s := upstream.Series{ID: id}
		for at, t := range m {
			s.Points = append(s.Points, upstream.Point{Start: at, Tally: t})
		}
		slices.SortFunc(s.Points, func(a, b upstream.Point) int { return cmp.Compare(a.Start, b.Start) })
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b upstream.Series) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

func (o *Model) Counts(only []upstream.ID, k upstream.Kind, q upstream.CountQuery) []upstream.Count {
	out := []upstream.Count{}
	for _, s := range o.Series(only, k, upstream.SeriesQuery{CountQuery: q}) {
		c := upstream.Count{ID: s.ID, Tally: s.Points[0].Tally}
		if q.Rollup == upstream.BySender {
			c.Sender = o.senders[s.ID].Address
		}
		out = append(out, c)
	}
	return out
}
