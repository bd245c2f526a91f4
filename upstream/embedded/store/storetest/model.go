package storetest

import (
	"cmp"
	"reflect"
	"slices"

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

const blocked = upstream.BlockedEmails

// row is a row of a kind.
type row[R any] interface {
	*R
	Event() upstream.Event
}

// compare orders events as lists do. Events that are equal in order have the order of their users and senders.
func compare(a, b upstream.Event) int {
	return cmp.Or(a.Compare(b), cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.SenderID, b.SenderID))
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
	o.emails = put(&w, o.emails, b.Emails)
	o.bounces = put(&w, o.bounces, b.Bounces)
	o.blocked = put(&w, o.blocked, b.BlockedEmails)
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

func put[R any, P row[R]](w *store.Written, rows, more []R) []R {
	rows = slices.Clone(rows)
	for _, x := range more {
		at, found := slices.BinarySearchFunc(rows, P(&x).Event(), func(r R, e upstream.Event) int {
			return compare(P(&r).Event(), e)
		})
		note(w, found, found && reflect.DeepEqual(rows[at], x))
		if found {
			rows[at] = x
		} else {
			rows = slices.Insert(rows, at, x)
		}
	}
	return rows
}

// passes reports whether a list has an event, on any page.
func (o *Model) passes(only []upstream.ID, q upstream.ListQuery, e upstream.Event) bool {
	s, known := o.senders[e.SenderID]
	return (only == nil || slices.Contains(only, e.UserID)) && (q.Sender == "" || known && s.Address == q.Sender) &&
		e.Matches(q)
}

// ofKind returns a query without the filters that a kind does not have.
func ofKind(k upstream.Kind, q upstream.ListQuery) upstream.ListQuery {
	q.Delivered = q.Delivered && k == upstream.Emails
	if k != upstream.Bounces {
		q.BounceType, q.BounceCategory = "", ""
	}
	if k != blocked {
		q.BlockedReason = ""
	}
	return q
}

// list returns the rows of a list, on all pages.
func list[R any, P row[R]](o *Model, rows []R, only []upstream.ID, q upstream.ListQuery) []R {
	out := []R{}
	for i := range rows {
		if o.passes(only, q, P(&rows[i]).Event()) {
			out = append(out, rows[i])
		}
	}
	return out
}

func page[R any](rows []R, offset int) []R {
	rows = rows[min(offset, len(rows)):]
	return rows[:min(len(rows), upstream.PageSize)]
}

// List returns a page of a list.
func (o *Model) List(only []upstream.ID, k upstream.Kind, q upstream.ListQuery) upstream.Page {
	q = ofKind(k, q)
	switch k {
	case upstream.Emails:
		return upstream.PageOf(page(list(o, o.emails, only, q), q.Offset))
	case upstream.Bounces:
		out := []upstream.Bounce{}
		for _, x := range page(list(o, o.bounces, only, q), q.Offset) {
			out = append(out, x.Bounce)
		}
		return upstream.PageOf(out)
	}
	return upstream.PageOf(page(list(o, o.blocked, only, q), q.Offset))
}

// Emails returns a page of the emails of all users.
func (o *Model) Emails(q upstream.ListQuery) []upstream.Email {
	return o.List(nil, upstream.Emails, q).Rows().([]upstream.Email)
}

// event is an event of any kind. Detail is that of a bounce.
type event struct {
	upstream.Event
	detail *upstream.BounceDetail
}

// events returns the events of a list of any kind, on all pages.
func (o *Model) events(only []upstream.ID, k upstream.Kind, q upstream.ListQuery) (all []event) {
	q = ofKind(k, q)
	switch k {
	case upstream.Emails:
		for _, x := range list(o, o.emails, only, q) {
			all = append(all, event{x.Event(), nil})
		}
	case upstream.Bounces:
		for _, x := range list(o, o.bounces, only, q) {
			all = append(all, event{x.Event(), &x})
		}
	case blocked:
		for _, x := range list(o, o.blocked, only, q) {
			all = append(all, event{x.Event(), nil})
		}
	}
	return all
}

func (o *Model) Bounce(only []upstream.ID, k upstream.BounceKey) (upstream.BounceDetail, bool) {
	for _, x := range o.bounces {
		if x.Key() == k && (only == nil || slices.Contains(only, x.UserID)) {
			return x, true
		}
	}
	return upstream.BounceDetail{}, false
}

func (o *Model) Series(only []upstream.ID, k upstream.Kind, q upstream.CountQuery) []upstream.Series {
	sums := map[upstream.ID]map[upstream.Time]upstream.Tally{}
	for _, e := range o.events(only, k, q.List()) {
		id, at := e.ID(q.Rollup), upstream.Time(0)
		if q.Interval != 0 {
			at = q.Interval.Floor(e.Time)
		}
		if sums[id] == nil {
			sums[id] = map[upstream.Time]upstream.Tally{}
		}
		sums[id][at] = sums[id][at].Add(e.Tally())
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
	for _, s := range o.Series(only, k, q.Per(0)) {
		c := upstream.Count{ID: s.ID, Tally: s.Points[0].Tally}
		if q.Rollup == upstream.BySender {
			c.Sender = o.senders[s.ID].Address
		}
		out = append(out, c)
	}
	return out
}
