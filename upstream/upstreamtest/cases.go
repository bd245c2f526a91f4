package upstreamtest

import (
	"fmt"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// wholeSample is a window that contains all events of Sample.
var wholeSample = upstream.Window{Start: SampleDay - 2*86400, End: SampleCrowd + 86400}

// crowdedDay is the day with more than two pages of events.
var crowdedDay = upstream.Window{Start: SampleCrowd, End: SampleCrowd + 86400}

// edgeWindows begin or end at or next to the first and last seconds of hours and days, where the sample has events.
var edgeWindows = map[string]upstream.Window{
	"a day":                           {Start: SampleDay, End: SampleDay + 86400},
	"a day without its last second":   {Start: SampleDay, End: SampleDay + 86399},
	"a day and one second":            {Start: SampleDay, End: SampleDay + 86401},
	"a day without its first second":  {Start: SampleDay + 1, End: SampleDay + 86400},
	"two days":                        {Start: SampleDay - 86400, End: SampleDay + 86400},
	"noon to noon":                    {Start: SampleDay - 43200, End: SampleDay + 43200},
	"an hour":                         {Start: SampleDay, End: SampleDay + 3600},
	"an hour without its last second": {Start: SampleDay, End: SampleDay + 3599},
	"an hour and one second":          {Start: SampleDay, End: SampleDay + 3601},
	"an hour without first and last":  {Start: SampleDay + 1, End: SampleDay + 3599},
	"half past to half past":          {Start: SampleDay + 1800, End: SampleDay + 5400},
	"an hour across midnight":         {Start: SampleDay - 1800, End: SampleDay + 1800},
	"one second":                      {Start: SampleDay, End: SampleDay + 1},
	"the last second of a day":        {Start: SampleDay - 1, End: SampleDay},
	"whole days and parts of days":    {Start: SampleDay - 5000, End: SampleDay + 2*86400 + 1},
}

// emptyWindows have no events.
var emptyWindows = map[string]upstream.Window{
	"the second before an event": {Start: SampleDay - 2, End: SampleDay - 1},
	"the second after an event":  {Start: SampleDay + 2, End: SampleDay + 1800},
	"long before":                {Start: 0, End: 86400},
	"long after":                 {Start: 4_000_000_000, End: 4_000_086_400},
}

type listCase struct {
	name  string
	query upstream.ListQuery
	kinds []upstream.Kind
	none  bool // no row matches
}

// taking returns the kinds whose lists have all filters of a query.
func taking(q upstream.ListQuery) (kinds []upstream.Kind) {
	for _, k := range upstream.Kinds {
		if !slices.ContainsFunc(kind.Filters, func(f kind.Field) bool {
			return q.Filter(f.Filter) != "" &&
				!slices.ContainsFunc(kind.Own[k], func(o kind.Field) bool { return o.Filter == f.Filter })
		}) {
			kinds = append(kinds, k)
		}
	}
	return kinds
}

// listCases returns list queries for every parameter alone and for combinations. some adds one that matches rows of all
// kinds that have its filters, none one that matches nothing.
func listCases() []listCase {
	var cases []listCase
	add := func(name string, none bool, set func(q *upstream.ListQuery)) {
		q := upstream.ListQuery{Window: wholeSample}
		set(&q)
		cases = append(cases, listCase{name, q, taking(q), none})
	}
	some := func(name string, set func(q *upstream.ListQuery)) { add(name, false, set) }
	none := func(name string, set func(q *upstream.ListQuery)) { add(name, true, set) }

	some("no filter", func(q *upstream.ListQuery) {})
	some("the crowded day", func(q *upstream.ListQuery) { q.Window = crowdedDay })
	for name, w := range edgeWindows {
		some(name, func(q *upstream.ListQuery) { q.Window = w })
	}
	for name, w := range emptyWindows {
		none(name, func(q *upstream.ListQuery) { q.Window = w })
	}
	for _, offset := range []int{1, 2, 499, 500, 501, 999, 1000, 1001, crowdedRows - 1} {
		some(fmt.Sprintf("offset %d", offset), func(q *upstream.ListQuery) { q.SenderID, q.Offset = crowded, offset })
	}
	for _, offset := range []int{crowdedRows, crowdedRows + 1, 1 << 40} {
		none(fmt.Sprintf("offset %d is past the end", offset), func(q *upstream.ListQuery) {
			q.SenderID, q.Offset = crowded, offset
		})
	}

	some("user", func(q *upstream.ListQuery) { q.UserID = edgesUser })
	some("user id over 32 bits", func(q *upstream.ListQuery) { q.UserID = largeUser })
	none("unknown user", func(q *upstream.ListQuery) { q.UserID = 999 })
	some("sender by id", func(q *upstream.ListQuery) { q.SenderID = edges })
	none("sender of another user", func(q *upstream.ListQuery) { q.UserID, q.SenderID = crowdedUser, edges })
	none("unknown sender id", func(q *upstream.ListQuery) { q.SenderID = 999 })
	some("sender by address", func(q *upstream.ListQuery) { q.Sender = "sender23@example.com" })
	some("sender address with upper-case domain", func(q *upstream.ListQuery) { q.Sender = "sender23@EXAMPLE.COM" })
	none("sender address with upper-case local part", func(q *upstream.ListQuery) { q.Sender = "Sender23@example.com" })
	some("sender address with a plus sign", func(q *upstream.ListQuery) { q.Sender = oddSender })
	none("unknown sender address", func(q *upstream.ListQuery) { q.Sender = "nobody@example.com" })
	none("sender without events", func(q *upstream.ListQuery) { q.Sender = "silent@example.org" })
	some("sender by address and by id", func(q *upstream.ListQuery) {
		q.Sender, q.SenderID = "sender23@example.com", edges
	})
	none("address of one sender and id of another", func(q *upstream.ListQuery) {
		q.Sender, q.SenderID = "sender23@example.com", edgesOther
	})

	some("domain", func(q *upstream.ListQuery) { q.Domain = "example1.com" })
	some("domain in another case", func(q *upstream.ListQuery) { q.Domain = "Example1.COM" })
	none("a part of a domain", func(q *upstream.ListQuery) { q.Domain = "example" })
	some("local part", func(q *upstream.ListQuery) { q.Local = "edge2" })
	none("a part of a local part", func(q *upstream.ListQuery) { q.Local = "edge" })
	for _, b := range Sample().Bounces {
		if b.UserID == oddUser {
			some("recipient "+b.EmailAddress, func(q *upstream.ListQuery) { q.Recipient = b.EmailAddress })
			some("local part "+b.Local, func(q *upstream.ListQuery) { q.Local, q.Domain = b.Local, b.Domain })
		}
	}
	some("recipient with upper-case domain", func(q *upstream.ListQuery) { q.Recipient = "edge2@EXAMPLE.net" })
	none("recipient with upper-case local part", func(q *upstream.ListQuery) { q.Recipient = "EDGE2@example.net" })
	none("unknown recipient", func(q *upstream.ListQuery) { q.Recipient = "nobody@example.com" })
	none("recipient with a wildcard", func(q *upstream.ListQuery) { q.Recipient = "%@example.net" })
	none("recipient and another domain", func(q *upstream.ListQuery) {
		q.Recipient, q.Domain = "edge2@example.com", "example.net"
	})

	header := func(pairs ...string) func(q *upstream.ListQuery) {
		return func(q *upstream.ListQuery) {
			for i := 0; i < len(pairs); i += 2 {
				q.XHeaders[i/2] = upstream.Header{Name: pairs[i], Value: pairs[i+1]}
			}
		}
	}
	some("header", header("X-Campaign", "spring"))
	some("header with a space", header("X-District", "New Hampshire"))
	some("header name in another case", header("x-cAMPAIGN", "spring"))
	none("header value in another case", header("X-Campaign", "Spring"))
	none("part of a header value", header("X-District", "New"))
	none("unknown header", header("X-Nothing", "spring"))
	some("two headers", header("X-Campaign", "spring", "X-District", "Vermont"))
	none("two headers, one unknown", header("X-Campaign", "spring", "X-Nothing", "Vermont"))
	some("four headers", header("X-Odd", "plus+tag", "X-Sum", "50% off + more & \"more\"=better",
		"X-Zulu", "first", "x-alpha", "after it: order is as sent"))

	some("hard", func(q *upstream.ListQuery) { q.BounceType = upstream.Hard })
	some("soft", func(q *upstream.ListQuery) { q.BounceType = upstream.Soft })
	some("category", func(q *upstream.ListQuery) { q.BounceCategory = "quota-issues" })
	some("category not in the catalogue", func(q *upstream.ListQuery) {
		q.BounceCategory = "blockedcontent"
	})
	none("unknown category", func(q *upstream.ListQuery) {
		q.BounceCategory = "nothing"
	})
	none("category of the other type", func(q *upstream.ListQuery) {
		q.BounceCategory, q.BounceType = "quota-issues", upstream.Hard
	})
	some("delivered", func(q *upstream.ListQuery) { q.Delivered = true })
	some("reason", func(q *upstream.ListQuery) { q.BlockedReason = "manual" })
	none("unknown reason", func(q *upstream.ListQuery) {
		q.BlockedReason = "nothing"
	})
	for _, offset := range []int{0, 50} {
		some(fmt.Sprintf("many filters, offset %d", offset), func(q *upstream.ListQuery) {
			*q = upstream.ListQuery{
				Window: upstream.Window{Start: SampleCrowd + 7200, End: SampleCrowd + 10800}, Offset: offset,
				UserID: crowdedUser, SenderID: crowded, Sender: "sender17@example.com", Domain: "example0.com",
				XHeaders: upstream.HeaderFilters{
					{Name: "X-Campaign", Value: "spring"}, {Name: "X-District", Value: "New Hampshire"},
				},
				BounceType: upstream.Hard,
			}
		})
	}
	return cases
}

type countCase struct {
	name  string
	query upstream.CountQuery
	none  bool
}

// countCases returns counts queries for every parameter except rollup and interval.
func countCases(k upstream.Kind) []countCase {
	cases := []countCase{
		{name: "no filter", query: upstream.CountQuery{}},
		{name: "user", query: upstream.CountQuery{UserID: edgesUser}},
		{name: "user id over 32 bits", query: upstream.CountQuery{UserID: largeUser}},
		{name: "unknown user", query: upstream.CountQuery{UserID: 999}, none: true},
		{name: "sender", query: upstream.CountQuery{SenderID: edges}},
		{name: "unknown sender", query: upstream.CountQuery{SenderID: 999}, none: true},
		{name: "user and sender", query: upstream.CountQuery{UserID: edgesUser, SenderID: edgesOther}},
		{
			name: "sender of another user", query: upstream.CountQuery{UserID: crowdedUser, SenderID: edgesOther},
			none: true,
		},
		{name: "sender without events", query: upstream.CountQuery{SenderID: large + 1}, none: true},
	}
	if k == upstream.Bounces {
		cases = append(cases,
			countCase{name: "hard", query: upstream.CountQuery{BounceType: upstream.Hard}},
			countCase{name: "soft of a user", query: upstream.CountQuery{BounceType: upstream.Soft, UserID: edgesUser}})
	}
	for i := range cases {
		cases[i].query.Window = wholeSample
	}
	for name, w := range edgeWindows {
		cases = append(cases, countCase{name: name, query: upstream.CountQuery{Window: w}})
	}
	for name, w := range emptyWindows {
		cases = append(cases, countCase{name: name, query: upstream.CountQuery{Window: w}, none: true})
	}
	return cases
}
