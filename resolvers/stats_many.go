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

// addresses loads senders' addresses. It makes one call for each origin, and reads each answer once.
func addresses(ctx context.Context, rows []*model.Sender) (func([]byte, int) []byte, []error) {
	keys, at := distinct(rows, func(s *model.Sender) (loaders.CountsKey, bool) {
		return originCounts(s.Origin), s.Known == nil
	})
	counts, failed := loaders.From(ctx).Counts.All(ctx, keys)
	var errs []error
	if cmp.Or(failed...) != nil {
		errs = make([]error, len(rows))
	}
	texts := make([]string, len(rows))
	for i, s := range rows {
		switch {
		case s.Known != nil:
			texts[i] = *s.Known
		case failed[at[i]] != nil:
			errs[i] = failed[at[i]]
		default:
			texts[i] = counts[at[i]].Of(s.Key).Sender
		}
	}
	return func(dst []byte, i int) []byte {
		if texts[i] == "" && rows[i].Known == nil {
			return append(dst, "null"...)
		}
		return model.AppendString(dst, texts[i])
	}, errs
}

// distinct returns the distinct keys of the rows of a list, and the index of each row's key among them. A row may
// have no key.
func distinct[T any, K comparable](rows []*T, key func(*T) (K, bool)) (keys []K, at []int) {
	at = make([]int, len(rows))
	var met map[K]int // nil while there is at most one key, as in most lists
	last := -1        // most rows have the same key as the row before
	for i, r := range rows {
		k, ok := key(r)
		if !ok {
			continue
		}
		if last < 0 || k != keys[last] {
			known := false
			if len(keys) == 1 {
				met = map[K]int{keys[0]: 0}
			}
			if last, known = met[k]; !known {
				last = len(keys)
				keys = append(keys, k)
				if met != nil {
					met[k] = last
				}
			}
		}
		at[i] = last
	}
	return keys, at
}
