package sqlite

import (
	"context"
	"fmt"

	"deliverygraph/upstream/embedded/store/sqlite/database"
)

// Finish builds the indexes that the store lacks, once for all callers: see [store.Writer]. Each index that is complete
// stays.
func (s *Store) Finish(ctx context.Context) error {
	if s.indexed.Load() {
		return nil
	}
	select {
	case built := <-s.building.DoChan("", func() (any, error) { return nil, s.buildIndexes() }):
		return built.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// readIndexed is read for calls that are slow without indexes. It builds them first, if it can.
func (s *Store) readIndexed(ctx context.Context, what string, f func(*reader)) error {
	if !s.readOnly && !s.unfinished.Load() {
		if err := s.Finish(ctx); ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			s.unfinished.Store(true) // such as on a full disk: the next calls do not try again
		}
	}
	return s.read(ctx, what, func(r *reader) {
		r.indexed = r.indexed || r.hasIndexes()
		f(r)
	})
}

func (s *Store) buildIndexes() error {
	w, err := s.lock(s.ctx)
	if err == nil {
		defer s.unlock(w)
		s.tempBeside(w.Conn)
		w.Exec("pragma cache_size = -16384") // SQLite sorts within it, and needs twice that memory meanwhile
		for _, q := range indexes {
			w.Wait(q)
		}
		err = w.Err
		w.Use(context.Background())
		w.Exec(fmt.Sprintf("pragma cache_size = -%d", w.cacheBytes>>10))
	}
	if err != nil {
		return fmt.Errorf("build the indexes: %w", database.Explain(s.path, err))
	}
	s.indexed.Store(true)
	return nil
}

// hasIndexes reports whether the store has all indexes.
func (c conn) hasIndexes() bool {
	return int(c.Number("select count(*) from sqlite_schema"+
		" where type = 'index' and instr(?, ' exists ' || name || ' ')", indexFile)) == len(indexes)
}
