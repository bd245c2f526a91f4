package cached

import (
	"cmp"
	"slices"

	"deliverygraph/upstream"
)

// joinCounts adds up the counts of two windows side by side: a row for each id of
// either, ordered by id. Of two addresses of a sender the newer counts.
func joinCounts(older, newer []upstream.Count) []upstream.Count {
	return fold(older, newer,
		func(c upstream.Count) int64 { return int64(c.ID) },
		func(sum *upstream.Count, c upstream.Count) {
			sum.Tally = sum.Add(c.Tally)
			if c.Sender != "" {
				sum.Sender = c.Sender
			}
		})
}

// joinSeries puts the time series of two windows side by side together. A bucket
// that the seam cuts, which a day may be, is the sum of its parts.
func joinSeries(older, newer []upstream.Series) []upstream.Series {
	return fold(older, newer,
		func(s upstream.Series) int64 { return int64(s.ID) },
		func(all *upstream.Series, s upstream.Series) { all.Points = joinPoints(all.Points, s.Points) })
}

func joinPoints(older, newer []upstream.Point) []upstream.Point {
	return fold(older, newer,
		func(p upstream.Point) int64 { return int64(p.Start) },
		func(sum *upstream.Point, p upstream.Point) { sum.Tally = sum.Add(p.Tally) })
}

// fold is the rows of both ordered by key, those of equal keys added to the first
// of them. It writes to neither.
func fold[R any](older, newer []R, key func(R) int64, add func(*R, R)) []R {
	all := slices.Concat(older, newer)
	slices.SortStableFunc(all, func(a, b R) int { return cmp.Compare(key(a), key(b)) })
	folded := all[:0]
	for _, r := range all {
		if n := len(folded); n > 0 && key(folded[n-1]) == key(r) {
			add(&folded[n-1], r)
		} else {
			folded = append(folded, r)
		}
	}
	return folded
}
