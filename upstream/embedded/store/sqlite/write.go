package sqlite

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Write adds a batch: see [store.Writer].
func (s *Store) Write(ctx context.Context, b store.Batch) (n store.Written, err error) {
	rows := rowsOf(&b)
	for _, rows := range rows {
		for i := range rows {
			if t := rows[i].time; t > store.MaxTime || t < -store.MaxTime {
				return n, &upstream.Error{Code: upstream.InvalidArgument, Message: fmt.Sprintf(
					"email %q has the time %d, which is further than %d seconds from 1970",
					rows[i].emailID, t, store.MaxTime)}
			}
		}
	}
	err = s.change(ctx, "write events", func(w *writer) {
		w.require(b.Given)
		if b.Merge && !s.indexed.Load() {
			s.tempBeside(w.conn)
			w.indexMessages()
		}
		w.short = true
		w.senders(b.Senders)
		for k, rows := range rows {
			if b.Merge {
				rows = w.merge(kinds[k], rows)
			}
			w.put(kinds[k], rows)
			if b.Merge && k != int(upstream.Emails) {
				w.mergeFailures(rows)
			}
		}
		w.keep(b.State)
		n = w.written
	})
	if err != nil {
		return store.Written{}, err
	}
	return n, nil
}

// put writes rows of one kind.
func (w *writer) put(k *kind, rows []row) {
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.time, b.time) })
	last := w.number("select coalesce(max(id), " + minID + ") from " + k.table)
	for len(rows) > 0 && w.err == nil {
		end := 1
		for end < len(rows) && rows[end].time == rows[0].time {
			end++
		}
		var old []row
		if first := firstID(rows[0].time); first <= last {
			old = w.load(k, -1, "r.id >= ? and r.id < ?", first, firstID(rows[0].time+1))
		}
		w.second(k, old, rows[:end])
		rows = rows[end:]
	}
}
