package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// filterNames returns the names of the filters of a kind's list.
func filterNames(k upstream.Kind) (names []string) {
	for _, f := range kind.All[k].Fields {
		if f.Filter != "" {
			names = append(names, f.Filter)
		}
	}
	if k == upstream.Emails { // once is enough to show whether the case of names counts
		names = append(names, lowerCaseHeader)
	}
	return append(names, "sender", "X-…")
}

// lowerCaseHeader is the filter by a header whose name is given in lower case.
const lowerCaseHeader = "x-…"

// filterBy returns the queries with the named filter alone that match a row, as the gateway sends them: with domains in
// lower case. There are none if the row has no value, and several if it has several headers. Address is that of the
// row's sender.
func filterBy(name string, r upstream.Event, address string) (all []upstream.ListQuery) {
	var q upstream.ListQuery
	switch name {
	case "user_id":
		q.UserID = r.UserID
	case "sender_id":
		q.SenderID = r.SenderID
	case "sender":
		q.Sender = upstream.LowerAddress(address)
	case "domain":
		q.Domain = upstream.LowerDomain(r.Domain)
	case "local":
		q.Local = r.Local
	case "recipient":
		q.Recipient = upstream.LowerAddress(r.Recipient)
	case "delivered":
		q.Delivered = r.Delivered
	case "bounce_type":
		if r.BounceType == upstream.Hard || r.BounceType == upstream.Soft {
			q.BounceType = r.BounceType
		}
	case "bounce_category":
		q.BounceCategory = r.BounceCategory
	case "blocked_reason":
		q.BlockedReason = r.BlockedReason
	case "X-…", lowerCaseHeader:
		for _, h := range r.XHeaders {
			if name == lowerCaseHeader {
				h.Name = strings.ToLower(h.Name)
			}
			if h.Value != "" && upstream.IsHeaderName(h.Name) {
				all = append(all, upstream.ListQuery{XHeaders: upstream.HeaderFilters{h}})
			}
		}
		return all
	}
	if q == (upstream.ListQuery{}) {
		return nil
	}
	return []upstream.ListQuery{q}
}

// elsewhere are events that a server probably does not have, to filter by what no row has.
var elsewhere = []upstream.Event{
	{
		Identity: upstream.Identity{UserID: noID, SenderID: noID, Recipient: noAddress},
		Local:    "no.such.user", Domain: "no-such-domain.invalid",
		Own: upstream.Own{
			Delivered: true, BounceType: upstream.Hard, BounceCategory: "virus-related", BlockedReason: "manual",
		},
	},
	{Own: upstream.Own{BounceType: upstream.Soft, BounceCategory: "routing-errors", BlockedReason: "complaint"}},
}

// An id and an address that nothing has.
const (
	noID      upstream.ID = 999_999_999_989
	noAddress             = "no.such.user@no-such-domain.invalid"
)

// filters tries each filter alone, over the sample.
func (e *exam) filters(ctx context.Context, s *sample) {
	addresses := map[upstream.ID]string{noID: noAddress}
	for _, c := range s.counts.rows {
		addresses[c.ID] = c.Sender
	}
	for _, name := range filterNames(s.kind) {
		subject := s.kind.ListPath() + "?" + name
		t, found := choose(s, name, addresses)
		if !found {
			e.check(ruleFilter, subject, answer{}).cannot(
				"no value splits the sample into rows that match and rows that do not")
			continue
		}
		p := e.list(ctx, s.kind, t.query)
		e.filtered(s, name, p, e.check(ruleFilter, subject, p.answer).of(s.kind), t.want)
	}
}

// filtered compares a filtered list with the rows of the sample that match.
func (e *exam) filtered(s *sample, name string, p page, c check, want []upstream.Event) {
	wanted := fmt.Sprintf("%s of the %d of this window", plural(len(want), "row"), len(s.rows))
	const exactly = "header filters work only if the name is in the same case as in the rows"
	if name == lowerCaseHeader && upstream.CodeOfStatus(p.status) == upstream.InvalidArgument {
		c.copes(p.fault, wanted, exactly)
		return
	}
	if c.failed(wanted) {
		return
	}
	rows := within(s.part, p.rows) // listWindow checks the window
	missing, extra := compare(rows, want)
	effect := "the gateway shows rows that do not match"
	if name == "user_id" || name == "sender_id" {
		effect = "the gateway rejects the whole answer, since the caller may not be allowed to see these rows"
	}
	switch {
	case len(extra) > 0 && len(rows) == len(s.rows):
		c.f.alike = "as without the filter"
		c.breaks(fmt.Sprintf("all %d rows of the window, as without the filter", len(rows)), wanted, effect)
	case len(extra) > 0:
		c.breaks(fmt.Sprintf("%s more, such as %s", plural(len(extra), "row"), brief(extra[0])), wanted, effect)
	case name == lowerCaseHeader && len(missing) > 0 && len(rows) == 0:
		c.copes("no rows", wanted, exactly)
	case len(missing) > 0:
		c.breaks(fmt.Sprintf("%s, without %s", plural(len(rows), "row"), brief(missing[0])), wanted,
			"the gateway omits rows")
	default:
		c.agrees()
	}
}

// try is a query with one filter, and the rows of the sample that match it.
type try struct {
	query upstream.ListQuery
	want  []upstream.Event
}

// choose picks the query by the named filter that matches the fewest rows of the sample, but at least one and not all,
// so that an ignored filter shows. If every row has the same value, choose returns a query that matches no row.
func choose(s *sample, name string, addresses map[upstream.ID]string) (try, bool) {
	all := slices.DeleteFunc(tries(s, name, s.rows, addresses), func(t try) bool { return len(t.want) == len(s.rows) })
	if len(all) == 0 {
		all = slices.DeleteFunc(tries(s, name, elsewhere, addresses), func(t try) bool { return len(t.want) > 0 })
	}
	if len(all) == 0 {
		return try{}, false
	}
	return slices.MinFunc(all, func(a, b try) int {
		return cmp.Or(cmp.Compare(len(a.want), len(b.want)),
			strings.Compare(a.query.Encode(), b.query.Encode()))
	}), true
}

// tries returns queries by the named filter with values of rows, at most forty.
func tries(s *sample, name string, rows []upstream.Event, addresses map[upstream.ID]string) (all []try) {
	seen := map[upstream.ListQuery]bool{}
	for _, r := range rows {
		for _, q := range filterBy(name, r, addresses[r.SenderID]) {
			if seen[q] || len(seen) == 40 {
				continue
			}
			seen[q] = true
			q.Window = s.part
			all = append(all, try{q, matching(s.rows, func(r upstream.Event) bool {
				return r.Matches(q) && (q.Sender == "" || q.Sender == upstream.LowerAddress(addresses[r.SenderID]))
			})})
		}
	}
	return all
}
