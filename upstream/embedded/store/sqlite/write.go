package sqlite

import (
	"cmp"
	"context"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Write adds a batch: see [store.Writer].
func (s *Store) Write(ctx context.Context, b store.Batch) (n store.Written, err error) {
	if b.Merge { // which looks for each message
		if err := s.Finish(ctx); err != nil {
			return store.Written{}, err
		}
	}
	err = s.change(ctx, "write events", func(w *writer) {
		w.require(b.Given)
		w.Short = true
		w.accounts(b.Accounts)
		w.senders(b.Senders)
		for k, rows := range rowsOf(&b) {
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
	slices.SortStableFunc(rows, func(a, b row) int { return cmp.Compare(a.Time, b.Time) })
	last := w.Number("select coalesce(max(id), " + minID + ") from " + k.table)
	for len(rows) > 0 && w.Err == nil {
		t, end := rows[0].Time, 1
		for end < len(rows) && rows[end].Time == t {
			end++
		}
		if err := rows[0].CheckTime(); err != nil {
			w.Fail(err)
			return
		}
		var old []row
		if firstID(t) <= last {
			old = w.load(k, -1, "r.id >= ? and r.id < ?", firstID(t), firstID(t+1))
		}
		w.second(k, old, rows[:end])
		rows = rows[end:]
	}
}
