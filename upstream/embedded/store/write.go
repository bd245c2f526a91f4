package store

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"deliverygraph/upstream"
)

// Sender is an approved From address of a user. Its id alone identifies it.
type Sender struct {
	UserID   upstream.ID
	SenderID upstream.ID
	Address  string
}

// Batch is what one Write takes: rows of any kinds, in any order. A bounce's email is a
// row of its own among Emails; the store derives none from the other. Rows may come before
// their sender. The more rows a batch has, the faster they are written; some thousands
// are enough. Rows in the order of their time are fastest.
type Batch struct {
	Senders       []Sender
	Emails        []upstream.Email
	Bounces       []upstream.BounceDetail
	BlockedEmails []upstream.BlockedEmail

	// Merge is for rows put together from records of what became of a message, which come in
	// any order and more than once. The emails of a batch are then merged with those that the
	// store has of the same message, which user, sender, email id and recipient identify: the
	// email has the earliest process time, the most headers, and is delivered if any of them
	// is, but not if there is a bounce or a blocked email of it, whichever comes first.
	Merge bool
	// State is kept with the rows, all or nothing, for the source to read back by
	// [Store.State], such as how far a log was read. An empty value removes its key.
	State map[string]string
}

// Written says what a Write did with the batch's rows, senders included.
type Written struct {
	New       int // the store did not have them
	Replaced  int // the store had them with other content
	Unchanged int // the store had them
}

// MaxTime is the latest time by which a row may be ordered, and -MaxTime the earliest.
const MaxTime upstream.Time = 1 << 42

// Write adds the batch, all of it or nothing. Kind, time, email id, recipient, user and
// sender identify a row; a row that the store has already is replaced by the new one. Rows
// of one batch with the same identity are written and counted as if each came in a batch of
// its own, in their order: the last one stays. Domains are stored in lower case.
//
// When Write returns, the rows are there for every read that begins afterwards, and survive
// the end of the process. A row with a time beyond [MaxTime], or more than 1,048,575 rows
// of one kind within one second, are an [upstream.InvalidArgument] error. Writes wait for
// one another.
func (s *Store) Write(ctx context.Context, b Batch) (Written, error) {
	rows, err := b.rows()
	if err != nil {
		return Written{}, err
	}
	if b.Merge && !s.indexed.Load() { // rows of a message are found by an index
		if err := s.Finish(ctx); err != nil {
			return Written{}, err
		}
	}
	var n Written
	err = s.change(ctx, "write events", func(w *writer) error {
		w.written = Written{}
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
		return Written{}, err
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
func (b *Batch) rows() (rows [len(kinds)][]row, err error) {
	add := func(k upstream.Kind, r row) {
		if (r.time > MaxTime || r.time < -MaxTime) && err == nil {
			err = &upstream.Error{Code: upstream.InvalidArgument, Message: fmt.Sprintf(
				"email %q has the time %d, which is further than %d seconds from 1970", r.emailID, r.time, MaxTime)}
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
