package sqlite

import (
	"context"
	"database/sql/driver"
	"maps"
	"slices"

	"deliverygraph/upstream"
)

// Counts counts events by sender or user: see [store.Reader].
func (s *Store) Counts(
	ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.CountQuery,
) (counts []upstream.Count, err error) {
	counts = []upstream.Count{}
	err = s.read(ctx, "count "+k.String(), func(r *reader) {
		for _, x := range r.tally(only, kinds[k], q.Per(0)) {
			c := upstream.Count{ID: x.ID, Tally: x.Points[0].Tally}
			if q.Rollup == upstream.BySender {
				for v := range r.Rows("select address from sender where id = ?", int64(x.ID)) {
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
	ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.CountQuery,
) (series []upstream.Series, err error) {
	err = s.read(ctx, "count "+k.String(), func(r *reader) {
		series = r.tally(only, kinds[k], q)
	})
	return series, err
}

// tally returns the points of senders or users, ordered by id. Without an interval, each has one.
func (r *reader) tally(only []upstream.ID, k *kind, q upstream.CountQuery) []upstream.Series {
	list := q.List()
	x := sum{
		listing: r.listing(k, only, &list), by: [2]upstream.Dimension{upstream.DimensionSender}, times: q.Interval,
	}
	if q.Rollup == upstream.ByUser {
		x.by[0] = upstream.DimensionUser
	}
	if k.Kind == upstream.Bounces {
		x.by[1] = upstream.DimensionType
	}
	by := map[upstream.ID]*upstream.Series{}
	x.add = func(keys []driver.Value, at upstream.Time, n int64) {
		id := upstream.ID(integer(keys[0]))
		if by[id] == nil {
			by[id] = &upstream.Series{ID: id}
		}
		p := point(by[id], at)
		p.Total += n
		switch upstream.BounceType(text(keys[1])) {
		case upstream.Hard:
			p.Hard += n
		case upstream.Soft:
			p.Soft += n
		}
	}
	x.run()
	series := []upstream.Series{}
	for _, id := range slices.Sorted(maps.Keys(by)) {
		series = append(series, *by[id])
	}
	return series
}

// point returns the point of a series at a time. Calls come in the order of days.
func point(s *upstream.Series, at upstream.Time) *upstream.Point {
	i := len(s.Points)
	for i > 0 && s.Points[i-1].Start > at {
		i--
	}
	if i == 0 || s.Points[i-1].Start < at {
		s.Points = slices.Insert(s.Points, i, upstream.Point{Start: at})
		i++
	}
	return &s.Points[i-1]
}
