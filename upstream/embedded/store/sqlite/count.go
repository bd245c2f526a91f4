package sqlite

import (
	"database/sql/driver"
	"maps"
	"slices"

	"deliverygraph/upstream"
)

// Series counts events by sender or user: see [store.View].
func (v *view) Series(k upstream.Kind, q upstream.CountQuery) ([]upstream.Series, error) {
	list := q.List()
	x := sum{
		listing: v.listing(kinds[k], &list), by: [2]upstream.Dimension{upstream.DimensionSender}, times: q.Interval,
	}
	if q.Rollup == upstream.ByUser {
		x.by[0] = upstream.DimensionUser
	}
	if k == upstream.Bounces {
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
	return series, v.Err
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
