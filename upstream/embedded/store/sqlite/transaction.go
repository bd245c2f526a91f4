package sqlite

import (
	"context"
	"errors"
	"os"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store/sqlite/database"
)

// conn is a connection to a store.
type conn struct{ *database.Conn }

// reader is a transaction that reads.
type reader struct {
	conn
	store   *Store
	indexed bool // all indexes exist
}

// read runs f in one state of the store. What says in errors what f does.
func (s *Store) read(ctx context.Context, what string, f func(*reader)) error {
	c, err := s.readers.Take(ctx)
	if err == nil {
		defer s.readers.Put(c)
		indexed := s.indexed.Load() // before Begin, so that the transaction sees them
		c.Begin(false)
		defer c.Rollback()
		if c.Err == nil {
			f(&reader{conn: conn{c}, store: s, indexed: indexed})
		}
		err = c.Err
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
			w.Fail(errors.New("the file was moved, deleted or replaced while it was in use, " +
				"so nothing more is written: start the program again"))
		}
		if w.Err == nil {
			f(w)
		}
		w.commit()
		if err = w.Err; err == nil {
			s.emptyWAL(w)
		}
	}
	return s.explain(ctx, what+": the store cannot be written", err)
}

// maxWAL is the size in bytes from which on a writer empties the -wal. SQLite empties it only when no one reads, so
// that it would grow until the disk is full if there is always another reader. Tests replace it.
var maxWAL = int64(64 << 20)

// emptyWAL empties the -wal if it is large. It waits for those who are reading; others read meanwhile. If they do not
// end soon, the next try is when the -wal has grown further.
func (s *Store) emptyWAL(w *writer) {
	const wait = time.Second
	st, err := os.Stat(s.path + "-wal")
	if err != nil || st.Size() < maxWAL+w.fullWAL {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), wait)
	defer cancel()
	if w.Checkpoint(ctx); w.Err != nil {
		w.fullWAL = st.Size()
	} else {
		w.fullWAL = 0
	}
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
	return &upstream.Error{Code: upstream.Internal, Message: message, Err: database.Explain(s.path, err)}
}

// lock returns the writer. The caller must return it with unlock.
func (s *Store) lock(ctx context.Context) (*writer, error) {
	if s.readOnly {
		return nil, errors.New("it was opened read-only")
	}
	_, err := s.writers.Take(ctx)
	return s.writer, err
}

func (s *Store) unlock(w *writer) { s.writers.Put(w.Conn) }
