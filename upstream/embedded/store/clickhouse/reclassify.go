package clickhouse

import (
	"context"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// reading calls f for all events of a kind that meet a condition, with their details and in order of time. It looks at
// so many at a time. From is the table, with or without versions that were replaced.
func (s *Store) reading(ctx context.Context, k *kind, most uint64, from, where string, f func([]row) error) error {
	windows, err := s.parts(ctx, k, clip(ever), most)
	for _, w := range windows {
		if err != nil {
			break
		}
		var rows []row
		rows, err = s.rows(ctx, k, true, from+" where "+within(w)+" and "+where+" order by time, id")
		if err == nil && len(rows) > 0 {
			err = f(rows)
		}
	}
	return err
}

// Reclassify sorts all bounces again: see [store.Maintainer].
func (s *Store) Reclassify(
	ctx context.Context, dry bool, sort func(upstream.BounceDetail) store.Class,
) (changed int, err error) {
	k := kinds[upstream.Bounces]
	run := s.inTurn
	if dry {
		run = s.read
	}
	err = run(ctx, "sort bounces", func(ctx context.Context) error {
		changed = 0
		return s.reading(ctx, k, k.most(), s.from(k), "removed = 0", func(rows []row) error {
			w, some := s.editor(k), 0
			for i := range rows {
				r := rows[i]
				class := sort(r.BounceDetail())
				if class == (store.Class{Type: r.Type, Category: r.Category, Rule: r.RuleName}) {
					continue
				}
				some++
				w.known[k.Kind][r.key()] = &rows[i]
				r.Type, r.Category, r.RuleName = class.Type, class.Category, class.Rule
				w.change(k, &r)
			}
			if !dry {
				if err := w.flush(ctx, nil); err != nil {
					return err
				}
			}
			changed += some
			return nil
		})
	})
	return changed, err
}

// editor returns a writer that knows no rows of a kind yet.
func (s *Store) editor(k *kind) *writer {
	w := &writer{Store: s}
	w.known[k.Kind], w.changes[k.Kind] = map[key]*row{}, map[key]bool{}
	return w
}
