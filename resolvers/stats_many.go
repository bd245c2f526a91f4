package resolvers

import (
	"context"
	"slices"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
)

// statsRow has the stats of one row of a list, with all the counts that are selected.
type statsRow struct {
	of  *[len(upstream.Kinds)]counted // shared by the list
	row upstream.ID                   // id of the counts' row; 0 means the sum of all
}

// counted is the answer to a counts call, or its error.
type counted struct {
	*loaders.Counts
	err error
}

// err returns the error of the calls that a measure needs.
func (s *statsRow) err(m *model.Measure) error {
	if m.Rate && s.of[upstream.Emails].err != nil {
		return s.of[upstream.Emails].err
	}
	return s.of[m.Kind].err
}

func (s *statsRow) tally(k upstream.Kind) upstream.Tally { return s.of[k].Tally(s.row) }

// statsOfAll returns the stats of many subjects over the window in args, with the counts that the selected
// fields need. It makes one call for each kind and each distinct query, and reads each answer once.
func statsOfAll[T any](ctx context.Context, args map[string]any, fields []string, rows []*T,
	subject func(*T) model.Subject) ([]*statsRow, []error) {
	out := make([]*statsRow, len(rows))
	w, err := resolve(ctx, args["window"].(model.Window))
	if err != nil {
		return out, slices.Repeat([]error{err}, len(rows))
	}
	questions, at := distinct(rows, func(r *T) (upstream.CountQuery, bool) {
		return countQuery(&model.Stats{Window: w, Subject: subject(r)}), true
	})
	kinds := model.KindsOf(fields...)
	keys := make([]loaders.CountsKey, 0, len(questions)*len(kinds))
	for _, q := range questions {
		for _, k := range kinds {
			keys = append(keys, loaders.CountsKey{Kind: k, Query: q})
		}
	}
	counts, errs := loaders.From(ctx).Counts.All(ctx, keys)
	answers := make([][len(upstream.Kinds)]counted, len(questions))
	for i, k := range keys {
		answers[i/len(kinds)][k.Kind] = counted{counts[i], errs[i]}
	}
	made := make([]statsRow, len(rows))
	for i, r := range rows {
		made[i] = statsRow{&answers[at[i]], subject(r).Row}
		out[i] = &made[i]
	}
	return out, nil
}
