package sqlite

import (
	"context"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Reclassify sorts all bounces again: sort gets each of them with its details, oldest first, and returns its class. It
// changes some at a time, each time all or nothing. With dry it changes nothing. It returns how many have another class
// than before, also with an error.
func (s *Store) Reclassify(
	ctx context.Context, dry bool, sort func(upstream.BounceDetail) store.Class,
) (changed int, err error) {
	const many = 200
	k := kinds[upstream.Bounces]
	last, more := firstID(-store.MaxTime)-1, true
	// classify sorts the next rows, and has those updated whose class changes.
	classify := func(c *conn, update func(*row, store.Class) error) (some int, end int64, err error) {
		rows, err := load(ctx, c, k, many, "r.id > ?", last)
		if err != nil {
			return 0, 0, err
		}
		if more = len(rows) == many; len(rows) > 0 {
			end = rows[len(rows)-1].id
		}
		for i := range rows {
			r := &rows[i]
			class := sort(r.bounceDetail())
			if class == (store.Class{Type: r.Type, Category: r.Category, Rule: r.RuleName}) {
				continue
			}
			some++
			if err := update(r, class); err != nil {
				return 0, 0, err
			}
		}
		return some, end, nil
	}
	for more {
		some, end := 0, int64(0)
		if dry {
			err = s.read(ctx, "read bounces", func(r *reader) (err error) {
				some, end, err = classify(r.conn, func(*row, store.Class) error { return nil })
				return err
			})
		} else {
			err = s.change(ctx, "sort bounces", func(w *writer) (err error) {
				some, end, err = classify(w.conn, w.reclassify)
				return err
			})
		}
		if err != nil {
			return changed, err
		}
		changed, last = changed+some, end
	}
	return changed, nil
}

// reclassify changes the class of a bounce.
func (w *writer) reclassify(r *row, c store.Class) error {
	k := kinds[upstream.Bounces]
	w.counts.add(k, r, -1)
	r.Type, r.Category, r.RuleName = c.Type, c.Category, c.Rule
	w.counts.add(k, r, 1)
	w.touch(r.time)
	return w.conn.exec("update bounce set type = ?, category = ?, rule = ? where id = ?", string(r.Type), r.Category,
		r.RuleName, r.id)
}
