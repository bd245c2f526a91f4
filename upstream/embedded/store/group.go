package store

import (
	"slices"
	"strconv"

	"deliverygraph/upstream"
	"deliverygraph/upstream/grouped"
)

// Grouping says which events [Group] needs, and by what they are grouped: never by provider or weekday.
type Grouping struct {
	Query upstream.Question
	Times upstream.Interval // by which the times of events are distinguished; 0 is none
}

// AddGroup counts n events with the same keys. At is the start of their hour or day, if [Grouping].Times asks for it.
type AddGroup func(keys upstream.Keys, at upstream.Time, n int64)

// Group answers [Reader.Groups]. First it groups the events, and then it looks at the times and at the emails of the
// groups that it found. Each calls the function for the events of a grouping, in any order, and several times for the
// same keys if there are two dimensions. Senders returns the addresses of all senders.
func Group(
	q upstream.Question, p *grouped.Providers,
	each func(Grouping, AddGroup) error, senders func() (map[upstream.ID]string, error),
) (upstream.Groups, error) {
	all := upstream.Grouper{Top: q.Top, Distinct: q.By == [2]upstream.Dimension{upstream.DimensionHeader}}
	err := group(Grouping{q, 0}, p, each, func(keys upstream.Keys, _ upstream.Time, n int64) { all.Add(keys, n) })
	groups := all.Groups()
	of := groups.GroupIndex()
	if err == nil && q.Interval != 0 && len(of) > 0 {
		err = group(Grouping{q, q.Interval}, p, each, func(keys upstream.Keys, at upstream.Time, n int64) {
			if g := of[keys]; g != nil && n != 0 {
				g.AddPoint(at, n)
			}
		})
	}
	if err == nil && q.Sent && len(of) > 0 {
		sent := Grouping{q.SentQuery(), 0}
		err = group(sent, p, each, func(keys upstream.Keys, _ upstream.Time, n int64) {
			if g := of[keys]; g != nil {
				g.Sent += n
			}
		})
	}
	if at := slices.Index(q.By[:], upstream.DimensionSender); err == nil && at >= 0 {
		var addresses map[upstream.ID]string
		addresses, err = senders()
		for i := range groups.Groups {
			groups.Groups[i].Sender = addresses[upstream.ID(number(groups.Groups[i].Keys[at]))]
		}
	}
	return groups, err
}

// group reads the events of a grouping, those of providers by domain and those of weekdays by day.
func group(g Grouping, p *grouped.Providers, each func(Grouping, AddGroup) error, add AddGroup) error {
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
		return each(g, add)
	}
	return each(g, func(keys upstream.Keys, at upstream.Time, n int64) {
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
