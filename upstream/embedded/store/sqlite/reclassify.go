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
	type change struct {
		row // without the message
		store.Class
	}
	all := upstream.Window{Start: -store.MaxTime, End: store.MaxTime + 1}
	where, args := in(all)
	more := true
	// classify sorts the next rows, and returns those whose class changes.
	classify := func(c conn) (changes []change) {
		n, last := 0, upstream.Identity{}
		for r := range c.events(kinds[upstream.Bounces], many, where, args...) {
			n, last = n+1, r.Identity
			class := sort(r.BounceDetail())
			if class != (store.Class{Type: r.Type, Category: r.Category, Rule: r.RuleName}) {
				r.FullContent = ""
				changes = append(changes, change{r, class})
			}
		}
		if more = n == many; more {
			where, args = after(last, all)
		}
		return changes
	}
	for more {
		var changes []change
		if dry {
			err = s.read(ctx, "read bounces", func(r *reader) { changes = classify(r.conn) })
		} else {
			err = s.change(ctx, "sort bounces", func(w *writer) {
				changes = classify(w.conn)
				for i := range changes {
					w.reclassify(&changes[i].row, changes[i].Class)
				}
			})
		}
		if err != nil {
			return changed, err
		}
		changed += len(changes)
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
