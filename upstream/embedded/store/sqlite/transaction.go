package sqlite

import (
	"context"
	"errors"
	"os"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// reader is a transaction that reads.
type reader struct {
	*conn
	store   *Store
	indexed bool // all indexes exist
}

// read runs f in one state of the store. What says in errors what f does.
func (s *Store) read(ctx context.Context, what string, f func(*reader)) error {
	c, err := s.reader(ctx)
	if err == nil {
		defer s.release(c)
		r := &reader{conn: c, store: s, indexed: s.indexed.Load()} // before begin, so that the transaction sees them
		c.begin(false)
		defer c.rollback()
		if c.err == nil {
			f(r)
		}
		err = c.err
	}
	return s.explain(ctx, what+": the store cannot be read", err)
}

// change runs f in a transaction that writes. What says in errors what f does.
func (s *Store) change(ctx context.Context, what string, f func(*writer)) error {
	w, err := s.lock(ctx)
	if err == nil {
		defer s.unlock(w)
		w.begin()
		defer w.rollback() // unless committed, even if f panics
		if now, err := os.Stat(s.path); err != nil || !os.SameFile(s.file, now) {
			w.fail(errors.New("the file was moved, deleted or replaced while it was in use, " +
				"so nothing more is written: start the program again"))
		}
		if w.err == nil {
			f(w)
		}
		w.commit()
		err = w.err
	}
	return s.explain(ctx, what+": the store cannot be written", err)
}

// explain returns the error of a transaction for callers outside the package.
func (s *Store) explain(ctx context.Context, message string, err error) error {
	var explained *upstream.Error
	switch {
	case err == nil || errors.As(err, &explained):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return &upstream.Error{Code: upstream.Internal, Message: message, Err: s.named(err)}
}

// lock returns the writer. The caller must return it with unlock.
func (s *Store) lock(ctx context.Context) (*writer, error) {
	if s.readOnly {
		return nil, errors.New("it was opened read-only")
	}
	w, err := take(ctx, s, s.writer)
	if err == nil {
		w.use(ctx)
	}
	return w, err
}

func (s *Store) unlock(w *writer) { s.writer <- w }

// reader returns a connection that reads. The caller must return it with release. The one used last is used next, since
// its cache has the most pages.
func (s *Store) reader(ctx context.Context) (*conn, error) {
	if _, err := take(ctx, s, s.slots); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.idle); n > 0 {
		c := s.idle[n-1]
		s.idle = s.idle[:n-1]
		c.use(ctx)
		return c, nil
	}
	c, err := connect(ctx, s.readers)
	if err != nil {
		s.slots <- struct{}{}
	}
	return c, err
}

func (s *Store) release(c *conn) {
	s.mu.Lock()
	s.idle = append(s.idle, c)
	s.mu.Unlock()
	s.slots <- struct{}{}
}

// take waits for a value of ch until ctx ends or the store is closed.
func take[V any](ctx context.Context, s *Store, ch chan V) (v V, err error) {
	if s.ctx.Err() != nil {
		return v, store.ErrClosed
	}
	select {
	case v = <-ch:
	case <-s.ctx.Done():
		err = store.ErrClosed
	case <-ctx.Done():
		err = ctx.Err()
	}
	return v, err
}
