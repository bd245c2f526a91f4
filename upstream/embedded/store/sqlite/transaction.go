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
	ctx     context.Context
	conn    *conn
	store   *Store
	indexed bool // all indexes exist
}

// read runs f in one state of the store. What says in errors what f does.
func (s *Store) read(ctx context.Context, what string, f func(*reader) error) error {
	return s.explain(ctx, what+": the store cannot be read", s.tryRead(ctx, f))
}

func (s *Store) tryRead(ctx context.Context, f func(*reader) error) error {
	c, err := s.reader(ctx)
	if err != nil {
		return err
	}
	defer s.readers.put(c)
	// before begin, so that the transaction sees them
	r := &reader{ctx: ctx, conn: c, store: s, indexed: s.indexed.Load()}
	if err := c.begin(ctx, false); err != nil {
		return err
	}
	defer c.rollback()
	return f(r)
}

// reader returns a connection that reads. The caller must put it back.
func (s *Store) reader(ctx context.Context) (*conn, error) {
	if s.closed.Load() {
		return nil, store.ErrClosed
	}
	return s.readers.get(ctx)
}

// change runs f in a transaction that writes. What says in errors what f does.
func (s *Store) change(ctx context.Context, what string, f func(*writer) error) error {
	return s.explain(ctx, what+": the store cannot be written", s.tryChange(ctx, f))
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
	defer w.rollback() // unless committed, even if f panics
	if now, err := os.Stat(s.path); err != nil || !os.SameFile(s.file, now) {
		return errors.New("the file was moved, deleted or replaced while it was in use, so nothing more is written: " +
			"start the program again")
	}
	if err := f(w); err != nil {
		return err
	}
	return w.commit()
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
	select {
	case w, ok := <-s.writer:
		if !ok {
			return nil, store.ErrClosed
		}
		if s.closed.Load() {
			s.writer <- w
			return nil, store.ErrClosed
		}
		return w, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *Store) unlock(w *writer) { s.writer <- w }
