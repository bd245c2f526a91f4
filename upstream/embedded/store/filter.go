package store

import (
	"cmp"
	"slices"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// Filters collects conditions on events in the language of a store. All must hold.
type Filters interface {
	// OneOf requires that a column has one of some values, which are texts or int64, each given once. Without any,
	// nothing matches.
	OneOf(column string, values ...any)
	// Flag requires that a column is true.
	Flag(column string)
	// Local and Domain require a part of the recipient's address. The domain is in lower case.
	Local(local string)
	Domain(domain string)
	// Recipient requires an address, whose domain is in lower case, or what is stored as its parts.
	Recipient(local, domain, address string)
	// Header requires a header. Its name is folded.
	Header(h upstream.Header)
}

// Filter adds the filters of a list, whose caller may see the events of some users; nil is all. Senders returns the ids
// of those with an address. Those filters that tend to match the fewest events come last.
func Filter(
	f Filters, k upstream.Kind, q *upstream.ListQuery, only []upstream.ID, senders func(address string) []any,
) {
	for _, own := range kind.Own[k] {
		column := cmp.Or(own.Column, own.REST)
		switch value := q.Filter(own.Filter); {
		case value == "":
		case own.Type == kind.Flag:
			f.Flag(column)
		default:
			f.OneOf(column, value)
		}
	}
	if q.Local != "" {
		f.Local(q.Local)
	}
	if q.UserID != 0 {
		visible := only == nil || slices.Contains(only, q.UserID)
		only = []upstream.ID{q.UserID}
		if !visible {
			only = []upstream.ID{}
		}
	}
	if only != nil {
		var users []any
		for _, id := range slices.Compact(slices.Sorted(slices.Values(only))) {
			users = append(users, int64(id))
		}
		f.OneOf("user_id", users...)
	}
	if q.Sender != "" {
		f.OneOf("sender_id", senders(q.Sender)...)
	}
	if q.SenderID != 0 {
		f.OneOf("sender_id", int64(q.SenderID))
	}
	if q.Domain != "" {
		f.Domain(upstream.LowerDomain(q.Domain))
	}
	for _, h := range q.Headers() {
		f.Header(upstream.Header{Name: FoldHeader(h.Name), Value: h.Value})
	}
	address := upstream.LowerAddress(q.Recipient)
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		f.Recipient(address[:at], address[at+1:], address)
	} else if address != "" {
		f.OneOf("address", address)
	}
}
