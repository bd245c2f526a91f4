package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// add counts removed rows of a kind.
func add(r *store.Removed, k upstream.Kind, n int64) {
	switch k {
	case upstream.Emails:
		r.Emails += n
	case upstream.Bounces:
		r.Bounces += n
	case upstream.BlockedEmails:
		r.BlockedEmails += n
	}
}

// Prune removes the events before a time, with their headers and messages, and takes them
// out of the counts. It removes some thousands at a time, each time all or nothing, so that
// others can read and write meanwhile. With dry it only counts them. The room in the file is
// used again for new events; [Store.Compact] gives it back.
func (s *Store) Prune(ctx context.Context, before upstream.Time, dry bool) (n store.Removed, err error) {
	const many = 2000
	end := firstID(before)
	if dry {
		err = s.read(ctx, "count old events", func(r *reader) error {
			for _, k := range kinds {
				rows, err := r.conn.number(ctx, "select count(*) from "+k.table+" where id < ?", end)
				if err != nil {
					return err
				}
				add(&n, k.Kind, rows)
			}
			return nil
		})
		return n, err
	}
	if err := s.Finish(ctx); err != nil {
		return n, err
	}
	for _, k := range kinds {
		for more := true; more; {
			rows := 0
			err := s.change(ctx, "remove old events", func(w *writer) error {
				w.sweeps = true
				last, err := w.conn.number(ctx, "select id from "+k.table+" where id < ? order by id limit 1 offset ?", end, int64(many))
				if more = last != 0; !more {
					last = end
				}
				if err != nil {
					return err
				}
				rows, err = w.dropAll(k, "r.id < ?", last)
				return err
			})
			if err != nil {
				return n, err
			}
			add(&n, k.Kind, int64(rows))
		}
	}
	return n, nil
}

// dropAll removes rows, and gives their number.
func (w *writer) dropAll(k *kind, where string, args ...any) (int, error) {
	rows, err := load(w.ctx, w.conn, k, where, args...)
	for i := range rows {
		if err == nil {
			err = w.drop(k, &rows[i])
		}
	}
	return len(rows), err
}

// sweep removes headers and domains that the transaction took from rows and that no other
// row has: they may say as much about a recipient as the rows.
func (w *writer) sweep() error {
	for id := range w.loose[0] {
		n, err := w.conn.number(w.ctx, "delete from header where id = ?1 and not exists (select 1 from email_header where header_id = ?1)"+
			" and not exists (select 1 from bounce_header where header_id = ?1) and not exists (select 1 from blocked_email_header where header_id = ?1) returning id", id)
		if err != nil {
			return err
		}
		if n != 0 {
			w.forget()
		}
	}
	for id := range w.loose[1] {
		n, err := w.conn.number(w.ctx, "delete from domain where id = ?1 and not exists (select 1 from email where domain_id = ?1)"+
			" and not exists (select 1 from bounce where domain_id = ?1) and not exists (select 1 from blocked_email where domain_id = ?1) returning id", id)
		if err != nil {
			return err
		}
		if n != 0 {
			w.forget()
		}
	}
	return nil
}

// Compact writes the file anew, without the room and the remains of what was removed. It
// takes about as long as copying the file, and as much room again meanwhile, in the
// directory for temporary files and beside the file. Others can read, and wait to write.
func (s *Store) Compact(ctx context.Context) error {
	err := s.compact(ctx)
	switch {
	case err == nil || errors.Is(err, store.ErrInUse):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("compact the store: %w", s.named(err))
}

func (s *Store) compact(ctx context.Context) error {
	w, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer s.unlock(w)
	if err := w.conn.forget(); err != nil { // it must have no statement under way
		return err
	}
	if err := s.tempBeside(w.conn); err != nil {
		return err
	}
	if err := w.conn.execContext(ctx, "vacuum"); err != nil {
		return err
	}
	if err := w.conn.checkpoint(ctx); err != nil { // the -wal has remains too
		return err
	}
	return w.conn.exec("delete from import_state where key = ?", remains)
}

// tempBeside has SQLite put its temporary files beside the store, where there is room for
// it: not every system has a directory for them.
func (s *Store) tempBeside(c *conn) error {
	return c.exec("pragma temp_store_directory = '" + strings.ReplaceAll(filepath.Dir(s.path), "'", "''") + "'")
}

// remains is the key of a state that says that the file may have remains of what was erased.
const remains = "store/remains"

// Backup writes a copy of the store as it is now to a file that must not exist. Others can
// read and write meanwhile. The copy is complete, by itself, and compact.
func (s *Store) Backup(ctx context.Context, target string) (err error) {
	if _, err := os.Lstat(target); err == nil {
		return fmt.Errorf("%s: %w", target, os.ErrExist)
	}
	c, err := s.readers.get(ctx)
	if err != nil {
		return err
	}
	defer s.readers.put(c)
	part := filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+fmt.Sprintf(".%d.part", os.Getpid()))
	defer func() { _ = os.Remove(part) }()
	if err := c.execContext(ctx, "vacuum into ?", part); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		return fmt.Errorf("back up %w", s.named(err))
	}
	f, err := os.OpenFile(part, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(part, target)
}
