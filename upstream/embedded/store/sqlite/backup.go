package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite/database"
)

// Compact rewrites the file without unused room and without remains of what was removed. It takes about as long as
// copying the file, and as much room again beside the file. Others can read, but wait to write.
func (s *Store) Compact(ctx context.Context) error {
	state, err := s.State(ctx, store.Remains)
	if err == nil && len(state) > 0 {
		err = s.sweep(ctx)
	}
	if err != nil {
		return err
	}
	return s.maintain(ctx, "compact the store", func(w *writer) {
		w.Fail(w.Forget()) // none may be in progress
		s.tempBeside(w.Conn)
		w.Wait("vacuum")
		w.Checkpoint(ctx) // the -wal has remains, too
		// Those of an Erase that another process has begun meanwhile have another value.
		w.Wait("delete from import_state where key = ? and value = ?", store.Remains, state[store.Remains])
	})
}

// Checkpoint moves the content of the -wal file to the store's own file: see [store.Maintainer]. If the disk is full,
// for example, the error names the file.
func (s *Store) Checkpoint(ctx context.Context) error {
	return s.maintain(ctx, "finish the store", func(w *writer) { w.Checkpoint(ctx) })
}

// maintain runs f with the writer, outside a transaction. What says in errors what f does.
func (s *Store) maintain(ctx context.Context, what string, f func(*writer)) error {
	w, err := s.lock(ctx)
	if err == nil {
		defer s.unlock(w)
		f(w)
		err = w.Err
	}
	switch {
	case err == nil || errors.Is(err, store.ErrInUse):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return fmt.Errorf("%s: %w", what, database.Explain(s.path, err))
}

// tempBeside makes SQLite create its temporary files beside the store, where there is room for it. Not every system has
// a directory for them. The setting is the whole process's, so it is not for a private store: others would create files
// in its folder while that is being removed.
func (s *Store) tempBeside(c *database.Conn) {
	if s.temp == "" {
		c.Exec("pragma temp_store_directory = '" + strings.ReplaceAll(filepath.Dir(s.path), "'", "''") + "'")
	}
}

// Backup copies the store: see [store.Maintainer]. The copy is complete by itself, and compact. Those who may read the
// store may read the copy.
func (s *Store) Backup(ctx context.Context, target string) (err error) {
	if _, err := os.Lstat(target); err == nil {
		return fmt.Errorf("%s: %w", target, os.ErrExist)
	}
	if _, err := os.Stat(filepath.Dir(target)); err != nil {
		return err
	}
	c, err := s.readers.Take(ctx)
	if err != nil {
		return err
	}
	defer s.readers.Put(c)
	part := filepath.Join(filepath.Dir(target), "."+filepath.Base(target)+fmt.Sprintf(".%d.part", os.Getpid()))
	defer func() { _ = os.Remove(part) }()
	// SQLite would create it, too, but for all to read; its errors also say less.
	f, err := os.OpenFile(part, os.O_RDWR|os.O_CREATE|os.O_TRUNC, s.file.Mode().Perm()|0o600)
	if err != nil {
		return err
	}
	c.Exec("vacuum into ?", part)
	switch {
	case ctx.Err() != nil:
		err = ctx.Err()
	case c.Err != nil:
		err = fmt.Errorf("back up %w", database.Explain(s.path, c.Err))
	default:
		err = f.Sync()
	}
	if err = cmp.Or(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(part, target)
}
