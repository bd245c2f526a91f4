package sqlite

import (
	"fmt"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// The id of a row consists of its second and its place within that second, in list order.
const (
	placeBits = 20
	places    = 1 << placeBits
	// apart is the distance between the places of rows of a second, if there is room, so that others fit between them.
	apart = 1 << 10

	minID = "-9223372036854775808"
)

// firstID returns the first id of a second.
func firstID(t upstream.Time) int64 {
	return int64(max(-store.MaxTime-1, min(t, store.MaxTime+1))) << placeBits
}

// timeOf returns the second of an id.
func timeOf(id int64) upstream.Time { return upstream.Time(id >> placeBits) }

// second writes rows of one second and kind among the old ones in the store. Both are in list order. Of new rows that
// are the same event, the last one counts.
func (w *writer) second(k *kind, old, rows []row) error {
	all := make([]*row, 0, len(old)+len(rows)) // the result; rows without an id are new
	for len(old) > 0 || len(rows) > 0 {
		if len(rows) == 0 || len(old) > 0 && old[0].compare(&rows[0]) < 0 {
			all = append(all, &old[0])
			old = old[1:]
			continue
		}
		var before *row // in the store
		if len(old) > 0 && old[0].compare(&rows[0]) == 0 {
			before, old = &old[0], old[1:]
		}
		now := before
		for first := &rows[0]; len(rows) > 0 && rows[0].compare(first) == 0; rows = rows[1:] {
			switch {
			case now == nil:
				w.written.New++
			case now.equal(&rows[0]):
				w.written.Unchanged++
				continue
			default:
				w.written.Replaced++
			}
			now = &rows[0]
		}
		if before != nil && now != before {
			if now.equal(before) {
				now = before
			} else if err := w.drop(k, before); err != nil {
				return err
			} else {
				now.id = before.id
				if err := w.add(k, now); err != nil {
					return err
				}
			}
		}
		all = append(all, now)
	}
	return w.place(k, all)
}

// place gives ids to the rows of a second that have none, and adds them. If there is no room between the others, all
// rows of the second move.
func (w *writer) place(k *kind, all []*row) error {
	start := firstID(all[0].time)
	added := map[*row]bool{}
	fits := true
	for i := 0; i < len(all); i++ {
		n := i
		for n < len(all) && all[n].id == 0 {
			added[all[n]] = true
			n++
		}
		if n == i {
			continue
		}
		lo, hi := start-1, start+places
		if i > 0 {
			lo = all[i-1].id
		}
		if n < len(all) {
			hi = all[n].id
		}
		fits = spread(all[i:n], lo, hi, i == 0, n == len(all)) && fits
		i = n
	}
	if !fits {
		if len(all) >= places {
			return &upstream.Error{Code: upstream.InvalidArgument, Message: fmt.Sprintf(
				"there are more than %d rows of one kind with the time %d", places-1, all[0].time)}
		}
		for _, r := range all {
			if !added[r] {
				if err := w.remove(k, r); err != nil {
					return err
				}
			}
		}
		spread(all, start-1, start+places, true, true)
	}
	for _, r := range all {
		var err error
		switch {
		case added[r]:
			err = w.add(k, r)
		case !fits:
			err = w.insert(k, r)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// spread gives the rows ids between lo and hi. It returns false if there are too few ids. First and last say that no
// other rows of the second come before and after them.
func spread(rows []*row, lo, hi int64, first, last bool) bool {
	n := int64(len(rows))
	if hi-lo <= n {
		return false
	}
	step := (hi - lo) / (n + 1)
	if first || last {
		step = min(step, apart)
	}
	from := lo
	switch {
	case first && last:
		from = lo + (hi-lo-step*(n+1))/2
	case first:
		from = hi - step*(n+1)
	}
	for i, r := range rows {
		r.id = from + step*int64(i+1)
	}
	return true
}
