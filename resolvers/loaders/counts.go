package loaders

import (
	"cmp"
	"context"
	"sort"

	"deliverygraph/upstream"
)

// CountsKey identifies a call for counts, or for time series if the query has an interval. The stats of all users or
// senders of a list share one, as do the addresses of the senders of rows.
type CountsKey struct {
	Kind  upstream.Kind
	Query upstream.CountQuery
}

func countsBatch(ctx context.Context, api upstream.API, keys []CountsKey, values []*Counts, errs []error) {
	all := make([]Counts, len(keys))
	upstream.Concurrently(len(keys), func(i int) {
		rows, err := api.Counts(ctx, keys[i].Kind, keys[i].Query)
		if errs[i] = err; err == nil {
			all[i] = newCounts(rows)
			values[i] = &all[i]
		}
	})
}

var seriesBatch = each(func(ctx context.Context, api upstream.API, k CountsKey) ([]upstream.Series, error) {
	return api.Series(ctx, k.Kind, k.Query)
})

// Counts is the answer to a counts call.
type Counts struct {
	Rows []upstream.Count // each id once, in ascending order
	Sum  upstream.Tally   // of all rows
}

func newCounts(rows []upstream.Count) Counts {
	c := Counts{Rows: rows}
	sorted := true
	for i := range rows {
		sorted = sorted && (i == 0 || rows[i-1].ID < rows[i].ID)
		c.Sum = c.Sum.Add(rows[i].Tally)
	}
	if !sorted { // or with an id twice, as only the answer of a remote may be
		c.Rows = upstream.MergeCounts(rows)
	}
	return c
}

// Of returns the row of an id, or a zero row.
func (c *Counts) Of(id upstream.ID) upstream.Count {
	i, met := sort.Find(len(c.Rows), func(i int) int { return cmp.Compare(id, c.Rows[i].ID) })
	if !met {
		return upstream.Count{}
	}
	return c.Rows[i]
}

// Tally returns the tally of an id, or the sum of all rows if id is 0.
func (c *Counts) Tally(id upstream.ID) upstream.Tally {
	if id == 0 {
		return c.Sum
	}
	return c.Of(id).Tally
}
