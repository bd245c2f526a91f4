package upstreamtest

import (
	"slices"
	"strconv"

	"deliverygraph/upstream"
	"deliverygraph/upstream/grouped"
)

// groups groups events.
func (m *Model) groups(q upstream.Question, p *grouped.Providers) upstream.Groups {
	rows := m.grouped(q.Kind, q.ListQuery)
	all := upstream.Grouper{Top: q.Top}
	for i := range rows {
		all.Add(rows[i].Keys(&q.Grouping, p), 1)
	}
	groups := all.Groups()
	of := groups.GroupIndex()
	if q.Interval != 0 {
		for i := range rows {
			if g := of[rows[i].Keys(&q.Grouping, p)]; g != nil {
				g.AddPoint(q.Interval.Floor(rows[i].Time), 1)
			}
		}
	}
	if q.Sent {
		sent := m.grouped(upstream.Emails, q.SentQuery().ListQuery)
		for i := range sent {
			if g := of[sent[i].Keys(&q.Grouping, p)]; g != nil {
				g.Sent++
			}
		}
	}
	if at := slices.Index(q.By[:], upstream.DimensionSender); at >= 0 {
		for i := range groups.Groups {
			sender, _ := strconv.ParseInt(groups.Groups[i].Keys[at], 10, 64)
			groups.Groups[i].Sender = m.address(upstream.ID(sender))
		}
	}
	return groups
}

// grouped returns the events of a list.
func (m *Model) grouped(k upstream.Kind, q upstream.ListQuery) (rows []grouped.Row) {
	if k == upstream.Bounces {
		for _, b := range m.rows().Bounces {
			rows = append(rows, grouped.Row{
				Event: b.Event(), Code: b.Code, Rule: b.RuleName, Diagnostic: b.DiagnosticCode,
			})
		}
	} else {
		for _, e := range upstream.Events(m.of(k)) {
			rows = append(rows, grouped.Row{Event: e})
		}
	}
	return slices.DeleteFunc(rows, func(r grouped.Row) bool { return !m.lists(k, r.Event, q) })
}
