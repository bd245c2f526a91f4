package cached

import (
	"context"
	"fmt"
	"slices"

	"deliverygraph/upstream"
)

// far is how much a sum may lack to be fetched by the hour; more is fetched by the day.
const far = 2 * 86400

// reach answers the question where the sum lacks an hour or more: one call fetches what
// has settled since and the open edge behind it, as a time series, which can be cut where
// a bucket begins. It says false where that cannot be done, or failed. A sum that lacks
// many days grows to the last midnight, and to the last settled hour the next time.
func (t tally[T]) reach(ctx context.Context, a *API, m moment, key string) (T, bool) {
	var none T
	_, s, good := t.held(a, key)
	if !good {
		s = sum[T]{upTo: t.window.Start, since: a.o.Now()}
	}
	if s.upTo >= m.hour() {
		return none, false
	}
	known := s.rows
	if e, held := t.question(a, m, upstream.Window{Start: s.upTo, End: t.window.End}).latest.follow(a); held {
		known = t.join(known, e.value.(T))
	}
	if _, can := t.tell(t.filter, known, nil); !can {
		return none, false
	}
	step, seam := upstream.Hour, m.hour()
	if t.filter.Interval != upstream.Hour && seam-s.upTo > far {
		step, seam = upstream.Day, upstream.Day.Floor(seam)
	}
	q := t.filter
	q.Interval, q.Window = step, upstream.Window{Start: s.upTo, End: t.window.End}
	rows, err := remember(ctx, a, question[[]upstream.Series]{
		endpoint: t.path, path: t.path, query: q.Encode(),
		form: fmt.Sprint("reach to ", m.hour()), // what was asked for before that hour was settled may lack some of it
		keep: a.o.Fresh,
		load: func(ctx context.Context) ([]upstream.Series, error) { return a.api.Series(ctx, t.kind, q) },
		pack: packSeries,
	})
	if err != nil {
		return none, false
	}
	older, newer, sound := cut(rows, step, seam)
	past, knowsPast := t.tell(t.filter, known, older)
	edge, knowsEdge := t.tell(t.filter, known, newer)
	if !sound || !knowsPast || !knowsEdge {
		return none, false
	}
	past, ofPast := t.pack(t.join(s.rows, past))
	ofPast.bytes += sizeOf[sum[T]]()
	whole := t.question(a, m, t.window)
	all, n := t.pack(t.join(past, edge))
	a.put(a.key(whole.form, whole.path, whole.query), all, n, whole.keep)
	whole.latest.point(a, a.key(whole.form, whole.path, whole.query))
	a.put(key, sum[T]{seam, past, s.since}, ofPast, forever) // last: whoever finds that it has grown finds the whole
	return all, true
}

// cut parts time series at the start of a bucket. A remote's buckets may be others than
// were asked for: it says false.
func cut(series []upstream.Series, step upstream.Interval, seam upstream.Time) (older, newer []upstream.Series, sound bool) {
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

// addUp is the counts that time series add up to. Those by sender show addresses, which
// series do not: they are the known ones, and it says false where one or all of them are
// not known.
func addUp(q upstream.SeriesQuery, known []upstream.Count, series []upstream.Series) (counts []upstream.Count, all bool) {
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
			i := slices.IndexFunc(known, func(k upstream.Count) bool { return k.ID == s.ID })
			if i < 0 {
				return nil, false
			}
			c.Sender = known[i].Sender
		}
		counts = append(counts, c)
	}
	return counts, true
}

// widen puts time series into the buckets that are asked for, each of which holds whole
// buckets of theirs.
func widen(q upstream.SeriesQuery, _, series []upstream.Series) (_ []upstream.Series, all bool) {
	wide := make([]upstream.Series, len(series))
	for i, s := range series {
		points := slices.Clone(s.Points)
		for j := range points {
			points[j].Start = q.Interval.Floor(points[j].Start)
		}
		wide[i] = upstream.Series{ID: s.ID, Points: joinPoints(nil, points)}
	}
	return wide, true
}
