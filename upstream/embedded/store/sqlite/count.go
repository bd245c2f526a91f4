package sqlite

import (
	"cmp"
	"context"
	"database/sql/driver"
	"iter"
	"maps"
	"slices"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

const (
	hour = upstream.Time(3600)
	day  = 24 * hour
)

// Counts counts events by sender or user: see [store.Reader].
func (s *Store) Counts(
	ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.CountQuery,
) (counts []upstream.Count, err error) {
	counts = []upstream.Count{}
	err = s.read(ctx, "count "+k.String(), func(r *reader) {
		for _, x := range r.tally(only, kinds[k], q, 0) {
			c := upstream.Count{ID: x.ID, Tally: x.Points[0].Tally}
			if q.Rollup == upstream.BySender {
				for v := range r.rows("select address from sender where id = ?", int64(x.ID)) {
					c.Sender = text(v[0])
				}
			}
			counts = append(counts, c)
		}
	})
	return counts, err
}

// Series counts events by hour or day: see [store.Reader].
func (s *Store) Series(
	ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.SeriesQuery,
) (series []upstream.Series, err error) {
	err = s.read(ctx, "count "+k.String(), func(r *reader) {
		series = r.tally(only, kinds[k], q.CountQuery, q.Interval)
	})
	return series, err
}

// tallies adds up events by sender or user, and by time if there is an interval; without one, there is one point each.
type tallies struct {
	kind     *kind
	interval upstream.Interval // 0 is none
	by       map[upstream.ID]*upstream.Series
}

// tally returns the points of senders or users, ordered by id.
func (r *reader) tally(
	only []upstream.ID, k *kind, q upstream.CountQuery, interval upstream.Interval,
) []upstream.Series {
	series := []upstream.Series{}
	l := &listing{reader: r, kind: k}
	l.filter(only, &upstream.ListQuery{
		Window: q.Window, UserID: q.UserID, SenderID: q.SenderID, BounceType: q.BounceType,
	})
	if l.none {
		return series
	}
	t := &tallies{kind: k, interval: interval, by: map[upstream.ID]*upstream.Series{}}
	c := counting{listing: l, columns: [2]string{"sender_id", "type"}, interval: interval, add: t.add}
	if q.Rollup == upstream.ByUser {
		c.columns[0] = "user_id"
	}
	c.window(q.Window, func(start, end upstream.Time) { l.countRows(c.columns[0], start, end, t.add) })
	for _, id := range slices.Sorted(maps.Keys(t.by)) {
		series = append(series, *t.by[id])
	}
	return series
}

// countRows calls add for each sender or user with rows from start and before end, and for each type of bounces.
func (l *listing) countRows(
	id string, start, end upstream.Time, add func(columns []driver.Value, at upstream.Time, n int64),
) {
	query := "select " + id + ", '', count(*) from "
	if l.kind.Kind == upstream.Bounces {
		query = "select " + id + ", type, count(*) from "
	}
	query += l.kind.table + " r where id >= ? and id < ?"
	args := []any{firstID(start), firstID(end)}
	for _, f := range l.filters {
		query += " and " + f.check
		args = append(args, f.args...)
	}
	for v := range l.rows(query+" group by 1, 2", args...) {
		add(v, start, integer(v[2]))
	}
}

// placeholders returns n of them.
func placeholders(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// counting adds up the events of a list as they are counted: whole days and hours in event_count, and the rest by rows.
// Events must be counted by all filters of the list.
type counting struct {
	*listing
	columns  [2]string         // of event_count, to add up by; "hour" is the start of the hour
	interval upstream.Interval // by which times are told apart; 0 is none
	add      func(columns []driver.Value, at upstream.Time, n int64)
}

// window adds the events of a window. Rows adds those from start and before end, which are within one hour.
func (c *counting) window(w upstream.Window, rows func(start, end upstream.Time)) {
	part := func(start, end upstream.Time) {
		if start < end {
			rows(start, end)
		}
	}
	start, end := max(w.Start, -store.MaxTime), min(w.End, store.MaxTime+1)
	firstHour, endHour := upstream.Hour.Floor(start+hour-1), upstream.Hour.Floor(end)
	if firstHour > endHour { // within one hour
		part(start, end)
		return
	}
	firstDay, endDay := upstream.Day.Floor(firstHour+day-1), upstream.Day.Floor(endHour)
	if c.interval == upstream.Hour || slices.Contains(c.columns[:], "hour") || firstDay >= endDay {
		firstDay, endDay = endHour, endHour
	}
	part(start, firstHour)
	c.hours(firstHour, firstDay)
	c.days(firstDay, endDay)
	c.hours(endDay, endHour)
	part(endHour, end)
}

// hours adds whole hours.
func (c *counting) hours(start, end upstream.Time) {
	columns, byHour := c.columns, slices.Index(c.columns[:], "hour")
	if byHour >= 0 {
		columns[byHour] = "day"
	}
	for v := range c.counted(columns[0]+", "+columns[1]+", day, "+hourList, start, end) {
		midnight := upstream.Time(integer(v[2]))
		for h, n := range v[3:] {
			at := midnight + upstream.Time(h)*hour
			if at < start || at >= end || integer(n) == 0 {
				continue
			}
			if byHour >= 0 {
				v[byHour] = int64(at)
			}
			c.add(v[:2], at, integer(n))
		}
	}
}

// days adds whole days. Reading them all is faster than having SQLite group them.
func (c *counting) days(start, end upstream.Time) {
	for v := range c.counted(c.columns[0]+", "+c.columns[1]+", day, total", start, end) {
		c.add(v[:2], upstream.Time(integer(v[2])), integer(v[3]))
	}
}

// counted reads columns of event_count from the day of start on and before end, in the order of time.
func (c *counting) counted(columns string, start, end upstream.Time) iter.Seq[[]driver.Value] {
	if start >= end {
		return func(func([]driver.Value) bool) {}
	}
	query := "select " + columns + " from event_count where kind = ? and day >= ? and day < ?"
	args := []any{c.kind.table, int64(upstream.Day.Floor(start)), int64(end)}
	for _, f := range c.filters {
		query += " and " + f.counted
		args = append(args, f.args...)
	}
	return c.rows(query+" order by day", args...)
}

// add counts n events of one sender or user and of a type at a time. Calls come nearly in the order of time.
func (t *tallies) add(columns []driver.Value, at upstream.Time, n int64) {
	id := upstream.ID(integer(columns[0]))
	start := upstream.Time(0)
	if t.interval != 0 {
		start = t.interval.Floor(at)
	}
	s := t.by[id]
	if s == nil {
		s = &upstream.Series{ID: id}
		t.by[id] = s
	}
	i := len(s.Points)
	if i > 0 && s.Points[i-1].Start >= start {
		i, _ = slices.BinarySearchFunc(s.Points, start, func(p upstream.Point, t upstream.Time) int {
			return cmp.Compare(p.Start, t)
		})
	}
	if i == len(s.Points) || s.Points[i].Start != start {
		s.Points = slices.Insert(s.Points, i, upstream.Point{Start: start})
	}
	x := &s.Points[i]
	x.Total += n
	if t.kind.Kind == upstream.Bounces {
		switch upstream.BounceType(text(columns[1])) {
		case upstream.Hard:
			x.Hard += n
		case upstream.Soft:
			x.Soft += n
		}
	}
}
