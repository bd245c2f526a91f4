package store

import (
	"cmp"
	"context"
	"database/sql/driver"
	"maps"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store/internal/event"
	"deliverygraph/upstream/embedded/store/internal/rollup"
)

const day = upstream.Time(86400)

// Counts counts a kind's events in the window by sender, or by user with
// [upstream.ByUser]: one row each that has any, ordered by id. Only is as in
// [Store.Emails]. Of bounces, Soft and Hard count those types; Total counts all,
// of whatever type. A sender's address is the one that was written last for its id,
// and empty where none was. It is GET /email/counts and its like.
func (s *Store) Counts(ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	counts := []upstream.Count{}
	err := s.read(ctx, "count "+k.String(), func(r *reader) error {
		t, err := r.tally(ctx, only, k, q, 0)
		if err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(t)) {
			c := upstream.Count{ID: id, Tally: t[id].points[0].Tally}
			if q.Rollup == upstream.BySender {
				c.Sender = r.senders.byID[id].Address
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

// Series is Counts for each UTC hour or day that has any events, oldest first; the
// first and the last count only what lies in the window.
func (s *Store) Series(ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	series := []upstream.Series{}
	err := s.read(ctx, "count "+k.String(), func(r *reader) error {
		t, err := r.tally(ctx, only, k, q.CountQuery, q.Interval)
		if err != nil {
			return err
		}
		for _, id := range slices.Sorted(maps.Keys(t)) {
			series = append(series, upstream.Series{ID: id, Points: t[id].points})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return series, nil
}

// tally is the counts of one sender or user, by time; without an interval there is one point.
type tally struct {
	points []upstream.Point
}

// at is the point that starts at t. Calls come nearly in order.
func (a *tally) at(t upstream.Time) *upstream.Tally {
	if n := len(a.points); n > 0 && a.points[n-1].Start == t {
		return &a.points[n-1].Tally
	} else if n == 0 || a.points[n-1].Start < t {
		a.points = append(a.points, upstream.Point{Start: t})
		return &a.points[n].Tally
	}
	i, found := slices.BinarySearchFunc(a.points, t, func(p upstream.Point, t upstream.Time) int { return cmp.Compare(p.Start, t) })
	if !found {
		a.points = slices.Insert(a.points, i, upstream.Point{Start: t})
	}
	return &a.points[i].Tally
}

// tallies adds up what a counts call asks for.
type tallies struct {
	by       map[upstream.ID]*tally
	kind     upstream.Kind
	only     map[upstream.ID]bool // nil is all
	query    upstream.CountQuery
	interval upstream.Interval // 0 is none
}

// tally counts; the hours that lie in the window whole come from rollups, the rest from rows.
func (r *reader) tally(ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.CountQuery, interval upstream.Interval) (map[upstream.ID]*tally, error) {
	t := &tallies{by: map[upstream.ID]*tally{}, kind: k, query: q, interval: interval}
	if only != nil {
		t.only = make(map[upstream.ID]bool, len(only))
		for _, id := range only {
			t.only[id] = true
		}
	}
	if q.Window.Start >= q.Window.End || only != nil && len(only) == 0 {
		return t.by, nil
	}
	// Nothing beyond the first and last row is worth a look; that also keeps clear
	// of the ends of the number range.
	w, ok := r.extent(k, q.Window)
	if !ok {
		return t.by, nil
	}
	hours := upstream.Window{Start: upstream.Hour.Floor(w.Start + 3599), End: upstream.Hour.Floor(w.End)}
	if hours.Start > hours.End { // within one hour
		return t.by, r.countRows(ctx, t, w)
	}
	if err := r.countRows(ctx, t, upstream.Window{Start: w.Start, End: hours.Start}); err != nil {
		return nil, err
	}
	if err := r.countHours(ctx, t, hours); err != nil {
		return nil, err
	}
	return t.by, r.countRows(ctx, t, upstream.Window{Start: hours.End, End: w.End})
}

// extent is the part of a window from the hour of the kind's first row to that of
// its last; ok is false where that is nothing.
func (r *reader) extent(k upstream.Kind, w upstream.Window) (_ upstream.Window, ok bool) {
	list := r.chunks[k]
	if len(list) == 0 {
		return w, false
	}
	first, last := list[0].first.Time, list[len(list)-1].last.Time
	w.Start = max(w.Start, upstream.Hour.Floor(first))
	w.End = min(w.End, upstream.Hour.Floor(last)+3600)
	return w, w.Start < w.End
}

// want says whether events of the source count.
func (t *tallies) want(s rollup.Source) bool {
	q := &t.query
	return (q.UserID == 0 || s.User == q.UserID) && (q.SenderID == 0 || s.Sender == q.SenderID) &&
		(q.BounceType == "" || t.kind != upstream.Bounces || s.Type == string(q.BounceType)) &&
		(t.only == nil || t.only[s.User])
}

// of is the tally that the source belongs to.
func (t *tallies) of(s rollup.Source) *tally {
	id := s.Sender
	if t.query.Rollup == upstream.ByUser {
		id = s.User
	}
	a := t.by[id]
	if a == nil {
		a = &tally{}
		t.by[id] = a
	}
	return a
}

// add counts n events of a type at a time.
func (t *tallies) add(a *tally, typ string, at upstream.Time, n int64) {
	if t.interval != 0 {
		at = t.interval.Floor(at)
	} else {
		at = 0
	}
	x := a.at(at)
	x.Total += n
	if t.kind == upstream.Bounces {
		switch upstream.BounceType(typ) {
		case upstream.Hard:
			x.Hard += n
		case upstream.Soft:
			x.Soft += n
		}
	}
}

// countRows counts the rows of a window that lies within one hour: whole chunks by
// their own counts, which bounds the work where an hour has millions, and the rest
// row by row.
func (r *reader) countRows(ctx context.Context, t *tallies, w upstream.Window) error {
	if w.Start >= w.End {
		return nil
	}
	for _, ch := range overlapping(r.chunks[t.kind], w) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if w.Start <= ch.first.Time && ch.last.Time < w.End {
			b, err := r.blob(blocks, ch.block(countSlot))
			if err != nil {
				return err
			}
			err = rollup.Each([]byte(b), t.want, func(s rollup.Source, counts []rollup.Count) {
				for _, c := range counts {
					t.add(t.of(s), s.Type, w.Start, c.N)
				}
			})
			if err != nil {
				return err
			}
			continue
		}
		c, err := r.cursor(ch)
		if err != nil {
			return err
		}
		for i := range c.refs {
			if c.refs[i].first >= w.End {
				break
			}
			if i+1 < len(c.refs) && c.refs[i+1].first < w.Start {
				continue
			}
			if err := c.open(i); err != nil {
				return err
			}
			if err := t.page(&c.page, w); err != nil {
				return err
			}
		}
	}
	return nil
}

// page counts those rows of a page that lie in the window.
func (t *tallies) page(p *event.Page, w upstream.Window) error {
	for row := range p.Len() {
		at, user, sender, typ, err := p.Source(row)
		if err != nil {
			return err
		}
		if s := (rollup.Source{User: user, Sender: sender, Type: typ}); w.Contains(at) && t.want(s) {
			t.add(t.of(s), typ, at, 1)
		}
	}
	return nil
}

// countHours counts whole hours.
func (r *reader) countHours(ctx context.Context, t *tallies, w upstream.Window) error {
	if w.Start >= w.End {
		return nil
	}
	var start upstream.Time
	each := func(s rollup.Source, counts []rollup.Count) {
		var a *tally
		for _, c := range counts {
			if at := start + upstream.Time(c.Hour)*3600; w.Contains(at) {
				if a == nil {
					a = t.of(s)
				}
				t.add(a, s.Type, at, c.N)
			}
		}
	}
	from, to := rollupID(t.kind, upstream.Day.Floor(w.Start)), rollupID(t.kind, upstream.Day.Floor(w.End-1))
	return r.conn.each(func(row []driver.Value) error {
		id, _ := row[0].(int64)
		data, _ := row[1].([]byte)
		start = rollupDay(id)
		if err := ctx.Err(); err != nil {
			return err
		}
		return rollup.Each(data, t.want, each)
	}, "select id, data from rollup where id between ? and ? order by id", from, to)
}

// Rollups of a kind are in the order of their days, which may lie before 1970. Time's
// range has less than 2⁴⁸ days.
const rollupZero = 1 << 48

func rollupID(k upstream.Kind, dayStart upstream.Time) int64 {
	return int64(k)<<50 + rollupZero + int64(dayStart/day)
}

func rollupDay(id int64) upstream.Time {
	return upstream.Time(id&(1<<50-1)-rollupZero) * day
}
