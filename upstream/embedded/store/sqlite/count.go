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

// counts are how the numbers of events change in a transaction.
type counts map[counted]*[24]int64

// counted is what a row of event_count counts, hour by hour.
type counted struct {
	kind   *kind
	day    upstream.Time
	user   upstream.ID
	sender upstream.ID
	typ    string
}

// add counts n more of an event.
func (c counts) add(k *kind, r *row, n int64) {
	key := counted{k, upstream.Day.Floor(r.time), r.user, r.sender, k.typ(r)}
	hours := c[key]
	if hours == nil {
		hours = new([24]int64)
		c[key] = hours
	}
	hours[(r.time-key.day)/hour] += n
}

var addCounts = func() string {
	var hours, sums strings.Builder
	for _, h := range hourColumns {
		hours.WriteString(", ?")
		sums.WriteString(", " + h + " = " + h + " + excluded." + h)
	}
	return "insert into event_count values (?, ?, ?, ?, ?, ?" + hours.String() + ") " +
		"on conflict do update set total = total + excluded.total" + sums.String()
}()

// hourList is the hours of event_count, as a list of columns.
var hourList = strings.Join(hourColumns, ", ")

var hourColumns = strings.Fields("h0 h1 h2 h3 h4 h5 h6 h7 h8 h9 h10 h11 h12 h13 h14 h15 h16 h17 h18 h19 h20 h21 h22 h23")

// write adds the changes to the counts of the store.
func (c counts) write(conn *conn) error {
	for k, hours := range c {
		args := []any{k.kind.table, int64(k.day), int64(k.user), int64(k.sender), k.typ, int64(0)}
		sum, less := int64(0), false
		for _, n := range hours {
			args = append(args, n)
			sum += n
			less = less || n < 0
		}
		args[5] = sum
		if *hours == ([24]int64{}) {
			continue
		}
		if err := conn.exec(addCounts, args...); err != nil {
			return err
		}
		if less {
			if err := conn.exec("delete from event_count where kind = ? and day = ? and user_id = ? and sender_id = ? and type = ? and total = 0", args[:5]...); err != nil {
				return err
			}
		}
	}
	return nil
}

// Counts counts a kind's events in the window by sender, or by user with
// [upstream.ByUser]: one row for each that has any, ordered by id. Only is as in
// [Store.Emails]. Of bounces, Soft and Hard count those types; Total counts all, of any
// type. A sender's address is the one that was written last for its id, and empty if none
// was. It is GET /email/counts and the like.
func (s *Store) Counts(ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	counts := []upstream.Count{}
	err := s.read(ctx, "count "+k.String(), func(r *reader) error {
		t, err := r.tally(only, kinds[k], q, 0)
		if err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(t.by)) {
			c := upstream.Count{ID: id, Tally: t.by[id].points[0].Tally}
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

// Series is Counts for each UTC hour or day that has any events, oldest first; the first
// and the last count only what lies in the window.
func (s *Store) Series(ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	series := []upstream.Series{}
	err := s.read(ctx, "count "+k.String(), func(r *reader) error {
		t, err := r.tally(only, kinds[k], q.CountQuery, q.Interval)
		if err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(t.by)) {
			series = append(series, upstream.Series{ID: id, Points: t.by[id].points})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return series, nil
}

// tally counts: whole days and hours from event_count, the rest from rows.
func (r *reader) tally(only []upstream.ID, k *kind, q upstream.CountQuery, interval upstream.Interval) (*tallies, error) {
	t := &tallies{reader: r, kind: k, interval: interval, by: map[upstream.ID]*tally{}, id: "sender_id"}
	if q.Rollup == upstream.ByUser {
		t.id = "user_id"
	}
	t.filter("user_id", q.UserID != 0, int64(q.UserID))
	t.filter("sender_id", q.SenderID != 0, int64(q.SenderID))
	t.filter("type", q.BounceType != "" && k.Kind == upstream.Bounces, string(q.BounceType))
	if only != nil {
		t.where += " and user_id in (" + placeholders(len(only)) + ")"
		for _, id := range only {
			t.args = append(t.args, int64(id))
		}
	}
	w := upstream.Window{Start: max(q.Window.Start, -store.MaxTime), End: min(q.Window.End, store.MaxTime+1)}
	if w.Start >= w.End {
		return t, nil
	}
	// The hours that lie in the window whole, and of them the days.
	hours := upstream.Window{Start: upstream.Hour.Floor(w.Start + hour - 1), End: upstream.Hour.Floor(w.End)}
	if hours.Start > hours.End { // within one hour
		return t, t.rows(w)
	}
	days := upstream.Window{Start: upstream.Day.Floor(hours.Start + day - 1), End: upstream.Day.Floor(hours.End)}
	err := t.rows(upstream.Window{Start: w.Start, End: hours.Start})
	switch {
	case err != nil:
	case interval == upstream.Hour:
		err = t.hours(hours)
	case days.Start > days.End: // within one day
		err = t.hours(hours)
	default:
		err = t.hours(upstream.Window{Start: hours.Start, End: days.Start})
		if err == nil {
			err = t.days(days)
		}
		if err == nil {
			err = t.hours(upstream.Window{Start: days.End, End: hours.End})
		}
	}
	if err == nil {
		err = t.rows(upstream.Window{Start: hours.End, End: w.End})
	}
	return t, err
}

// placeholders is n of them.
func placeholders(n int) string { return strings.TrimSuffix(strings.Repeat("?, ", n), ", ") }

// tallies adds up what a counts call asks for.
type tallies struct {
	*reader
	kind     *kind
	interval upstream.Interval // 0 is none
	id       string            // the column to add up by
	where    string            // filters, each after an and
	args     []any
	by       map[upstream.ID]*tally
}

func (t *tallies) filter(column string, given bool, value any) {
	if given {
		t.where += " and " + column + " = ?"
		t.args = append(t.args, value)
	}
}

// tally is the counts of one sender or user, by time; without an interval it has one point.
type tally struct {
	points []upstream.Point
}

// at is the point that starts at t. Calls come nearly in order.
func (a *tally) at(t upstream.Time) *upstream.Tally {
	i := len(a.points)
	if i > 0 && a.points[i-1].Start >= t {
		var found bool
		i, found = slices.BinarySearchFunc(a.points, t, func(p upstream.Point, t upstream.Time) int { return cmp.Compare(p.Start, t) })
		if found {
			return &a.points[i].Tally
		}
	}
	a.points = slices.Insert(a.points, i, upstream.Point{Start: t})
	return &a.points[i].Tally
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

// rows counts the rows of a window that lies within one hour.
func (t *tallies) rows(w upstream.Window) error {
	if w.Start >= w.End {
		return nil
	}
	typ := "''"
	if t.kind.Kind == upstream.Bounces {
		typ = "type"
	}
	return t.conn.each(t.ctx, func(v []driver.Value) error {
		t.add(v[0], v[1], w.Start, integer(v[2]))
		return nil
	}, "select "+t.id+", "+typ+", count(*) from "+t.kind.table+" where id >= ? and id < ?"+t.where+" group by 1, 2",
		append([]any{firstID(w.Start), firstID(w.End)}, t.args...)...)
}

// days counts whole days.
func (t *tallies) days(w upstream.Window) error {
	if w.Start >= w.End {
		return nil
	}
	day, group := "0", "2, 3"
	if t.interval != 0 {
		day, group = "day", "1, 2, 3"
	}
	return t.conn.each(t.ctx, func(v []driver.Value) error {
		t.add(v[1], v[2], upstream.Time(integer(v[0])), integer(v[3]))
		return nil
	}, "select "+day+", "+t.id+", type, sum(total) from event_count where kind = ? and day >= ? and day < ?"+t.where+" group by "+group,
		append([]any{t.kind.table, int64(w.Start), int64(w.End)}, t.args...)...)
}

// hours counts whole hours.
func (t *tallies) hours(w upstream.Window) error {
	if w.Start >= w.End {
		return nil
	}
	return t.conn.each(t.ctx, func(v []driver.Value) error {
		start := upstream.Time(integer(v[0]))
		for h, n := range v[3:] {
			if at := start + upstream.Time(h)*hour; w.Contains(at) {
				t.add(v[1], v[2], at, integer(n))
			}
		}
		return nil
	}, "select day, "+t.id+", type, "+hourList+" from event_count where kind = ? and day >= ? and day < ?"+t.where+" order by day",
		append([]any{t.kind.table, int64(upstream.Day.Floor(w.Start)), int64(w.End)}, t.args...)...)
}
