package database

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"deliverygraph/upstream/embedded/store"
)

// Options configure [Open].
type Options struct {
	// Path is the store's file. It is created if it does not exist, except with ReadOnly or MustExist. The files beside
	// it whose names end in "-wal" and "-shm" belong to it.
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
	// Temporary says that the file need not survive a crash.
	Temporary bool

	wait      time.Duration // for the lock of another connection, until a statement fails: see [Conn.Wait]
	immutable bool          // nothing writes to the file, so SQLite needs no files beside it
}

const (
	defaultCacheBytes = 64 << 20
	minCacheBytes     = 8 << 20

	readerWait = 10 * time.Second
	writerWait = 100 * time.Millisecond // until a writer can notice the end of its context
)

// Open opens a connection for writing to a file of a schema. It completes the options, for a pool of further
// connections. It fails with [store.ErrNoStore] if there is no file and it may not create one.
func Open(ctx context.Context, o *Options, schema *Schema) (*Conn, error) {
	o.CacheBytes, o.wait = max(cmp.Or(o.CacheBytes, defaultCacheBytes), minCacheBytes), writerWait
	folder := filepath.Dir(o.Path)
	if st, err := os.Stat(folder); err != nil && !o.ReadOnly {
		return nil, err
	} else if err == nil && !st.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", folder)
	}
	st, err := os.Stat(o.Path)
	switch {
	case err == nil && st.IsDir():
		return nil, errors.New("it is a directory, and a store is a file")
	case errors.Is(err, os.ErrNotExist) && (o.MustExist || o.ReadOnly):
		return nil, fmt.Errorf("%w: %w", store.ErrNoStore, err)
	case errors.Is(err, os.ErrNotExist): // SQLite would create it, too, but not say why it cannot
		var f *os.File
		if f, err = os.OpenFile(o.Path, os.O_RDWR|os.O_CREATE, 0o600); err == nil {
			err = f.Close()
		}
	}
	if err != nil {
		return nil, err
	}
	open := func() (*Conn, error) {
		c, err := connect(ctx, *o)
		if err != nil {
			return nil, err
		}
		if schema.migrate(c, o); c.Err != nil {
			return nil, errors.Join(c.Err, c.Close())
		}
		return c, nil
	}
	wal, err := os.Stat(o.Path + "-wal")
	alone := o.ReadOnly && errors.Is(err, os.ErrNotExist) // no other process uses it
	o.immutable = alone && !canWrite(o.Path)
	c, err := open()
	if (is(err, sqlite3.SQLITE_CANTOPEN) || is(err, sqlite3.SQLITE_READONLY)) &&
		(alone || o.ReadOnly && wal != nil && wal.Size() == 0) {
		o.immutable = true // since the folder cannot be written
		c, err = open()
	}
	return c, err
}

// connect opens a connection. It does not change the file.
func connect(ctx context.Context, o Options) (*Conn, error) {
	// With mmap_size above 0, counts take 2.6 times as long.
	q := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", o.wait.Milliseconds()),
		fmt.Sprintf("cache_size(-%d)", max(o.CacheBytes>>10, 1024)),
		"mmap_size(0)",
	}}
	if o.ReadOnly {
		q.Set("mode", "ro")
	}
	if o.immutable {
		q.Set("immutable", "1")
	}
	path, err := filepath.Abs(o.Path)
	if err != nil {
		return nil, err
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive letter
	}
	connector, err := modernc.NewConnector("file:" + (&url.URL{Path: path}).EscapedPath() + "?" + q.Encode())
	if err != nil {
		return nil, err
	}
	d, err := connector.Connect(ctx)
	return &Conn{driver: d, waiting: o.Waiting, statements: map[string]*statement{}, ctx: ctx}, err
}

// canWrite reports whether this process may write to a file.
func canWrite(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		_ = f.Close()
	}
	return err == nil
}

// is reports whether an error is from SQLite and has the primary code.
func is(err error, code int) bool {
	var e *modernc.Error
	return errors.As(err, &e) && e.Code()&0xff == code
}

// Explain adds the name of the file to an error, and explains errors of SQLite.
func Explain(path string, err error) error {
	var e *modernc.Error
	switch {
	case !errors.As(err, &e):
	case is(err, sqlite3.SQLITE_NOTADB):
		err = fmt.Errorf("it is not a store of this program: %w", err)
	case is(err, sqlite3.SQLITE_FULL), e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE:
		err = store.ErrDiskFull
	case is(err, sqlite3.SQLITE_CANTOPEN), is(err, sqlite3.SQLITE_READONLY):
		err = fmt.Errorf("it or files beside it cannot be opened or written; "+
			"check the permissions of these files and of their folder: %w", err)
	case is(err, sqlite3.SQLITE_CORRUPT):
		err = fmt.Errorf("it is damaged, or was copied without its -wal file: %w", err)
	}
	return fmt.Errorf("%s: %w", path, err)
}
