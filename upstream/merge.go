package upstream

import (
	"cmp"
	"context"
	"slices"
)

// MergeCounts adds up answers to counts calls, such as those for adjacent windows or for several users. The result has
// one row for each id, ordered by id. If a sender's addresses differ, the last one is kept. The answers are not
// modified.
func MergeCounts(answers ...[]Count) []Count {
	return merge(answers, func(c *Count) int64 { return int64(c.ID) }, func(sum *Count, c Count) {
		sum.Tally = sum.Add(c.Tally)
		if c.Sender != "" {
			sum.Sender = c.Sender
		}
	})
}

// MergeSeries adds up answers to time series calls, like [MergeCounts]. Points of the same bucket are added up, such as
// those of a day that two windows share.
func MergeSeries(answers ...[]Series) []Series {
	return merge(answers, func(s *Series) int64 { return int64(s.ID) }, func(sum *Series, s Series) {
		sum.Points = MergePoints(sum.Points, s.Points)
	})
}

// MergePoints adds up the points of time series: one for each bucket, oldest first.
func MergePoints(series ...[]Point) []Point {
	return merge(series, func(p *Point) int64 { return int64(p.Start) }, func(sum *Point, p Point) {
		sum.Tally = sum.Add(p.Tally)
	})
}

// merge sorts all rows by key, and adds rows with the same key to the first of them.
func merge[R any](answers [][]R, key func(*R) int64, add func(sum *R, r R)) []R {
	all := slices.Concat(answers...)
	slices.SortStableFunc(all, func(a, b R) int { return cmp.Compare(key(&a), key(&b)) })
	merged := all[:0]
	for _, r := range all {
		if n := len(merged); n > 0 && key(&merged[n-1]) == key(&r) {
			add(&merged[n-1], r)
		} else {
			merged = append(merged, r)
		}
	}
	return merged
}

// MergeLists merges n lists, each read page by page, and returns a page of the merged list from an offset. next returns
// the next page of list i, and whether the list has more. The first pages are read concurrently, further ones only as
// far as the merged page needs them.
func MergeLists[R any](ctx context.Context, n, offset int, next func(ctx context.Context, i int) ([]R, bool, error),
	compare func(a, b *R) int) ([]R, error) {
	rows, more, errs := make([][]R, n), make([]bool, n), make([]error, n) // rows are those not yet merged
	Concurrently(n, func(i int) { rows[i], more[i], errs[i] = next(ctx, i) })
	if err := cmp.Or(errs...); err != nil {
		return nil, err
	}
	var merged []R
	for len(merged) < PageSize {
		first := -1 // the list with the first row
		for i := range rows {
			for len(rows[i]) == 0 && more[i] {
				var err error
				if rows[i], more[i], err = next(ctx, i); err != nil {
					return nil, err
				}
			}
			if len(rows[i]) > 0 && (first < 0 || compare(&rows[i][0], &rows[first][0]) < 0) {
				first = i
			}
		}
		switch {
		case first < 0:
			return merged, nil
		case offset > 0:
			offset--
		default:
			merged = append(merged, rows[first][0])
		}
		rows[first] = rows[first][1:]
	}
	return merged, nil
}
