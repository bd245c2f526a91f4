package sqlite

import (
	"database/sql/driver"
	"slices"

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

// counts calls add for events as they are counted: whole days and hours in event_count, and the rest by rows.
func (g *grouping) counts(l *listing, add func([]driver.Value)) {
	start, end := g.q.Window.Start, g.q.Window.End
	firstHour, endHour := upstream.Hour.Floor(start+hour-1), upstream.Hour.Floor(end)
	if firstHour >= endHour {
		g.part(l, start, end, add)
		return
	}
	g.part(l, start, firstHour, add)
	g.part(l, endHour, end, add)
	firstDay, endDay := upstream.Day.Floor(firstHour+day-1), upstream.Day.Floor(endHour)
	if firstDay >= endDay || g.q.Has(upstream.DimensionHour) || g.interval == upstream.Hour {
		g.hours(l, firstHour, endHour, add)
		return
	}
	g.hours(l, firstHour, firstDay, add)
	g.days(l, firstDay, endDay, add)
	g.hours(l, endDay, endHour, add)
}

// part groups the rows from start and before end.
func (g *grouping) part(l *listing, start, end upstream.Time, add func([]driver.Value)) {
	if start < end {
		x := *l
		x.lo, x.hi = firstID(start), firstID(end)
		g.events(&x, "", add)
	}
}

// countedColumn returns the expression on event_count for a dimension. Hours are replaced afterwards.
func countedColumn(d upstream.Dimension) string {
	switch d {
	case upstream.DimensionType, upstream.DimensionDelivered:
		return "type"
	case upstream.DimensionUser:
		return "user_id"
	case upstream.DimensionSender:
		return "sender_id"
	case upstream.DimensionHour, upstream.DimensionDay, upstream.DimensionWeekday:
		return "day"
	}
	return "0"
}

// countedRows returns a query on event_count.
func (g *grouping) countedRows(l *listing, values string, start, end upstream.Time) (query string, args []any) {
	query = "select " + countedColumn(g.q.By[0]) + ", " + countedColumn(g.q.By[1]) + ", " + values +
		" from event_count where kind = ? and day >= ? and day < ?"
	args = []any{g.kind.table, int64(start), int64(end)}
	for _, f := range l.filters {
		query += " and " + f.counted
		args = append(args, f.args...)
	}
	return query, args
}

// days adds whole days.
func (g *grouping) days(l *listing, start, end upstream.Time, add func([]driver.Value)) {
	at, by := "0", "1, 2"
	if g.interval != 0 {
		at, by = "day", "1, 2, 3"
	}
	query, args := g.countedRows(l, at+", sum(total)", start, end)
	for v := range g.rows(query+" group by "+by, args...) {
		add(v)
	}
}

// hours adds whole hours.
func (g *grouping) hours(l *listing, start, end upstream.Time, add func([]driver.Value)) {
	byHour := slices.Index(g.q.By[:], upstream.DimensionHour)
	one := make([]driver.Value, 4)
	query, args := g.countedRows(l, "day, "+hourList, upstream.Day.Floor(start), end)
	for v := range g.rows(query, args...) {
		midnight := upstream.Time(integer(v[2]))
		copy(one, v[:2])
		for h, n := range v[3:] {
			at := midnight + upstream.Time(h)*hour
			if at < start || at >= end || integer(n) == 0 {
				continue
			}
			if byHour >= 0 {
				one[byHour] = int64(at)
			}
			one[2], one[3] = int64(at), n
			add(one)
		}
	}
}
