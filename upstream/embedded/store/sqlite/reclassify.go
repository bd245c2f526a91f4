package sqlite

import (
	"context"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Reclassify sorts all bounces again: see [store.Maintainer].
func (s *Store) Reclassify(
	ctx context.Context, dry bool, sort func(upstream.BounceDetail) store.Class,
) (changed int, err error) {
	const many = 200
	all := upstream.Window{Start: -store.MaxTime, End: store.MaxTime + 1}
	where, args := in(all)
	more := true
	// classify sorts the next rows, and calls update for those whose class changes.
	classify := func(c conn, update func(*row, store.Class)) (some int) {
		rows := c.load(kinds[upstream.Bounces], many, where, args...)
		if more = len(rows) == many; more {
			where, args = after(rows[many-1].Identity, all)
		}
		for i := range rows {
			r := &rows[i]
			class := sort(r.BounceDetail())
			if class != (store.Class{Type: r.Type, Category: r.Category, Rule: r.RuleName}) {
				some++
				update(r, class)
			}
		}
		return some
	}
	for more {
		some := 0
		if dry {
			err = s.read(ctx, "read bounces", func(r *reader) {
				some = classify(r.conn, func(*row, store.Class) {})
			})
		} else {
			err = s.change(ctx, "sort bounces", func(w *writer) { some = classify(w.conn, w.reclassify) })
		}
		if err != nil {
			return changed, err
		}
		changed += some
	}
	return changed, nil
}

// reclassify changes the class of a bounce.
func (w *writer) reclassify(r *row, c store.Class) {
	k := kinds[upstream.Bounces]
	w.counts.add(k, r, -1)
	r.Type, r.Category, r.RuleName = c.Type, c.Category, c.Rule
	w.counts.add(k, r, 1)
	w.touch(r.Time)
	w.Exec("update bounce set type = ?, category = ?, rule = ? where id = ?", string(c.Type), c.Category, c.Rule, r.id)
}
