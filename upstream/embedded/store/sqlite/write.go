package sqlite

import (
	"context"
	"fmt"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Write adds a batch: see [store.Writer].
func (s *Store) Write(ctx context.Context, b store.Batch) (store.Written, error) {
	rows := rowsOf(&b)
	for _, rows := range rows {
		for i := range rows {
			if t := rows[i].time; t > store.MaxTime || t < -store.MaxTime {
				return store.Written{}, &upstream.Error{Code: upstream.InvalidArgument, Message: fmt.Sprintf(
					"email %q has the time %d, which is further than %d seconds from 1970",
					rows[i].emailID, t, store.MaxTime)}
			}
		}
		sortRows(rows)
	}
	var n store.Written
	err := s.change(ctx, "write events", func(w *writer) error {
		w.written = store.Written{}
		if b.Merge && !s.indexed.Load() {
			if err := s.tempBeside(w.conn); err != nil {
				return err
			}
			if err := w.indexMessages(); err != nil {
				return err
			}
		}
		if err := w.senders(b.Senders); err != nil {
			return err
		}
		for k, rows := range rows {
			var err error
			if b.Merge {
				if rows, err = w.merge(kinds[k], rows); err != nil {
					return err
				}
			}
			if err := w.put(kinds[k], rows); err != nil {
				return err
			}
			if b.Merge && k != int(upstream.Emails) {
				if err := w.mergeFailures(rows); err != nil {
					return err
				}
			}
		}
		n = w.written
		return w.keep(b.State)
	})
	if err != nil {
		return store.Written{}, err
	}
	return n, nil
}

// sortRows sorts rows into list order. Rows of one event keep their order.
func sortRows(rows []row) {
	slices.SortStableFunc(rows, func(a, b row) int { return a.compare(&b) })
}
