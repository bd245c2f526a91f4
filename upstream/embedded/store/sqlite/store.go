package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite/database"
)

// Options configure [Open].
type Options struct {
	// Path is the store's file. It is created if it does not exist, except with ReadOnly or MustExist. The files beside
	// it whose names end in "-wal" and "-shm" belong to it. Empty means a private store in a temporary directory, which
	// Close removes.
	Path string
	// CacheBytes is the maximum memory for pages of the file, for reading and again for writing. 0 means 64 MiB; the
	// minimum is 8 MiB.
	CacheBytes int64
	// ReadOnly opens an existing store and refuses to change it. If this process may not write the file or its folder,
	// and no other process uses the store, none must change it while it is open.
	ReadOnly bool
	// Waiting, if not nil, is called about every 100 ms while another connection locks the store for writing, with how
	// long the caller has waited for it. If it returns an error, the wait ends with that.
	Waiting func(time.Duration) error
	// MustExist makes Open fail with [store.ErrNoStore] if there is no file at Path, or an empty one.
	MustExist bool
}

const (
	defaultCacheBytes = 64 << 20
	minCacheBytes     = 8 << 20
)

// How long SQLite waits for another connection's lock until a statement of a reader fails, and until a writer can notice
// the end of its context: see [database.Conn.Wait].
const (
	readerWait = 10 * time.Second
	writerWait = 100 * time.Millisecond
)

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
	cfg := database.Config{
		Path: s.path, CacheBytes: max(cmp.Or(o.CacheBytes, defaultCacheBytes), minCacheBytes),
		ReadOnly: o.ReadOnly, MustExist: o.MustExist, Wait: writerWait, Waiting: o.Waiting,
	}
	c, err := database.Open(ctx, &cfg, func(c *database.Conn) { s.migrate(c, o) })
	if err != nil {
		return err
	}
	if s.file, err = os.Stat(s.path); err != nil {
		return errors.Join(err, c.Close())
	}
	s.writer = &writer{conn: conn{c}, cacheBytes: cfg.CacheBytes, generation: -1}
	s.writers = database.NewPool(s.ctx, cfg, 1, c)
	readers := max(4, runtime.GOMAXPROCS(0))
	cfg.CacheBytes, cfg.Wait = cfg.CacheBytes/int64(readers), readerWait
	s.readers = database.NewPool(s.ctx, cfg, readers)
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

// Checkpoint moves the content of the -wal file to the store's own file: see [store.Maintainer]. If the disk is full,
// for example, the error names the file.
func (s *Store) Checkpoint(ctx context.Context) error {
	w, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer s.unlock(w)
	err = w.Checkpoint(ctx)
	if err == nil || errors.Is(err, store.ErrInUse) {
		return err
	}
	return fmt.Errorf("finish the store: %w", database.Explain(s.path, err))
}
