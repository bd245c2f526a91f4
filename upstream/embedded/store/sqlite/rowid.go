package sqlite

import (
	"fmt"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// The id of a row consists of its second and its place within that second, in list order.
const (
	placeBits = 20
	places    = 1 << placeBits
	minID     = "-9223372036854775808"
)

// firstID returns the first id of a second.
func firstID(t upstream.Time) int64 {
	return int64(max(-store.MaxTime-1, min(t, store.MaxTime+1))) << placeBits
}

// timeOf returns the second of an id.
func timeOf(id int64) upstream.Time { return upstream.Time(id >> placeBits) }

// second writes rows of one second and kind among the old ones in the store. Of new rows that are the same event, the
// last one counts.
func (w *writer) second(k *kind, old, rows []row) {
	all := make([]*row, 0, len(old)+len(rows))
	for _, list := range [][]row{old, rows} {
		for i := range list {
			all = append(all, &list[i])
		}
	}
	slices.SortStableFunc(all, func(a, b *row) int { return a.Compare(b.Identity) })
	kept := all[:0]
	for n := 0; len(all) > 0; all = all[n:] {
		first, now := all[0], all[0] // the same event
		for n = 1; n < len(all) && all[n].Compare(first.Identity) == 0; n++ {
			if all[n].Equal(&now.Event) {
				w.written.Unchanged++
			} else {
				w.written.Replaced++
				now = all[n]
			}
		}
		switch {
		case first.id == 0:
			w.written.New++
		case now.Equal(&first.Event):
			now = first
		default:
			w.drop(k, first)
			now.id = first.id
			w.add(k, now)
		}
		kept = append(kept, now)
	}
	w.place(k, kept)
}

// place gives ids to the rows of a second that have none, and adds them. If there is no room between the others, all
// rows of the second move.
func (w *writer) place(k *kind, all []*row) {
	if len(all) >= places {
		w.Fail(&upstream.Error{Code: upstream.InvalidArgument, Message: fmt.Sprintf(
			"there are more than %d rows of one kind with the time %d", places-1, all[0].Time)})
		return
	}
	var old, added []*row
	for _, r := range all {
		if r.id != 0 {
			old = append(old, r)
		} else {
			added = append(added, r)
		}
	}
	if !spread(all) {
		for _, r := range old {
			w.drop(k, r)
		}
		for _, r := range all {
			r.id = 0
		}
		spread(all)
		added = all
	}
	for _, r := range added {
		w.add(k, r)
	}
}

// spread gives ids to the rows of a second that have none, evenly between those that have, and reports whether there
// are enough. If not, some rows may have got one.
func spread(rows []*row) bool {
	start := firstID(rows[0].Time)
	for lo := start - 1; len(rows) > 0; {
		n, hi := slices.IndexFunc(rows, func(r *row) bool { return r.id != 0 }), start+places
		if n < 0 {
			n = len(rows)
		} else {
			hi = rows[n].id
		}
		step := (hi - lo) / int64(n+1)
		if step == 0 {
			return false
		}
		for i, r := range rows[:n] {
			r.id = lo + step*int64(i+1)
		}
		lo, rows = hi, rows[min(n+1, len(rows)):]
	}
	return true
}
