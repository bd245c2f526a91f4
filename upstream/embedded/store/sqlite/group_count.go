package sqlite

import (
	"database/sql/driver"

	"deliverygraph/upstream"
)

// isCounted reports whether event_count has what is needed to group a list.
func isCounted(l *listing, q *upstream.GroupsQuery) bool {
	for _, f := range l.filters {
		if f.counted == "" {
			return false
		}
	}
	for _, d := range q.By {
		switch d {
		case upstream.NoDimension, upstream.DimensionType, upstream.DimensionDelivered, upstream.DimensionUser,
			upstream.DimensionSender, upstream.DimensionHour, upstream.DimensionDay, upstream.DimensionWeekday:
		default:
			return false
		}
	}
	return true
}

// counts calls f for events as they are counted.
func (g *grouping) counts(l *listing, f func(keys upstream.Keys, at upstream.Time, n int64)) {
	c := counting{
		listing: l, columns: [2]string{countedColumn(g.q.By[0]), countedColumn(g.q.By[1])}, interval: g.interval,
		add: func(v []driver.Value, at upstream.Time, n int64) { f(g.keys(v), at, n) },
	}
	c.window(g.q.Window, func(start, end upstream.Time) {
		part := *l
		part.lo, part.hi = firstID(start), firstID(end)
		g.events(&part, "", g.add(f))
	})
}

// countedColumn returns the column of [counting] for a dimension.
func countedColumn(d upstream.Dimension) string {
	switch d {
	case upstream.DimensionType, upstream.DimensionDelivered:
		return "type"
	case upstream.DimensionUser:
		return "user_id"
	case upstream.DimensionSender:
		return "sender_id"
	case upstream.DimensionHour:
		return "hour"
	case upstream.DimensionDay, upstream.DimensionWeekday:
		return "day"
	}
	return "0"
}
