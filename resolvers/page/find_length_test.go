package page_test

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// quarter is a window of 90 days, from a midnight.
var quarter = upstream.Window{Start: 1_600_041_600, End: 1_600_041_600 + 90*86400}

// crowd is a long list without its rows: it makes those of a page when asked. The times of its rows follow a
// density.
type crowd struct {
	sums []int // number of rows before the end of each step of twenty minutes
}

const step = 1200

func newCrowd(n int, density func(part, hour float64, weekday int) float64) crowd {
	var sums []float64
	all := 0.0
	for at := quarter.Start; at < quarter.End; at += step {
		since := float64(at - quarter.Start)
		all += density(since/float64(quarter.End-quarter.Start), math.Mod(since/3600, 24), int(since/86400)%7)
		sums = append(sums, all)
	}
	c := crowd{sums: make([]int, len(sums))}
	for i, s := range sums {
		c.sums[i] = int(math.Round(s / all * float64(n)))
	}
	return c
}

// at returns row i, of all.
func (c crowd) at(i int) row {
	k, _ := slices.BinarySearch(c.sums, i+1)
	before := 0
	if k > 0 {
		before = c.sums[k-1]
	}
	t := quarter.Start + upstream.Time(k)*step + upstream.Time((i-before)*step/(c.sums[k]-before))
	return row{page.Key{Time: t, EmailID: fmt.Sprintf("%08d", i)}}
}

func (c crowd) len() int { return c.sums[len(c.sums)-1] }

// before returns how many rows come before a time.
func (c crowd) before(t upstream.Time) int {
	low, high := 0, c.len()
	for low < high {
		if mid := (low + high) / 2; c.at(mid).Time < t {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low
}

func (c crowd) fetch(_ context.Context, w upstream.Window, offset int) ([]row, error) {
	from, to := c.before(w.Start), c.before(w.End)
	from = min(from+offset, to)
	rows := make([]row, 0, upstream.PageSize)
	for i := from; i < min(to, from+upstream.PageSize); i++ {
		rows = append(rows, c.at(i))
	}
	return rows, nil
}

func steady(_, hour float64, weekday int) float64 {
	d := 1 + 0.8*math.Sin(hour/24*2*math.Pi)
	if weekday >= 5 {
		d *= 0.4
	}
	return d
}

// The total of a list that counts do not support takes three rounds up to a million rows, if its rows come as mail
// does. Strange lists take more, but no more than bisection would.
func TestTotalOfLongListTakesThreeRounds(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		density func(part, hour float64, weekday int) float64
		rounds  int
	}{
		"evenly":          {func(float64, float64, int) float64 { return 1 }, 3},
		"by day and week": {steady, 3},
		"growing":         {func(p, h float64, d int) float64 { return steady(p, h, d) * (1 + 2*p) }, 5},
		"with an incident": {func(p, h float64, d int) float64 {
			return cmp.Or(math.Floor(p/0.95)*math.Floor(1.95-p)*500, steady(p, h, d))
		}, 8},
		"until a third": {func(p, h float64, d int) float64 {
			return steady(p, h, d) * math.Ceil(max(0, 0.33-p))
		}, 8},
		"in the last third": {func(p, h float64, d int) float64 {
			return steady(p, h, d) * math.Ceil(max(0, p-0.66))
		}, 8},
		"in the first minutes": {func(p, _ float64, _ int) float64 { return math.Ceil(max(0, 0.0001-p)) }, 8},
		"in the last minutes":  {func(p, _ float64, _ int) float64 { return math.Ceil(max(0, p-0.9996)) }, 8},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for _, n := range []int{0, 700, 3000, 15_000, 60_000, 250_000, 1_000_000} {
					list := newCrowd(n, c.density)
					calls := make(chan string, 100)
					fetch := func(ctx context.Context, w upstream.Window, offset int) ([]row, error) {
						calls <- fmt.Sprint(w.Start, "+", offset/500)
						return list.fetch(ctx, w, offset)
					}
					s := distant(page.Source[row]{Window: quarter, Key: keyOf, Time: timeOf, Fetch: fetch,
						Memory: &notes{before: quarter.End - 3600}}, time.Second)
					begun := time.Now()
					got := total(t, s)
					rounds := int(time.Since(begun) / time.Second)
					if got != int64(list.len()) || rounds > c.rounds || len(calls) > page.MaxCalls {
						t.Errorf("%d rows: total is %d, in %d rounds and %d calls", list.len(), got, rounds, len(calls))
					} else {
						t.Logf("%d rows: %d rounds, %d calls", n, rounds, len(calls))
					}
				}
			})
		})
	}
}
