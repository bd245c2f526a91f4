package resolvers

import (
	"cmp"
	"context"
	"slices"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/fanout"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
)

// byID finds the rows of a counts answer by their ids. Answers come sorted and with
// each id once, so that nothing is made to find them; a remote may have another idea.
type byID struct {
	rows  []upstream.Count
	index map[upstream.ID]int // where they are not sorted
}

func newByID(rows []upstream.Count) byID {
	sorted := true
	for i := 1; i < len(rows) && sorted; i++ {
		sorted = rows[i-1].ID < rows[i].ID
	}
	if sorted {
		return byID{rows: rows}
	}
	b := byID{index: make(map[upstream.ID]int, len(rows))}
	for _, r := range rows {
		i, met := b.index[r.ID]
		if !met {
			b.index[r.ID] = len(b.rows)
			b.rows = append(b.rows, r)
			continue
		}
		b.rows[i].Tally = b.rows[i].Add(r.Tally)
	}
	return b
}

// of gives the row of an id, its tallies added up and its first address, or nothing.
func (b byID) of(id upstream.ID) upstream.Count {
	i, met := b.index[id]
	if b.index == nil {
		i, met = slices.BinarySearchFunc(b.rows, id, func(r upstream.Count, id upstream.ID) int { return cmp.Compare(r.ID, id) })
	}
	if !met {
		return upstream.Count{}
	}
	return b.rows[i]
}

// tallies loads the counts of many stats: one call for each query that they share,
// and one look through its answer.
func tallies(ctx context.Context, rows []*model.Stats, k upstream.Kind) ([]upstream.Tally, []error) {
	type answer struct {
		query upstream.CountQuery
		of    byID
		all   upstream.Tally
		err   error
	}
	var answers []answer
	at := make([]int, len(rows)) // of a row's answer
	met := map[upstream.CountQuery]int{}
	for i, s := range rows {
		q := countQuery(s)
		if i > 0 && q == answers[at[i-1]].query { // as the rows of a page have it
			at[i] = at[i-1]
			continue
		}
		j, known := met[q]
		if !known {
			j = len(answers)
			met[q] = j
			answers = append(answers, answer{query: q})
		}
		at[i] = j
	}
	fanout.Each(len(answers), func(i int) {
		a := &answers[i]
		var counts []upstream.Count
		counts, a.err = loaders.From(ctx).API.Counts(ctx, k, a.query)
		a.of = newByID(counts)
		for _, c := range counts {
			a.all = a.all.Add(c.Tally)
		}
	})
	out, errs := make([]upstream.Tally, len(rows)), make([]error, len(rows))
	for i, s := range rows {
		a := &answers[at[i]]
		if errs[i] = a.err; s.Subject.Row == 0 {
			out[i] = a.all
		} else {
			out[i] = a.of.of(s.Subject.Row).Tally
		}
	}
	return out, errs
}

// addresses loads senders' addresses: one call for each origin, and one look
// through its answer.
func addresses(ctx context.Context, rows []*model.Sender) (func([]byte, int) []byte, []error) {
	type answer struct {
		origin model.Origin
		of     byID
		err    error
	}
	var answers []answer
	at := make([]int, len(rows)) // of a row's answer
	met := map[model.Origin]int{}
	last := -1
	for i, s := range rows {
		if s.Known != nil {
			continue
		}
		if last >= 0 && s.Origin == answers[last].origin {
			at[i] = last
			continue
		}
		j, known := met[s.Origin]
		if !known {
			j = len(answers)
			met[s.Origin] = j
			answers = append(answers, answer{origin: s.Origin})
		}
		at[i], last = j, j
	}
	fanout.Each(len(answers), func(i int) {
		a := &answers[i]
		var counts []upstream.Count
		counts, a.err = originCounts(ctx, a.origin)
		a.of = newByID(counts)
	})
	texts, errs := make([]string, len(rows)), make([]error, len(rows))
	for i, s := range rows {
		if s.Known != nil {
			texts[i] = *s.Known
		} else {
			a := &answers[at[i]]
			texts[i], errs[i] = a.of.of(s.Key).Sender, a.err
		}
	}
	return func(dst []byte, i int) []byte {
		if texts[i] == "" && rows[i].Known == nil {
			return append(dst, "null"...)
		}
		return model.AppendString(dst, texts[i])
	}, errs
}
