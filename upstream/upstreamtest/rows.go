package upstreamtest

import (
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Rows is the data of a server under test, in any order. Senders that are missing from Senders have no address.
type Rows = store.Batch

// RowsOf returns the rows of an email to one recipient, all with the time of e: the email, its bounce if e has a type,
// and the blocked email if e has a reason.
func RowsOf(e store.Event) (rows Rows) {
	for _, k := range upstream.Kinds {
		switch k {
		case upstream.Emails:
		case upstream.Bounces:
			if e.Type == "" {
				continue
			}
		default:
			if e.Reason == "" {
				continue
			}
		}
		rows.Add(k, e)
	}
	return rows
}

// OfUsers returns the rows of some users.
func OfUsers(rows Rows, has func(user upstream.ID) bool) Rows {
	own := rows.Select(func(_ upstream.Kind, e upstream.Event) bool { return has(e.UserID) })
	own.Senders = slices.DeleteFunc(slices.Clone(rows.Senders), func(s store.Sender) bool { return !has(s.UserID) })
	return own
}

// Texts calls f with the texts of each row, for tests that change them.
func Texts(rows Rows, f func(upstream.Texts)) {
	for _, k := range upstream.Kinds {
		page := rows.Of(k)
		for i := range page.Len() {
			f(page.Texts(i))
		}
	}
}
