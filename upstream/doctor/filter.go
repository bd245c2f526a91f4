package doctor

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"deliverygraph/upstream"
)

// filter is one filter of lists. It is tried alone and with values as the gateway sends
// them, with domains in lower case.
type filter struct {
	name   string
	of     func(upstream.Event) []upstream.ListQuery // queries that match the row; none if it has no value
	absent []upstream.ListQuery                      // queries that probably match no row
}

// filters returns the filters to try on a kind's list. Each filter is tried on at least
// one kind. Those that all lists share are not tried on every kind, to save requests.
func filters(k upstream.Kind, addresses map[upstream.ID]string) []filter {
	const noDomain = "no-such-domain.invalid"
	one := func(given bool, q upstream.ListQuery) []upstream.ListQuery {
		if !given {
			return nil
		}
		return []upstream.ListQuery{q}
	}
	var (
		user = filter{"user_id", func(r upstream.Event) []upstream.ListQuery {
			return one(true, upstream.ListQuery{UserID: r.UserID})
		}, []upstream.ListQuery{{UserID: 999_999_999_989}}}
		sender = filter{"sender_id", func(r upstream.Event) []upstream.ListQuery {
			return one(true, upstream.ListQuery{SenderID: r.SenderID})
		}, []upstream.ListQuery{{SenderID: 999_999_999_989}}}
		address = filter{"sender", func(r upstream.Event) []upstream.ListQuery {
			return one(addresses[r.SenderID] != "",
				upstream.ListQuery{Sender: upstream.LowerAddress(addresses[r.SenderID])})
		}, []upstream.ListQuery{{Sender: "nobody@" + noDomain}}}
		domain = filter{"domain", func(r upstream.Event) []upstream.ListQuery {
			return one(r.Domain != "", upstream.ListQuery{Domain: upstream.LowerDomain(r.Domain)})
		}, []upstream.ListQuery{{Domain: noDomain}}}
		local = filter{"local", func(r upstream.Event) []upstream.ListQuery {
			return one(r.Local != "", upstream.ListQuery{Local: r.Local})
		}, []upstream.ListQuery{{Local: "nobody-of-that-name"}}}
		recipient = filter{"recipient", func(r upstream.Event) []upstream.ListQuery {
			return one(r.Recipient != "", upstream.ListQuery{Recipient: upstream.LowerAddress(r.Recipient)})
		}, []upstream.ListQuery{{Recipient: "nobody@" + noDomain}}}
	)
	switch k {
	case upstream.Bounces:
		return []filter{
			user, sender, address, domain, local, recipient,
			{"X-…", func(r upstream.Event) []upstream.ListQuery { return byHeader(r, strings.Clone) }, nil},
			{"bounce_type", func(r upstream.Event) []upstream.ListQuery {
				known := r.BounceType == upstream.Hard || r.BounceType == upstream.Soft
				return one(known, upstream.ListQuery{BounceType: r.BounceType})
			}, []upstream.ListQuery{{BounceType: upstream.Hard}, {BounceType: upstream.Soft}}},
			{"bounce_category", func(r upstream.Event) []upstream.ListQuery {
				return one(r.BounceCategory != "", upstream.ListQuery{BounceCategory: r.BounceCategory})
			}, []upstream.ListQuery{{BounceCategory: "virus-related"}, {BounceCategory: "routing-errors"}}},
		}
	case upstream.Emails:
		return []filter{
			user, sender,
			{lowerCaseHeader, func(r upstream.Event) []upstream.ListQuery { return byHeader(r, strings.ToLower) }, nil},
			{"delivered", func(r upstream.Event) []upstream.ListQuery {
				return one(true, upstream.ListQuery{Delivered: true})
			}, []upstream.ListQuery{{Delivered: true}}},
		}
	default:
		return []filter{
			user, sender, recipient,
			{"blocked_reason", func(r upstream.Event) []upstream.ListQuery {
				return one(r.BlockedReason != "", upstream.ListQuery{BlockedReason: r.BlockedReason})
			}, []upstream.ListQuery{{BlockedReason: "manual"}, {BlockedReason: "complaint"}}},
		}
	}
}

// lowerCaseHeader is the filter by a header whose name is given in lower case.
const lowerCaseHeader = "x-…"

// byHeader returns a query for each custom header of r, with its name mapped by name.
func byHeader(r upstream.Event, name func(string) string) (all []upstream.ListQuery) {
	for _, h := range r.XHeaders {
		if h.Value != "" && len(h.Name) > 2 && strings.EqualFold(h.Name[:2], "x-") {
			all = append(all, upstream.ListQuery{XHeaders: []upstream.Header{{Name: name(h.Name), Value: h.Value}}})
		}
	}
	return all
}

// filters tries each filter alone, over the sample.
func (e *exam) filters(ctx context.Context, s *sample) {
	addresses := map[upstream.ID]string{}
	for _, c := range e.count(ctx, s.kind, upstream.CountQuery{Window: s.window}).rows {
		addresses[c.ID] = c.Sender
	}
	for _, f := range filters(s.kind, addresses) {
		matches := func(q upstream.ListQuery) func(upstream.Event) bool {
			q.Window = s.part
			return func(r upstream.Event) bool {
				return r.Matches(q) && (q.Sender == "" || q.Sender == upstream.LowerAddress(addresses[r.SenderID]))
			}
		}
		subject := s.kind.ListPath() + "?" + f.name
		q, found := choose(s, f, matches)
		if !found {
			e.check(ruleFilter, subject, answer{}).cannot(
				"no value splits the sample into rows that match and rows that do not")
			continue
		}
		q.Window = s.part
		p := e.list(ctx, s.kind, q)
		e.filtered(s, f, p, subject, matches(q))
	}
}

// filtered compares a filtered list with the rows of the sample that match.
func (e *exam) filtered(s *sample, f filter, p page, subject string, matches func(upstream.Event) bool) {
	want := matching(s.rows, matches)
	c := e.check(ruleFilter, subject, p.answer).of(s.kind)
	const exactly = "header filters work only if the name is in the same case as in the rows"
	wanted := fmt.Sprintf("%s of the %d of this window", plural(len(want), "row"), len(s.rows))
	if f.name == lowerCaseHeader && upstream.CodeOfStatus(p.status) == upstream.InvalidArgument {
		c.copes(p.fault, wanted, exactly)
		return
	}
	if c.failed(wanted) {
		return
	}
	inWindow := func(r upstream.Event) bool { return s.part.Contains(r.Time) } // listWindow checks the window
	rows := matching(p.rows, inWindow)
	missing, extra := compare(rows, want)
	const effect = "the gateway shows rows that do not match"
	switch {
	case len(extra) > 0 && len(missing) == 0 && len(rows) == len(s.rows):
		c.f.alike = "as without the filter"
		c.breaks(fmt.Sprintf("all %d rows of the window, as without the filter", len(rows)), wanted,
			harm(f.name, effect))
	case len(extra) > 0 && len(matching(extra, matches)) == len(extra):
		c.breaks(fmt.Sprintf("%s more, such as %s, which match but are missing from the list without the filter",
			plural(len(extra), "row"), brief(extra[0])), wanted,
			"the gateway omits rows when it does not filter by this")
	case len(extra) > 0:
		c.breaks(fmt.Sprintf("%s that should not match, such as %s", plural(len(extra), "row"), brief(extra[0])),
			wanted, harm(f.name, effect))
	case len(missing) > 0 && f.name == lowerCaseHeader && len(rows) == 0:
		c.copes("no rows", wanted, exactly)
	case len(missing) > 0:
		c.breaks(fmt.Sprintf("%s, without %s", plural(len(rows), "row"), brief(missing[0])), wanted,
			"the gateway omits rows")
	default:
		c.agrees()
	}
}

// harm returns the effect of rows that a filter should have excluded.
func harm(name, usual string) string {
	if name == "user_id" || name == "sender_id" {
		return "the gateway rejects the whole answer, since the caller may not be allowed to see these rows"
	}
	return usual
}

// choose picks the query by the filter that matches the fewest rows of the sample, but at least one and not all, so
// that an ignored filter shows. It prefers values that need no escaping. If every row has the same value, choose
// returns a query that matches no row.
func choose(s *sample, f filter, matches func(upstream.ListQuery) func(upstream.Event) bool) (upstream.ListQuery, bool) {
	type candidate struct {
		query   upstream.ListQuery
		encoded string
		rows    int
	}
	const maxCandidates = 40
	var all []candidate
	seen := map[string]bool{}
	for _, r := range s.rows {
		for _, q := range f.of(r) {
			if id := q.Encode(s.kind); !seen[id] && len(all) < maxCandidates {
				seen[id] = true
				all = append(all, candidate{q, id, number(s.rows, matches(q))})
			}
		}
	}
	all = slices.DeleteFunc(all, func(c candidate) bool { return c.rows == 0 || c.rows == len(s.rows) })
	if len(all) > 0 {
		return slices.MinFunc(all, func(a, b candidate) int {
			return cmp.Or(
				cmp.Compare(escapes(a.encoded), escapes(b.encoded)),
				cmp.Compare(a.rows, b.rows),
				cmp.Compare(a.encoded, b.encoded),
			)
		}).query, true
	}
	for _, q := range f.absent {
		if number(s.rows, matches(q)) == 0 {
			return q, true
		}
	}
	return upstream.ListQuery{}, false
}

// number counts the rows that match.
func number(rows []upstream.Event, is func(upstream.Event) bool) (n int) {
	for _, r := range rows {
		if is(r) {
			n++
		}
	}
	return n
}

// escapes counts the escaped characters of an encoded query, except @.
func escapes(encoded string) int {
	return strings.Count(strings.ReplaceAll(encoded, "%40", ""), "%")
}
