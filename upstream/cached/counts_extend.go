package cached

import (
	"cmp"
	"context"
	"slices"

	"deliverygraph/upstream"
)

// far is the part of a window that a sum may lack to be fetched by the hour, in seconds; more is fetched by the day.
const far = 2 * 86400

// extend answers q if the sum lacks an hour or more. One call fetches what has settled since and the open edge after
// it, as a time series, which can be cut at the start of a bucket. It returns false if that is not possible, or fails.
// A sum that lacks many days grows to the last midnight, and to the last settled hour the next time.
func (c *Cache) extend(ctx context.Context, m moment, q *upstream.Question, k key) (any, bool) {
	_, s, good := c.heldSum(k)
	if !good {
		s = sum{upTo: q.Window.Start, since: c.o.Now()}
	}
	if s.upTo >= m.hour() {
		return nil, false
	}
	known := s.rows
	missing := within(q, s.upTo, q.Window.End)
	if e, held := c.newest(m, c.key(lookup{q: missing})); held {
		known = add(q, known, e.value)
	}
	if _, can := fromSeries(q, known, nil); !can {
		return nil, false
	}
	step, seam := upstream.Hour, m.hour()
	if q.Interval != upstream.Hour && seam-s.upTo > far {
		step, seam = upstream.Day, upstream.Day.Floor(seam)
	}
	missing.Shape, missing.Interval = upstream.ShapeSeries, step
	// Earlier answers, from before that hour had settled, may lack some of its events.
	answer, err := c.remember(ctx, m, lookup{q: missing, form: extensions, hour: m.hour()})
	if err != nil {
		return nil, false
	}
	rows, _ := answer.([]upstream.Series)
	older, newer, sound := cut(rows, step, seam)
	past, knowsPast := fromSeries(q, known, older)
	edge, knowsEdge := fromSeries(q, known, newer)
	if !sound || !knowsPast || !knowsEdge {
		return nil, false
	}
	past, ofPast := packed(add(q, s.rows, past))
	all, n := packed(add(q, past, edge))
	whole := c.key(lookup{q: q})
	keep := c.o.keep(m, q, all)
	c.put(whole, all, n, keep, 0)
	c.share(ctx, whole, q, fetched{value: all, keep: keep})
	c.point(m, whole)
	c.putSum(ctx, q, k, sum{seam, past, s.since}, ofPast) // last: callers who find the grown sum also find the whole
	return all, true
}

// cut splits time series at the start of a bucket. It returns false if a remote sent other buckets than were asked for.
func cut(series []upstream.Series, step upstream.Interval,
	seam upstream.Time) (older, newer []upstream.Series, sound bool) {
	for _, s := range series {
		var parts [2][]upstream.Point
		for _, p := range s.Points {
			if p.Start != step.Floor(p.Start) {
				return nil, nil, false
			}
			part := &parts[0]
			if p.Start >= seam {
				part = &parts[1]
			}
			*part = append(*part, p)
		}
		if parts[0] != nil {
			older = append(older, upstream.Series{ID: s.ID, Points: parts[0]})
		}
		if parts[1] != nil {
			newer = append(newer, upstream.Series{ID: s.ID, Points: parts[1]})
		}
	}
	return older, newer, true
}

// fromSeries answers q from time series and from what is known about the same rows. It returns false if these do not
// suffice.
func fromSeries(q *upstream.Question, known any, series []upstream.Series) (answer any, ok bool) {
	if q.Shape == upstream.ShapeSeries {
		return widen(q, series), true
	}
	counts, _ := known.([]upstream.Count)
	return addUp(q, counts, series)
}

// addUp returns the counts that time series add up to. Counts by sender contain addresses, which series do not: they
// are taken from the known counts. It returns false if those lack an address.
func addUp(q *upstream.Question, known []upstream.Count, series []upstream.Series) (counts []upstream.Count, all bool) {
	bySender := q.Rollup == upstream.BySender
	if bySender && len(known) == 0 {
		return nil, false
	}
	for _, s := range series {
		c := upstream.Count{ID: s.ID}
		for _, p := range s.Points {
			c.Tally = c.Add(p.Tally)
		}
		if c.Tally == (upstream.Tally{}) {
			continue
		}
		if bySender {
			i, found := slices.BinarySearchFunc(known, s.ID, func(k upstream.Count, id upstream.ID) int {
				return cmp.Compare(k.ID, id)
			})
			if !found {
				return nil, false
			}
			c.Sender = known[i].Sender
		}
		counts = append(counts, c)
	}
	return counts, true
}

// widen puts the points of time series into the buckets that q asks for, each of which contains whole buckets of
// theirs.
func widen(q *upstream.Question, series []upstream.Series) []upstream.Series {
	wide := make([]upstream.Series, len(series))
	for i, s := range series {
		points := slices.Clone(s.Points)
		for j := range points {
			points[j].Start = q.Interval.Floor(points[j].Start)
		}
		wide[i] = upstream.Series{ID: s.ID, Points: upstream.MergePoints(points)}
	}
	return wide
}
