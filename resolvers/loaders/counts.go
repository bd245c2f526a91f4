package loaders

import (
	"cmp"
	"context"
	"slices"

	"deliverygraph/upstream"
)

// CountsKey identifies a call for counts, or for time series if the query has an interval. The stats of all users or
// senders of a list share one, as do the addresses of the senders of rows.
type CountsKey struct {
	Kind  upstream.Kind
	Query upstream.CountQuery
}

// Counts loads the counts for a field of one object.
func (l *Loaders) Counts(ctx context.Context, k CountsKey) (*Counts, error) {
	return l.counts.one(ctx, k)
}

// BeginCounts begins to load counts, and returns the function that waits for them.
func (l *Loaders) BeginCounts(ctx context.Context, k CountsKey) func() (*Counts, error) {
	return l.counts.promise(ctx, k)
}

// AllCounts loads all counts at once. Each has its value or its error.
func (l *Loaders) AllCounts(ctx context.Context, keys []CountsKey) (all []*Counts, errs []error) {
	return l.counts.all(ctx, keys)
}

// BeginSeries begins to load time series, and returns the function that waits for them.
func (l *Loaders) BeginSeries(ctx context.Context, k CountsKey) func() ([]upstream.Series, error) {
	return l.series.promise(ctx, k)
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

func seriesBatch(ctx context.Context, api upstream.API, keys []CountsKey, values [][]upstream.Series, errs []error) {
	upstream.Concurrently(len(keys), func(i int) { values[i], errs[i] = api.Series(ctx, keys[i].Kind, keys[i].Query) })
}

// Counts is the answer to a counts call.
type Counts struct {
	Rows []upstream.Count // in the upstream's order
	Sum  upstream.Tally   // of all rows

	// distinct and index have each id once. They are set if the rows are not sorted by id, or have an id twice,
	// as only a remote's may.
	distinct []upstream.Count
	index    map[upstream.ID]int
}

func newCounts(rows []upstream.Count) Counts {
	c := Counts{Rows: rows}
	sorted := true
	for i := range rows {
		sorted = sorted && (i == 0 || rows[i-1].ID < rows[i].ID)
		c.Sum = c.Sum.Add(rows[i].Tally)
	}
	if sorted {
		return c
	}
	c.index = make(map[upstream.ID]int, len(rows))
	for _, r := range rows {
		i, met := c.index[r.ID]
		if !met {
			c.index[r.ID] = len(c.distinct)
			c.distinct = append(c.distinct, r)
			continue
		}
		c.distinct[i].Tally = c.distinct[i].Add(r.Tally)
	}
	return c
}

// Of returns the row of an id, with all its tallies added up and its first address, or a zero row.
func (c *Counts) Of(id upstream.ID) upstream.Count {
	if c.index != nil {
		if i, met := c.index[id]; met {
			return c.distinct[i]
		}
		return upstream.Count{}
	}
	i, met := slices.BinarySearchFunc(c.Rows, id,
		func(r upstream.Count, id upstream.ID) int { return cmp.Compare(r.ID, id) })
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
