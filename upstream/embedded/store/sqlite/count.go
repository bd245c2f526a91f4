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
	*reader
	kind     *kind
	interval upstream.Interval // 0 is none
	id       string            // the column to add up by
	where    string            // filters, each after an and
	args     []any
	by       map[upstream.ID]*upstream.Series
}

// tally returns the points of senders or users, ordered by id: whole days and hours from event_count, the rest from
// rows.
func (r *reader) tally(
	only []upstream.ID, k *kind, q upstream.CountQuery, interval upstream.Interval,
) []upstream.Series {
	t := &tallies{reader: r, kind: k, interval: interval, by: map[upstream.ID]*upstream.Series{}, id: "sender_id"}
	if q.Rollup == upstream.ByUser {
		t.id = "user_id"
	}
	t.filter("user_id", q.UserID != 0, int64(q.UserID))
	t.filter("sender_id", q.SenderID != 0, int64(q.SenderID))
	t.filter("type", q.BounceType != "" && k.Kind == upstream.Bounces, string(q.BounceType))
	t.filter("user_id", only != nil, distinct(only)...)
	t.window(max(q.Window.Start, -store.MaxTime), min(q.Window.End, store.MaxTime+1))
	series := []upstream.Series{}
	for _, id := range slices.Sorted(maps.Keys(t.by)) {
		series = append(series, *t.by[id])
	}
	return series
}

// placeholders returns n of them.
func placeholders(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

func (t *tallies) filter(column string, given bool, values ...any) {
	if given {
		t.where += " and " + column + " in (" + placeholders(len(values)) + ")"
		t.args = append(t.args, values...)
	}
}

// window adds the events from start and before end.
func (t *tallies) window(start, end upstream.Time) {
	firstHour, endHour := upstream.Hour.Floor(start+hour-1), upstream.Hour.Floor(end)
	if firstHour > endHour { // within one hour
		t.events(start, end)
		return
	}
	firstDay, endDay := upstream.Day.Floor(firstHour+day-1), upstream.Day.Floor(endHour)
	if t.interval == upstream.Hour || firstDay >= endDay {
		firstDay, endDay = endHour, endHour
	}
	t.events(start, firstHour)
	t.hours(firstHour, firstDay)
	t.days(firstDay, endDay)
	t.hours(endDay, endHour)
	t.events(endHour, end)
}

// events adds rows within one hour.
func (t *tallies) events(start, end upstream.Time) {
	typ := "''"
	if t.kind.Kind == upstream.Bounces {
		typ = "type"
	}
	if start >= end {
		return
	}
	for v := range t.rows("select "+t.id+", "+typ+", count(*) from "+t.kind.table+" where id >= ? and id < ?"+t.where+
		" group by 1, 2", append([]any{firstID(start), firstID(end)}, t.args...)...) {
		t.add(v[0], v[1], start, integer(v[2]))
	}
}

// hours adds whole hours.
func (t *tallies) hours(start, end upstream.Time) {
	for v := range t.counted("day, "+t.id+", type, "+hourList, "order by day", start, end) {
		midnight := upstream.Time(integer(v[0]))
		for h, n := range v[3:] {
			if at := midnight + upstream.Time(h)*hour; at >= start && at < end {
				t.add(v[1], v[2], at, integer(n))
			}
		}
	}
}

// days adds whole days.
func (t *tallies) days(start, end upstream.Time) {
	day, group := "0", "group by 2, 3"
	if t.interval != 0 {
		day, group = "day", "group by 1, 2, 3"
	}
	for v := range t.counted(day+", "+t.id+", type, sum(total)", group, start, end) {
		t.add(v[1], v[2], upstream.Time(integer(v[0])), integer(v[3]))
	}
}

// counted reads columns of event_count from the day of start on and before end.
func (t *tallies) counted(columns, order string, start, end upstream.Time) iter.Seq[[]driver.Value] {
	if start >= end {
		return func(func([]driver.Value) bool) {}
	}
	return t.rows("select "+columns+" from event_count where kind = ? and day >= ? and day < ?"+t.where+" "+order,
		append([]any{t.kind.table, int64(upstream.Day.Floor(start)), int64(end)}, t.args...)...)
}

// add counts n events of a type of one sender or user at a time. Calls come nearly in the order of time.
func (t *tallies) add(id, typ driver.Value, at upstream.Time, n int64) {
	if n == 0 {
		return
	}
	start := upstream.Time(0)
	if t.interval != 0 {
		start = t.interval.Floor(at)
	}
	s := t.by[upstream.ID(integer(id))]
	if s == nil {
		s = &upstream.Series{ID: upstream.ID(integer(id))}
		t.by[s.ID] = s
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
		switch upstream.BounceType(text(typ)) {
		case upstream.Hard:
			x.Hard += n
		case upstream.Soft:
			x.Soft += n
		}
	}
}
