package clickhouse

import (
	"context"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Reclassify sorts all bounces again, some at a time, so that others can write in between: see [store.Maintainer].
func (s *Store) Reclassify(
	ctx context.Context, dry bool, sort func(upstream.BounceDetail) store.Class,
) (changed int, err error) {
	const what = "sort bounces"
	k, run := kinds[upstream.Bounces], s.inTurn
	if dry {
		run = s.read
	}
	var parts []upstream.Window
	err = s.read(ctx, what, func(ctx context.Context) (err error) {
		parts, err = s.parts(ctx, k, clip(ever), k.most())
		return err
	})
	for _, part := range parts {
		some := 0
		if err == nil {
			err = run(ctx, what, func(ctx context.Context) (err error) {
				some, err = s.reclassify(ctx, k, part, dry, sort)
				return err
			})
		}
		if err != nil {
			break
		}
		changed += some
	}
	return changed, err
}

// reclassify sorts the bounces of a window, and returns how many have changed.
func (s *Store) reclassify(
	ctx context.Context, k *kind, part upstream.Window, dry bool, sort func(upstream.BounceDetail) store.Class,
) (changed int, err error) {
	rows, err := s.rows(ctx, k, true, s.from(k)+" where "+within(part)+" and removed = 0 order by time, id")
	w := &writer{Store: s}
	w.known[k.Kind], w.changes[k.Kind] = map[key]*row{}, map[key]bool{}
	for i := range rows {
		r := rows[i]
		class := sort(r.BounceDetail())
		if class == (store.Class{Type: r.Type, Category: r.Category, Rule: r.RuleName}) {
			continue
		}
		changed++
		w.known[k.Kind][r.key()] = &rows[i]
		r.Type, r.Category, r.RuleName = class.Type, class.Category, class.Rule
		w.change(k, &r)
	}
	if err != nil || dry {
		return changed, err
	}
	return changed, w.flush(ctx, nil)
}
