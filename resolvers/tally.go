package resolvers

import (
	"cmp"
	"context"
	"slices"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
)

// statsRow has the stats of one row of a list, with all the counts that are selected.
type statsRow struct {
	of  *[len(upstream.Kinds)]countsOf // shared by the list
	row upstream.ID                    // id of the counts' row; 0 means the sum of all
}

func (s *statsRow) err(k upstream.Kind) error { return s.of[k].err }

func (s *statsRow) tally(k upstream.Kind) upstream.Tally {
	if s.row == 0 {
		return s.of[k].all
	}
	return s.of[k].find(s.row).Tally
}

// statsOfAll returns the stats of many subjects over the window in args, with the counts that the selected
// fields need. It makes one call for each kind and each distinct query, and reads each answer once.
func statsOfAll[T any](ctx context.Context, args map[string]any, fields []string, rows []*T, subject func(*T) model.Subject) ([]*statsRow, []error) {
	out := make([]*statsRow, len(rows))
	w, err := resolve(ctx, args["window"].(model.Window))
	if err != nil {
		return out, slices.Repeat([]error{err}, len(rows))
	}
	questions, at := shared(rows, func(r *T) (upstream.CountQuery, bool) {
		return countQuery(&model.Stats{Window: w, Subject: subject(r)}), true
	})
	kinds := kindsOf(fields)
	asked := make([]loaders.Counts, 0, len(questions)*len(kinds))
	for _, q := range questions {
		for _, k := range kinds {
			asked = append(asked, loaders.Counts{Kind: k, Query: q})
		}
	}
	loaders.From(ctx).CountAll(ctx, asked)
	answers := make([][len(upstream.Kinds)]countsOf, len(questions))
	for i, a := range asked {
		answers[i/len(kinds)][a.Kind] = newCountsOf(a)
	}
	made := make([]statsRow, len(rows))
	for i, r := range rows {
		made[i] = statsRow{&answers[at.of(i)], subject(r).Row}
		out[i] = &made[i]
	}
	return out, nil
}

// addresses loads senders' addresses. It makes one call for each origin, and reads each answer once.
func addresses(ctx context.Context, rows []*model.Sender) (func([]byte, int) []byte, []error) {
	origins, at := shared(rows, func(s *model.Sender) (model.Origin, bool) { return s.Origin, s.Known == nil })
	asked := make([]loaders.Counts, len(origins))
	for i, o := range origins {
		asked[i] = loaders.Counts{Kind: o.Kind, Query: originQuery(o)}
	}
	loaders.From(ctx).CountAll(ctx, asked)
	answers := make([]countsOf, len(origins))
	var errs []error
	for i, a := range asked {
		if answers[i] = newCountsOf(a); a.Err != nil {
			errs = make([]error, len(rows))
		}
	}
	texts := make([]string, len(rows))
	for i, s := range rows {
		if s.Known != nil {
			texts[i] = *s.Known
			continue
		}
		a := &answers[at.of(i)]
		if texts[i] = a.find(s.Key).Sender; errs != nil {
			errs[i] = a.err
		}
	}
	return func(dst []byte, i int) []byte {
		if texts[i] == "" && rows[i].Known == nil {
			return append(dst, "null"...)
		}
		return model.AppendString(dst, texts[i])
	}, errs
}

// shared returns the distinct queries of the rows of a list, and the index of each row's query among them. A
// row may have no query.
func shared[T any, Q comparable](rows []*T, question func(*T) (Q, bool)) (questions []Q, at places) {
	var met map[Q]int
	last := 0 // most rows have the same query as the row before
	for i, r := range rows {
		q, asks := question(r)
		if !asks {
			continue
		}
		if len(questions) == 0 {
			questions = append(questions, q)
		}
		if q != questions[last] {
			if met == nil {
				met, at = map[Q]int{questions[0]: 0}, make(places, len(rows))
			}
			var known bool
			if last, known = met[q]; !known {
				last = len(questions)
				met[q] = last
				questions = append(questions, q)
			}
		}
		if at != nil {
			at[i] = last
		}
	}
	return questions, at
}

// places holds the index of each row's query. If it is nil, all rows use the first.
type places []int

func (p places) of(i int) int {
	if p == nil {
		return 0
	}
	return p[i]
}

// countsOf finds rows of a counts answer by id. Answers are normally sorted and have each id once, so an index
// is built only for a remote whose answer is not.
type countsOf struct {
	rows  []upstream.Count
	index map[upstream.ID]int // set if rows are not sorted
	all   upstream.Tally      // sum of the rows
	err   error
}

func newCountsOf(a loaders.Counts) countsOf {
	c := countsOf{rows: a.Rows, err: a.Err}
	sorted := true
	for i, r := range a.Rows {
		sorted = sorted && (i == 0 || a.Rows[i-1].ID < r.ID)
		c.all = c.all.Add(r.Tally)
	}
	if sorted {
		return c
	}
	c.rows, c.index = nil, make(map[upstream.ID]int, len(a.Rows))
	for _, r := range a.Rows {
		i, met := c.index[r.ID]
		if !met {
			c.index[r.ID] = len(c.rows)
			c.rows = append(c.rows, r)
			continue
		}
		c.rows[i].Tally = c.rows[i].Add(r.Tally)
	}
	return c
}

// find returns the row of an id, with all its tallies added up and its first address, or a zero row.
func (c *countsOf) find(id upstream.ID) upstream.Count {
	i, met := c.index[id]
	if c.index == nil {
		i, met = slices.BinarySearchFunc(c.rows, id, func(r upstream.Count, id upstream.ID) int { return cmp.Compare(r.ID, id) })
	}
	if !met {
		return upstream.Count{}
	}
	return c.rows[i]
}
