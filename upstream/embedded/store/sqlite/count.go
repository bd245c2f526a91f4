package sqlite

import (
	"cmp"
	"context"
	"database/sql/driver"
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
) ([]upstream.Count, error) {
	counts := []upstream.Count{}
	err := s.read(ctx, "count "+k.String(), func(r *reader) error {
		by, err := r.tally(only, kinds[k], q, 0)
		if err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(by)) {
			c := upstream.Count{ID: id, Tally: by[id].points[0].Tally}
			if q.Rollup == upstream.BySender {
				err := r.conn.each(ctx, func(v []driver.Value) error {
					c.Sender = text(v[0])
					return nil
				}, "select address from sender where id = ?", int64(id))
				if err != nil {
					return err
				}
			}
			counts = append(counts, c)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return counts, nil
}

// Series counts events by hour or day: see [store.Reader].
func (s *Store) Series(
	ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.SeriesQuery,
) ([]upstream.Series, error) {
	series := []upstream.Series{}
	err := s.read(ctx, "count "+k.String(), func(r *reader) error {
		by, err := r.tally(only, kinds[k], q.CountQuery, q.Interval)
		for _, id := range slices.Sorted(maps.Keys(by)) {
			series = append(series, upstream.Series{ID: id, Points: by[id].points})
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return series, nil
}

// tally counts events by sender or user, and by time if there is an interval: whole days and hours from event_count,
// the rest from rows.
func (r *reader) tally(
	only []upstream.ID, k *kind, q upstream.CountQuery, interval upstream.Interval,
) (map[upstream.ID]*tally, error) {
	t := &tallies{reader: r, kind: k, interval: interval, by: map[upstream.ID]*tally{}, id: "sender_id"}
	if q.Rollup == upstream.ByUser {
		t.id = "user_id"
	}
	t.filter("user_id", q.UserID != 0, int64(q.UserID))
	t.filter("sender_id", q.SenderID != 0, int64(q.SenderID))
	t.filter("type", q.BounceType != "" && k.Kind == upstream.Bounces, string(q.BounceType))
	t.filter("user_id", only != nil, distinct(only)...)
	return t.by, t.window(max(q.Window.Start, -store.MaxTime), min(q.Window.End, store.MaxTime+1))
}

// placeholders returns n of them.
func placeholders(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// tallies adds up events.
type tallies struct {
	*reader
	kind     *kind
	interval upstream.Interval // 0 is none
	id       string            // the column to add up by
	where    string            // filters, each after an and
	args     []any
	by       map[upstream.ID]*tally
}

func (t *tallies) filter(column string, given bool, values ...any) {
	if given {
		t.where += " and " + column + " in (" + placeholders(len(values)) + ")"
		t.args = append(t.args, values...)
	}
}

// window adds the events from start and before end.
func (t *tallies) window(start, end upstream.Time) error {
	firstHour, endHour := upstream.Hour.Floor(start+hour-1), upstream.Hour.Floor(end)
	if firstHour >= endHour { // no whole hour
		return t.rows(start, end)
	}
	firstDay, endDay := upstream.Day.Floor(firstHour+day-1), upstream.Day.Floor(endHour)
	if t.interval == upstream.Hour || firstDay >= endDay {
		firstDay, endDay = endHour, endHour
	}
	if err := t.rows(start, firstHour); err != nil {
		return err
	}
	if err := t.hours(firstHour, firstDay); err != nil {
		return err
	}
	if err := t.days(firstDay, endDay); err != nil {
		return err
	}
	if err := t.hours(endDay, endHour); err != nil {
		return err
	}
	return t.rows(endHour, end)
}

// rows adds rows within one hour, or within two hours if neither is whole.
func (t *tallies) rows(start, end upstream.Time) error {
	if next := upstream.Hour.Floor(start) + hour; next < end {
		if err := t.rows(start, next); err != nil {
			return err
		}
		start = next
	}
	typ := "''"
	if t.kind.Kind == upstream.Bounces {
		typ = "type"
	}
	return t.each(start, end, func(v []driver.Value) error {
		t.add(v[0], v[1], start, integer(v[2]))
		return nil
	}, "select "+t.id+", "+typ+", count(*) from "+t.kind.table+" where id >= ? and id < ?"+t.where+" group by 1, 2",
		firstID(start), firstID(end))
}

// hours adds whole hours.
func (t *tallies) hours(start, end upstream.Time) error {
	return t.each(start, end, func(v []driver.Value) error {
		midnight := upstream.Time(integer(v[0]))
		for h, n := range v[3:] {
			if at := midnight + upstream.Time(h)*hour; at >= start && at < end {
				t.add(v[1], v[2], at, integer(n))
			}
		}
		return nil
	}, "select day, "+t.id+", type, "+hourList+" from event_count where kind = ? and day >= ? and day < ?"+t.where+
		" order by day", t.kind.table, int64(upstream.Day.Floor(start)), int64(end))
}

// days adds whole days.
func (t *tallies) days(start, end upstream.Time) error {
	day, group := "0", "2, 3"
	if t.interval != 0 {
		day, group = "day", "1, 2, 3"
	}
	return t.each(start, end, func(v []driver.Value) error {
		t.add(v[1], v[2], upstream.Time(integer(v[0])), integer(v[3]))
		return nil
	}, "select "+day+", "+t.id+", type, sum(total) from event_count where kind = ? and day >= ? and day < ?"+t.where+
		" group by "+group, t.kind.table, int64(start), int64(end))
}

// each reads the answer to a query about a window, whose filters are last, unless the window is empty.
func (t *tallies) each(
	start, end upstream.Time, f func([]driver.Value) error, query string, args ...any,
) error {
	if start >= end {
		return nil
	}
	return t.conn.each(t.ctx, f, query, append(args, t.args...)...)
}

// add counts n events of a type of one sender or user at a time.
func (t *tallies) add(id, typ driver.Value, at upstream.Time, n int64) {
	if n == 0 {
		return
	}
	a := t.by[upstream.ID(integer(id))]
	if a == nil {
		a = &tally{}
		t.by[upstream.ID(integer(id))] = a
	}
	start := upstream.Time(0)
	if t.interval != 0 {
		start = t.interval.Floor(at)
	}
	x := a.at(start)
	x.Total += n
	if t.kind.Kind == upstream.Bounces {
		switch upstream.BounceType(text(typ)) {
		case upstream.Hard:
			x.Hard += n
		case upstream.Soft:
			x.Soft += n
		}
	}
}

// tally is the counts of one sender or user, by time; without an interval there is one point.
type tally struct {
	points []upstream.Point
}

// at returns the point that starts at t. Calls come nearly in order.
func (a *tally) at(t upstream.Time) *upstream.Tally {
	i := len(a.points)
	if i > 0 && a.points[i-1].Start >= t {
		var found bool
		i, found = slices.BinarySearchFunc(a.points, t, func(p upstream.Point, t upstream.Time) int {
			return cmp.Compare(p.Start, t)
		})
		if found {
			return &a.points[i].Tally
		}
	}
	a.points = slices.Insert(a.points, i, upstream.Point{Start: t})
	return &a.points[i].Tally
}
