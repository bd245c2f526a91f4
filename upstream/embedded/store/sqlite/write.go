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
	rows, err := rowsOf(&b)
	if err != nil {
		return store.Written{}, err
	}
	var n store.Written
	err = s.change(ctx, "write events", func(w *writer) error {
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

// rowsOf returns the batch's rows by kind, in list order.
func rowsOf(b *store.Batch) (rows [len(kinds)][]row, err error) {
	add := func(k upstream.Kind, r row) {
		if (r.time > store.MaxTime || r.time < -store.MaxTime) && err == nil {
			err = &upstream.Error{Code: upstream.InvalidArgument, Message: fmt.Sprintf(
				"email %q has the time %d, which is further than %d seconds from 1970", r.emailID, r.time,
				store.MaxTime)}
		}
		rows[k] = append(rows[k], r)
	}
	rows[upstream.Emails] = make([]row, 0, len(b.Emails))
	for i := range b.Emails {
		add(upstream.Emails, emailRow(&b.Emails[i]))
	}
	for i := range b.Bounces {
		add(upstream.Bounces, bounceRow(&b.Bounces[i]))
	}
	for i := range b.BlockedEmails {
		add(upstream.BlockedEmails, blockedEmailRow(&b.BlockedEmails[i]))
	}
	for _, l := range rows {
		sortRows(l)
	}
	return rows, err
}

// sortRows sorts rows into list order. Rows of one event keep their order.
func sortRows(rows []row) {
	slices.SortStableFunc(rows, func(a, b row) int { return a.compare(&b) })
}
