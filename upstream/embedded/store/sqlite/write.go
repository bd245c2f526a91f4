package sqlite

import (
	"context"
	"errors"
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

// change runs f in a transaction that writes.
func (s *Store) change(ctx context.Context, what string, f func(*writer) error) error {
	err := s.tryChange(ctx, f)
	var known *upstream.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return &upstream.Error{Code: upstream.Internal, Message: what + ": the store cannot be written", Err: s.named(err)}
}

func (s *Store) tryChange(ctx context.Context, f func(*writer) error) error {
	w, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer s.unlock(w)
	if err := w.begin(ctx); err != nil {
		return err
	}
	defer w.rollback() // what is not committed, even if f panics
	if err := f(w); err != nil {
		return err
	}
	return w.commit()
}

// rows gives the batch's rows by kind, in list order.
func rowsOf(b *store.Batch) (rows [len(kinds)][]row, err error) {
	add := func(k upstream.Kind, r row) {
		if (r.time > store.MaxTime || r.time < -store.MaxTime) && err == nil {
			err = &upstream.Error{Code: upstream.InvalidArgument, Message: fmt.Sprintf(
				"email %q has the time %d, which is further than %d seconds from 1970", r.emailID, r.time, store.MaxTime)}
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

// sortRows brings rows into list order; those of one event stay in theirs.
func sortRows(rows []row) {
	slices.SortStableFunc(rows, func(a, b row) int { return a.compare(&b) })
}
