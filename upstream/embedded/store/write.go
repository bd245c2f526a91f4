package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store/internal/rollup"
)

// Sender is an approved From address of a user. A sender's id alone names it.
type Sender struct {
	UserID   upstream.ID
	SenderID upstream.ID
	Address  string
}

// Batch is what one Write takes: any mix of rows, in any order. A bounce's email is
// a row of its own among Emails; the store derives none from the other. Rows may come
// before their sender.
//
// Rows nearly in the order of their time are fastest, a few thousand at once. Rows
// in no order at all are slow in small batches, each of which touches all of the
// store: the larger the batch, the better.
type Batch struct {
	Senders       []Sender
	Emails        []upstream.Email
	Bounces       []upstream.BounceDetail
	BlockedEmails []upstream.BlockedEmail
}

// Written says what a Write did with the batch's rows, senders included.
type Written struct {
	New       int // the store did not have them
	Replaced  int // the store had them with other content
	Unchanged int // the store had them
}

// MaxTime is the latest time by which a row may be ordered, and -MaxTime the earliest.
const MaxTime upstream.Time = 1 << 52

// Write adds the batch, all of it or nothing. What a row is known by is its kind,
// time, email id, recipient, user and sender; a row that the store has already is
// replaced by the new one. Rows of one batch that are known by the same are written and
// counted as if each came in a batch of its own, in their order: the last one stays.
//
// When Write returns, the rows are there for every read that begins afterwards, and
// survive the end of the process. A row with a time beyond [MaxTime] is an
// [upstream.InvalidArgument] error. Writes wait for one another.
func (s *Store) Write(ctx context.Context, b Batch) (Written, error) {
	n, err := s.write(ctx, b)
	var known *upstream.Error
	switch {
	case err == nil:
		return n, nil
	case errors.As(err, &known):
		return Written{}, err
	case ctx.Err() != nil:
		return Written{}, ctx.Err()
	}
	return Written{}, &upstream.Error{Code: upstream.Internal, Message: "write events: the store cannot be written", Err: s.named(err)}
}

// ErrInUse is the error of a [Store.Checkpoint] that other processes kept from finishing.
var ErrInUse = errors.New("another process is using the store")

// Checkpoint moves what was written from the -wal file into the store's own file, which is
// whole without the other then, and waits until the disk has it. For other processes that
// read an older state, or write, it waits until ctx ends, and gives up with [ErrInUse]. Other
// errors, such as that the disk is full, name the file. All rows stay readable in any case.
func (s *Store) Checkpoint(ctx context.Context) error {
	c, err := s.borrowWriter(ctx)
	if err != nil {
		return err
	}
	defer func() { s.writer <- c }()
	if err := c.exec("pragma busy_timeout(50)"); err != nil { // so that ctx is heeded
		return err
	}
	defer func() { _ = c.exec("pragma " + busyTimeout) }()
	for {
		busy, err := c.number("pragma wal_checkpoint(truncate)")
		switch {
		case err != nil:
			return fmt.Errorf("finish the store: %w", s.named(err))
		case busy == 0:
			return nil
		case ctx.Err() != nil:
			return ErrInUse
		}
	}
}

// borrowWriter waits for the connection that writes. Give it back to s.writer.
func (s *Store) borrowWriter(ctx context.Context) (*conn, error) {
	if s.readOnly {
		return nil, errors.New("it was opened to be read only")
	}
	select {
	case c, open := <-s.writer:
		if !open {
			return nil, ErrClosed
		}
		if s.closed.Load() {
			s.writer <- c
			return nil, ErrClosed
		}
		return c, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *Store) write(ctx context.Context, b Batch) (Written, error) {
	emails, bounces, blocked, err := b.rows()
	if err != nil {
		return Written{}, err
	}
	c, err := s.borrowWriter(ctx)
	if err != nil {
		return Written{}, err
	}
	defer func() { s.writer <- c }()
	if err := c.begin(ctx, true); err != nil {
		return Written{}, err
	}
	defer c.rollback()
	old, err := s.current(c)
	if err != nil {
		return Written{}, err
	}
	w := newWriter(ctx, s, c, old)
	if err := w.senders(b.Senders); err != nil {
		return Written{}, err
	}
	for _, x := range []struct {
		kind upstream.Kind
		rows []row
	}{{upstream.Emails, emails}, {upstream.Bounces, bounces}, {upstream.BlockedEmails, blocked}} {
		if err := w.put(x.kind, x.rows); err != nil {
			return Written{}, fmt.Errorf("%s: %w", x.kind, err)
		}
	}
	if w.written.New+w.written.Replaced == 0 {
		return w.written, nil
	}
	v, err := w.finish()
	if err != nil {
		return Written{}, err
	}
	if err := c.commit(); err != nil {
		return Written{}, err
	}
	s.publish(v)
	return w.written, nil
}

// rows gives the batch's rows as events.
func (b *Batch) rows() (emails, bounces, blocked []row, err error) {
	emails = make([]row, len(b.Emails))
	for i := range b.Emails {
		emails[i] = emailRow(&b.Emails[i])
	}
	bounces = make([]row, len(b.Bounces))
	for i := range b.Bounces {
		bounces[i] = bounceRow(&b.Bounces[i])
	}
	blocked = make([]row, len(b.BlockedEmails))
	for i := range b.BlockedEmails {
		blocked[i] = blockedEmailRow(&b.BlockedEmails[i])
	}
	for _, rows := range [...][]row{emails, bounces, blocked} {
		for i := range rows {
			if t := rows[i].Time; t > MaxTime || t < -MaxTime {
				return nil, nil, nil, &upstream.Error{Code: upstream.InvalidArgument, Message: fmt.Sprintf(
					"email %q has the time %d, which lies further than %d seconds from 1970", rows[i].EmailID, t, MaxTime)}
			}
		}
	}
	return emails, bounces, blocked, nil
}

// sortRows gives the rows in list order. Of rows with equal keys it gives the last alone,
// which knows the first, and counts in dropped what each did to the one before it.
func sortRows(rows []row) (sorted []*row, dropped Written) {
	sorted = make([]*row, len(rows))
	for i := range rows {
		sorted[i] = &rows[i]
	}
	compare := func(a, b *row) int { return a.Compare(b.Key) }
	if !slices.IsSortedFunc(sorted, compare) {
		slices.SortStableFunc(sorted, compare)
	}
	n := 0
	for i, r := range sorted {
		if i == 0 || compare(sorted[n-1], r) != 0 {
			sorted[n] = r
			n++
			continue
		}
		before := sorted[n-1]
		if before.same(r) {
			dropped.Unchanged++
		} else {
			dropped.Replaced++
		}
		r.first = cmp.Or(before.first, before)
		sorted[n-1] = r
	}
	return sorted[:n], dropped
}

// changes are how numbers of events change, day by day.
type changes map[upstream.Time]map[rollup.Source]*rollup.Hours

// add counts n more events of e's source at its time.
func (c changes) add(r *row, n int64) {
	start := upstream.Day.Floor(r.Time)
	of := c[start]
	if of == nil {
		of = map[rollup.Source]*rollup.Hours{}
		c[start] = of
	}
	s := rollup.Source{User: r.User, Sender: r.Sender, Type: r.Type}
	h := of[s]
	if h == nil {
		h = &rollup.Hours{}
		of[s] = h
	}
	h[(r.Time-start)/3600] += n
}
