package store

import (
	"context"
	"fmt"
)

// build is a build of indexes that is under way.
type build struct {
	done chan struct{} // closed at its end
	err  error
}

// Finish builds the indexes that the store lacks. A new store has none, so that an import
// fills it faster: it calls Finish at its end. The first list does so too, such as after an
// import that was killed. The build goes on when ctx ends, until the store is closed; each
// index that is complete stays. Without the indexes lists are right, and slow.
func (s *Store) Finish(ctx context.Context) error {
	if err := s.finish(ctx); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("build the indexes: %w", s.named(err))
	}
	return nil
}

func (s *Store) finish(ctx context.Context) error {
	if s.indexed.Load() {
		return nil
	}
	s.mu.Lock()
	b := s.building
	if b == nil {
		b = &build{done: make(chan struct{})}
		s.building = b
		go func() {
			b.err = s.buildIndexes(s.ctx)
			s.mu.Lock()
			s.building = nil
			s.mu.Unlock()
			close(b.done)
		}()
	}
	s.mu.Unlock()
	select {
	case <-b.done:
		return b.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// readIndexed is read for what is slow without indexes.
func (s *Store) readIndexed(ctx context.Context, what string, f func(*reader) error) error {
	if !s.readOnly && !s.closed.Load() && !s.unfinished.Load() {
		if err := s.finish(ctx); ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			s.unfinished.Store(true) // such as on a full disk: not to be tried by each list
		}
	}
	return s.read(ctx, what, func(r *reader) (err error) {
		if !r.indexed {
			if r.indexed, err = hasIndexes(ctx, r.conn); err != nil {
				return err
			}
		}
		return f(r)
	})
}

func (s *Store) buildIndexes(ctx context.Context) error {
	w, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer s.unlock(w)
	if err := s.tempBeside(w.conn); err != nil {
		return err
	}
	for _, q := range indexes {
		if err := w.conn.execContext(ctx, q); err != nil {
			return err
		}
	}
	s.indexed.Store(true)
	return nil
}

// hasIndexes reports whether the store has all its indexes.
func hasIndexes(ctx context.Context, c *conn) (bool, error) {
	n, err := c.number(ctx, "select count(*) from sqlite_schema where type = 'index' and tbl_name in ('email', 'bounce', 'blocked_email')")
	return n == int64(len(indexes)), err
}
