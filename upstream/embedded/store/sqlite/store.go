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

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"

	"golang.org/x/sync/singleflight"
)

// Options say where a store lies and what it may use.
type Options struct {
	// Path is the store's file, created if there is none (but see MustExist); files that begin with its name
	// and end in "-wal" or "-shm" belong to it. Empty means a private store in a temporary
	// directory, removed by Close.
	Path string
	// CacheBytes bounds the memory for pages of the file, for reading and once more for
	// writing; 0 is 64 MiB, and less than 8 MiB is 8 MiB.
	CacheBytes int64
	// ReadOnly opens a store that exists and refuses to change it.
	ReadOnly bool
	// MustExist makes it an error, [store.ErrNoStore], that there is no file at Path, or one
	// without anything in it.
	MustExist bool
}

const (
	defaultCacheBytes = 64 << 20
	minCacheBytes     = 8 << 20
)

// How long a connection waits for another one's lock, in milliseconds. Writers wait for
// imports and for indexes that are being built, until their context ends.
const (
	readerBusy = 10_000
	writerBusy = 86_400_000
)

// Store is a set of events in a SQLite file. It is safe for concurrent use: reads go on
// during a Write, and each read sees one state of the store, between two writes. Other
// processes may have the same file open, to read and to write.
type Store struct {
	path     string
	temp     string // the directory to remove at Close
	readOnly bool

	writer  chan *writer // holds the one writer while it is idle
	readers *pool
	pages   pages
	closed  atomic.Bool
	ctx     context.Context // ends at Close
	cancel  context.CancelFunc

	building   singleflight.Group // of indexes
	indexed    atomic.Bool        // all indexes exist
	unfinished atomic.Bool        // they cannot be built
}

// Open opens the store at o.Path, or creates it. A file that is not a store, or one of a
// newer release, is an error and left as it is.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{path: o.Path, readOnly: o.ReadOnly, writer: make(chan *writer, 1)}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	if s.path == "" {
		if o.ReadOnly {
			return nil, errors.New("open store: a store that is only read needs a path")
		}
		dir, err := os.MkdirTemp("", "deliverygraph-*")
		if err != nil {
			return nil, fmt.Errorf("open a private store: %w", err)
		}
		s.temp, s.path = dir, filepath.Join(dir, "events.db")
	}
	if err := s.open(ctx, o); err != nil {
		_ = s.Close()
		return nil, fmt.Errorf("open store %w", s.named(err))
	}
	return s, nil
}

func (s *Store) open(ctx context.Context, o Options) error {
	bytes := o.CacheBytes
	if bytes == 0 {
		bytes = defaultCacheBytes
	}
	readers := max(4, runtime.GOMAXPROCS(0))
	cfg := connConfig{
		path: s.path, readOnly: s.readOnly, mustExist: o.MustExist, private: s.temp != "",
		cacheKiB: max(bytes, minCacheBytes) >> 10, busy: writerBusy,
	}
	c, err := openFile(ctx, cfg)
	if err != nil {
		return err
	}
	s.writer <- &writer{conn: c, cacheKiB: cfg.cacheKiB, generation: -1}
	cfg.cacheKiB, cfg.busy = cfg.cacheKiB/int64(readers), readerBusy
	s.readers = newPool(cfg, readers)
	return nil
}

// Close waits for calls that are under way and ends the store's use. What was written is
// then in the store's own file, unless another process has it open: see [Store.Checkpoint].
// A private store is removed.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	s.cancel()
	var errs []error
	if s.readers != nil { // it was opened
		errs = append(errs, s.readers.close(), (<-s.writer).conn.close())
	}
	close(s.writer)
	if s.temp != "" {
		errs = append(errs, os.RemoveAll(s.temp))
	}
	return errors.Join(errs...)
}

// read runs f in one state of the store.
func (s *Store) read(ctx context.Context, what string, f func(*reader) error) error {
	err := s.tryRead(ctx, f)
	var known *upstream.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return &upstream.Error{Code: upstream.Internal, Message: what + ": the store cannot be read", Err: s.named(err)}
}

func (s *Store) tryRead(ctx context.Context, f func(*reader) error) error {
	if s.closed.Load() {
		return store.ErrClosed
	}
	c, err := s.readers.get(ctx)
	if err != nil {
		return err
	}
	defer s.readers.put(c)
	r := &reader{ctx: ctx, conn: c, store: s, indexed: s.indexed.Load()} // before the transaction, which then has them
	if err := c.begin(ctx, false); err != nil {
		return err
	}
	defer c.rollback()
	return f(r)
}

// reader is one read: a connection within a transaction.
type reader struct {
	ctx     context.Context
	conn    *conn
	store   *Store
	indexed bool // all indexes are there
}

// lock gives the writer to the caller, who gives it back by unlock.
func (s *Store) lock(ctx context.Context) (*writer, error) {
	if s.readOnly {
		return nil, errors.New("it was opened to be read only")
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

// Sync waits until the disk has all that was written, so that it survives a failure of the
// machine, and not of the process alone.
func (s *Store) Sync() error {
	if s.path == "" {
		return nil
	}
	f, err := os.Open(s.path + "-wal") // what is no longer there, a checkpoint has synced
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	if err != nil {
		return fmt.Errorf("sync the store: %w", s.named(err))
	}
	return nil
}

// Checkpoint moves what was written from the -wal file into the store's own file, which is
// whole without the other then, and waits until the disk has it. It waits until ctx ends for
// other processes that write or read an older state, and gives up with [store.ErrInUse]. Other
// errors, such as that the disk is full, name the file. All rows stay readable in any case.
func (s *Store) Checkpoint(ctx context.Context) error {
	w, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer s.unlock(w)
	err = w.conn.checkpoint(ctx)
	if err == nil || errors.Is(err, store.ErrInUse) {
		return err
	}
	return fmt.Errorf("finish the store: %w", s.named(err))
}
