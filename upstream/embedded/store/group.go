package store

import (
	"slices"
	"strconv"

	"deliverygraph/upstream"
	"deliverygraph/upstream/grouped"
)

// Grouping says which events [View.Group] adds up, and by what: never by provider or weekday. Emails sent are those of
// [upstream.Question.SentQuery].
type Grouping struct {
	Query upstream.Question
	Times upstream.Interval // by which the times of events are distinguished; 0 is none
}

// AddGroup counts n events with the same keys. At is the start of their hour or day, if [Grouping].Times asks for it.
type AddGroup func(keys upstream.Keys, at upstream.Time, n int64)

// groups groups events. First it groups them, and then it looks at the times and at the emails of the groups that it
// found.
func groups(v View, q upstream.Question, p *grouped.Providers) (upstream.Groups, error) {
	all := upstream.Grouper{Top: q.Top, Distinct: q.By == [2]upstream.Dimension{upstream.DimensionHeader}}
	err := group(v, Grouping{q, 0}, p, func(keys upstream.Keys, _ upstream.Time, n int64) { all.Add(keys, n) })
	groups := all.Groups()
	of := groups.GroupIndex()
	if err == nil && q.Interval != 0 && len(of) > 0 {
		err = group(v, Grouping{q, q.Interval}, p, func(keys upstream.Keys, at upstream.Time, n int64) {
			if g := of[keys]; g != nil && n != 0 {
				g.AddPoint(at, n)
			}
		})
	}
	if err == nil && q.Sent && len(of) > 0 {
		err = group(v, Grouping{q.SentQuery(), 0}, p, func(keys upstream.Keys, _ upstream.Time, n int64) {
			if g := of[keys]; g != nil {
				g.Sent += n
			}
		})
	}
	at := slices.Index(q.By[:], upstream.DimensionSender)
	if err != nil || at < 0 {
		return groups, err
	}
	ids := make([]upstream.ID, len(groups.Groups))
	for i, g := range groups.Groups {
		ids[i] = upstream.ID(number(g.Keys[at]))
	}
	addresses, err := v.Addresses(ids)
	for i, id := range ids {
		groups.Groups[i].Sender = addresses[id]
	}
	return groups, err
}

// group reads the events of a grouping, those of providers by domain and those of weekdays by day.
func group(v View, g Grouping, p *grouped.Providers, add AddGroup) error {
	by := g.Query.By
	for i, d := range by {
		switch d {
		case upstream.DimensionProvider:
			g.Query.By[i] = upstream.DimensionDomain
		case upstream.DimensionWeekday:
			g.Query.By[i] = upstream.DimensionDay
		}
	}
	if g.Query.By == by {
		return v.Group(g, add)
	}
	return v.Group(g, func(keys upstream.Keys, at upstream.Time, n int64) {
		for i, d := range by {
			switch d {
			case upstream.DimensionProvider:
				keys[i] = p.Of(keys[i])
			case upstream.DimensionWeekday:
				keys[i] = upstream.Time(number(keys[i])).Weekday()
			}
		}
		add(keys, at, n)
	})
}

// number reads a key of a dimension whose keys are numbers.
func number(key string) int64 { n, _ := strconv.ParseInt(key, 10, 64); return n }
