package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/singleflight"

	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite/database"
)

// Options configure [Open]. An empty path means a private store in a temporary directory, which Close removes.
type Options = database.Options

// Store is a SQLite database. Reads continue during a Write.
type Store struct {
	path     string
	temp     string // the directory to remove at Close
	file     os.FileInfo
	readOnly bool
	ctx      context.Context // ends at Close
	cancel   context.CancelFunc
	closed   atomic.Bool

	writer  *writer
	writers *database.Pool // the writer's connection
	readers *database.Pool
	places  store.Places[int64] // the ids of the last rows before pages

	building   singleflight.Group // of indexes
	indexed    atomic.Bool        // all indexes exist
	unfinished atomic.Bool        // they cannot be built
}

var _ store.Store = (*Store)(nil)

// Open opens the store at o.Path, or creates it. It fails if the file is not a store or belongs to a newer release, and
// does not change it then.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{path: o.Path, readOnly: o.ReadOnly}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if s.path == "" {
		if o.ReadOnly {
			return nil, errors.New("open store: a read-only store needs a path")
		}
		dir, err := os.MkdirTemp("", "deliverygraph-*")
		if err != nil {
			return nil, fmt.Errorf("open a private store: %w", err)
		}
		s.temp, s.path = dir, filepath.Join(dir, "events.db")
	}
	if err := s.open(ctx, o); err != nil {
		return nil, fmt.Errorf("open store %w", database.Explain(s.path, errors.Join(err, os.RemoveAll(s.temp))))
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, o Options) error {
	o.Path, o.Temporary = s.path, s.temp != ""
	c, err := database.Open(ctx, &o, &schema)
	if err != nil {
		return err
	}
	if s.file, err = os.Stat(s.path); err != nil {
		return errors.Join(err, c.Close())
	}
	s.writer = &writer{conn: conn{c}, cacheBytes: o.CacheBytes, generation: -1}
	s.writers = database.PoolOf(s.ctx, c)
	s.readers = database.NewPool(s.ctx, o, max(4, runtime.GOMAXPROCS(0)))
	return nil
}

// Close ends the use of the store: see [store.Store]. The file is then complete by itself, unless another process has
// it open. A private store is removed.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.cancel()
	return errors.Join(s.readers.Close(), s.writers.Close(), os.RemoveAll(s.temp))
}

// Sync waits until the disk has everything that was written: see [store.Writer].
func (s *Store) Sync() error {
	f, err := os.Open(s.path + "-wal")
	if errors.Is(err, fs.ErrNotExist) { // a checkpoint, which syncs, has removed it
		return nil
	}
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		return fmt.Errorf("sync the store: %w", database.Explain(s.path, err))
	}
	return nil
}
