package store

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"deliverygraph/upstream"
)

// Options say where a store lies and what it may use.
type Options struct {
	// Path is the store's file, made if there is none (but see MustExist); files that begin with its name
	// and "-wal" or "-shm" belong to it. Empty means a private store in a temporary
	// directory, removed at Close.
	Path string
	// CacheBytes bounds the memory that the store keeps for reading, apart from a
	// few hundred bytes for every 32,768 rows and the addresses of senders; 0 is 64 MiB,
	// and less than 8 MiB is 8 MiB.
	CacheBytes int64
	// ReadOnly opens a store that exists and refuses Write.
	ReadOnly bool
	// MustExist makes it an error, [ErrNoStore], that there is no file at Path, or one
	// without anything in it.
	MustExist bool
}

// The memory for reading, and how much of it SQLite has for itself.
const (
	defaultCacheBytes = 64 << 20
	minCacheBytes     = 8 << 20
	sqliteShare       = 8 // SQLite's caches, all connections together, have 1 of 8 parts
)

// Store is a set of events. It is safe for concurrent use: reads go on while a
// Write is under way, and each read sees one state of the store, between two
// writes. Other processes may have the same file open, to read and to write.
type Store struct {
	path     string
	temp     string // the directory to remove at Close
	readOnly bool
	sizes    sizes
	term     [16]byte // the key of index terms

	writer  chan *conn // holds the one writing connection while it is idle
	readers *pool
	cache   *cache
	view    atomic.Pointer[view] // the newest known
	closed  atomic.Bool
}

// Causes of errors.
var (
	ErrClosed   = errors.New("the store is closed")
	ErrDiskFull = errors.New("the disk is full")
	ErrNoStore  = errors.New("there is no store")
)

// Open opens the store at o.Path, or makes it. A file that is no store, or one of a
// newer version, is an error and left as it is.
func Open(ctx context.Context, o Options) (*Store, error) {
	s := &Store{path: o.Path, readOnly: o.ReadOnly, sizes: standard, writer: make(chan *conn, 1)}
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

// named names the file in an error, and says what SQLite leaves unsaid.
func (s *Store) named(err error) error {
	var known *sqlite.Error
	if !errors.As(err, &known) {
		return fmt.Errorf("%s: %w", s.path, err)
	}
	switch {
	case known.Code()&0xff == sqlite3.SQLITE_FULL, known.Code() == sqlite3.SQLITE_IOERR_SHMSIZE:
		err = ErrDiskFull
	case known.Code()&0xff == sqlite3.SQLITE_CANTOPEN:
		if f, denied := os.OpenFile(s.path, os.O_RDWR, 0); denied != nil {
			err = denied
		} else {
			_ = f.Close()
			err = fmt.Errorf("files beside it cannot be made or opened; its folder must be writable: %w", err)
		}
	case known.Code()&0xff == sqlite3.SQLITE_READONLY:
		err = fmt.Errorf("it cannot be written, or files beside it cannot: %w", err)
	case known.Code()&0xff == sqlite3.SQLITE_CORRUPT:
		err = fmt.Errorf("it is damaged, or was copied without its -wal file: %w", err)
	}
	return fmt.Errorf("%s: %w", s.path, err)
}

func (s *Store) open(ctx context.Context, o Options) error {
	bytes := o.CacheBytes
	if bytes == 0 {
		bytes = defaultCacheBytes
	}
	bytes = max(bytes, minCacheBytes)
	readers := max(4, runtime.GOMAXPROCS(0))
	cfg := connConfig{
		path: s.path, readOnly: s.readOnly, mustExist: o.MustExist, private: s.temp != "",
		cacheKiB: bytes / sqliteShare / int64(readers+1) >> 10,
	}
	s.cache = newCache(bytes - bytes/sqliteShare)
	s.readers = newPool(cfg, readers)

	c, err := openFile(ctx, cfg)
	if err != nil {
		return err
	}
	s.writer <- c
	if err := c.begin(ctx, false); err != nil {
		return err
	}
	defer c.rollback()
	v, key, err := loadView(c)
	if err != nil {
		return err
	}
	s.term = key
	s.view.Store(v)
	return nil
}

// Close waits for calls that are under way and ends the store's use. A private
// store is removed.
func (s *Store) Close() error {
	if s.closed.Swap(true) {
		return nil
	}
	var errs []error
	if s.readers != nil {
		errs = append(errs, s.readers.close())
	}
	if s.view.Load() != nil { // opened, so there is a writer to wait for
		errs = append(errs, (<-s.writer).close())
	} else {
		select {
		case c := <-s.writer:
			errs = append(errs, c.close())
		default:
		}
	}
	close(s.writer)
	if s.temp != "" {
		errs = append(errs, os.RemoveAll(s.temp))
	}
	return errors.Join(errs...)
}

// reader is one read: a connection within a transaction, and the view of the
// state that it sees.
type reader struct {
	*view
	ctx   context.Context
	conn  *conn
	store *Store
}

// read runs f over one state of the store.
func (s *Store) read(ctx context.Context, what string, f func(*reader) error) error {
	err := s.tryRead(ctx, f)
	var known *upstream.Error
	switch {
	case err == nil || errors.As(err, &known):
		return err
	case ctx.Err() != nil:
		return ctx.Err()
	}
	return &upstream.Error{Code: upstream.Internal, Message: what + ": the store cannot be read", Err: err}
}

func (s *Store) tryRead(ctx context.Context, f func(*reader) error) error {
	c, err := s.readers.get(ctx)
	if err != nil {
		return err
	}
	defer s.readers.put(c)
	if err := c.begin(ctx, false); err != nil {
		return err
	}
	defer c.rollback()
	v, err := s.current(c)
	if err != nil {
		return err
	}
	return f(&reader{view: v, ctx: ctx, conn: c, store: s})
}

// current is the view of the state that c's transaction sees.
func (s *Store) current(c *conn) (*view, error) {
	generation, err := c.generation()
	if err != nil {
		return nil, err
	}
	known := s.view.Load()
	if known.generation == generation {
		return known, nil
	}
	// Another process wrote, or this one is just about to say what it wrote.
	v, _, err := loadView(c)
	if err != nil {
		return nil, err
	}
	s.publish(v)
	return v, nil
}

// publish makes v the newest known view, if it is.
func (s *Store) publish(v *view) {
	for {
		known := s.view.Load()
		if known.generation >= v.generation || s.view.CompareAndSwap(known, v) {
			return
		}
	}
}
