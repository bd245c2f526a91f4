package sqlite

import (
	"context"
	"database/sql/driver"
	"fmt"
	"slices"
)

// Finish builds the indexes that the store lacks, and fills the tables of headers: see [store.Writer]. Each index that
// is complete stays.
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
	building := s.building.DoChan("", func() (any, error) { return nil, s.buildIndexes(s.ctx) })
	select {
	case built := <-building:
		return built.Err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// readIndexed is read for calls that are slow without indexes. It builds them first, if it can.
func (s *Store) readIndexed(ctx context.Context, what string, f func(*reader) error) error {
	if !s.readOnly && !s.closed.Load() && !s.unfinished.Load() {
		if err := s.finish(ctx); ctx.Err() != nil {
			return ctx.Err()
		} else if err != nil {
			s.unfinished.Store(true) // such as on a full disk: the next calls do not try again
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
	// SQLite sorts in as much memory as its cache has, and takes twice as much while it does.
	if err := w.conn.exec("pragma cache_size = -16384"); err != nil {
		return err
	}
	defer func() { _ = w.conn.exec(fmt.Sprintf("pragma cache_size = -%d", w.cacheKiB)) }()
	if err := w.fillHeaders(ctx); err != nil {
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

// filled is the key of the state that says that the tables of headers are filled.
const filled = "store/headers"

// fillHeaders fills the tables of headers from the rows, sorted, which is much faster than row by row in the order of
// time.
func (w *writer) fillHeaders(ctx context.Context) error {
	if err := w.begin(ctx); err != nil {
		return err
	}
	defer w.rollback()
	if w.filled {
		return nil
	}
	if err := w.conn.exec("create temp table if not exists tag (header_id integer, id integer)"); err != nil {
		return err
	}
	for _, k := range kinds {
		if err := w.fillHeadersOf(k); err != nil {
			return err
		}
	}
	if err := w.keep(map[string]string{filled: "1"}); err != nil {
		return err
	}
	return w.commit()
}

func (w *writer) fillHeadersOf(k *kind) error {
	var tags []tag
	err := w.conn.each(w.ctx, func(v []driver.Value) error {
		headers, err := decodeHeaders(text(v[1]))
		if err != nil {
			return err
		}
		from := len(tags)
		for _, h := range headers {
			id, err := w.header(h)
			if err != nil {
				return err
			}
			if t := (tag{id, integer(v[0])}); !slices.Contains(tags[from:], t) {
				tags = append(tags, t)
			}
		}
		if len(w.headers) > maxHeaders {
			w.forget()
		}
		if len(tags) >= 1024 {
			err = w.insertTags("temp.tag", tags)
			tags = tags[:0]
		}
		return err
	}, "select id, headers from "+k.table+" where headers is not null order by id")
	if err == nil {
		err = w.insertTags("temp.tag", tags)
	}
	table := k.table + "_header"
	for _, q := range []string{
		"delete from " + table,
		"insert into " + table + " select header_id, id from temp.tag order by header_id, id",
		"delete from temp.tag",
	} {
		if err == nil {
			err = w.conn.execContext(w.ctx, q)
		}
	}
	return err
}

// hasIndexes reports whether the store has all indexes, and the tables of headers are filled.
func hasIndexes(ctx context.Context, c *conn) (bool, error) {
	n, err := c.number(ctx, "select count(*) from sqlite_schema"+
		" where type = 'index' and tbl_name in ('email', 'bounce', 'blocked_email')")
	if err != nil || n != int64(len(indexes)) {
		return false, err
	}
	return hasHeaders(ctx, c)
}

// hasHeaders reports whether the tables of headers are filled.
func hasHeaders(ctx context.Context, c *conn) (bool, error) {
	n, err := c.number(ctx, "select count(*) from import_state where key = ?", filled)
	return n != 0, err
}
