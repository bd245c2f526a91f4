package database

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"deliverygraph/upstream/embedded/store"
)

// Config configures the connections to a file.
type Config struct {
	Path       string
	CacheBytes int64 // the maximum memory for pages of the file
	ReadOnly   bool
	MustExist  bool
	// Wait is how long SQLite waits for the lock of another connection until a statement fails, or until a statement of
	// [Conn.Wait] tries again.
	Wait time.Duration
	// Waiting, if not nil, is called while [Conn.Wait] waits, with how long it has waited. If it returns an error, the
	// Wait ends with that.
	Waiting func(time.Duration) error

	immutable bool // nothing writes to the file, so SQLite needs no files beside it
}

// Open opens a connection and prepares it. It fails with [store.ErrNoStore] if there is no file and it may not create
// one. If the file and its folder cannot be written, the connections of cfg read without files beside it.
func Open(ctx context.Context, cfg *Config, prepare func(*Conn)) (*Conn, error) {
	folder := filepath.Dir(cfg.Path)
	if st, err := os.Stat(folder); err != nil && !cfg.ReadOnly {
		return nil, err
	} else if err == nil && !st.IsDir() {
		return nil, fmt.Errorf("%s is not a directory", folder)
	}
	st, err := os.Stat(cfg.Path)
	switch {
	case err == nil && st.IsDir():
		return nil, errors.New("it is a directory, and a store is a file")
	case errors.Is(err, os.ErrNotExist) && (cfg.MustExist || cfg.ReadOnly):
		return nil, fmt.Errorf("%w: %w", store.ErrNoStore, err)
	}
	open := func() (*Conn, error) {
		c, err := connect(ctx, *cfg)
		if err != nil {
			return nil, err
		}
		if prepare(c); c.Err != nil {
			return nil, errors.Join(c.Err, c.Close())
		}
		return c, nil
	}
	cfg.immutable = cfg.ReadOnly && !canWrite(cfg.Path) && walBytes(cfg.Path) < 0
	c, err := open()
	if cfg.ReadOnly && (is(err, sqlite3.SQLITE_CANTOPEN) || is(err, sqlite3.SQLITE_READONLY)) &&
		walBytes(cfg.Path) <= 0 { // the folder cannot be written
		cfg.immutable = true
		c, err = open()
	}
	return c, err
}

// connect opens a connection. It does not change the file.
func connect(ctx context.Context, cfg Config) (*Conn, error) {
	// With mmap_size above 0, counts take 2.6 times as long.
	q := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", cfg.Wait.Milliseconds()),
		fmt.Sprintf("cache_size(-%d)", max(cfg.CacheBytes>>10, 1024)),
		"mmap_size(0)",
	}}
	if cfg.ReadOnly {
		q.Set("mode", "ro")
	}
	if cfg.immutable {
		q.Set("immutable", "1")
	}
	path, err := filepath.Abs(cfg.Path)
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
	return &Conn{driver: d, waiting: cfg.Waiting, statements: map[string]*statement{}, ctx: ctx}, err
}

// canWrite reports whether this process may write to a file.
func canWrite(path string) bool {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err == nil {
		_ = f.Close()
	}
	return err == nil
}

// walBytes returns the size of the -wal file beside a store, or -1 if there is none.
func walBytes(path string) int64 {
	st, err := os.Stat(path + "-wal")
	switch {
	case err == nil:
		return st.Size()
	case errors.Is(err, os.ErrNotExist):
		return -1
	}
	return math.MaxInt64 // unknown
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
	case is(err, sqlite3.SQLITE_CANTOPEN):
		f, denied := os.OpenFile(path, os.O_RDWR, 0)
		if errors.Is(denied, os.ErrNotExist) { // SQLite could not create it, and why?
			if f, denied = os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); denied == nil {
				_ = os.Remove(path)
			}
		}
		if denied != nil {
			err = denied
		} else {
			_ = f.Close()
			err = fmt.Errorf("files beside it cannot be created or opened; its folder must be writable: %w", err)
		}
	case is(err, sqlite3.SQLITE_READONLY):
		err = fmt.Errorf("it cannot be written, or files beside it cannot: %w", err)
	case is(err, sqlite3.SQLITE_CORRUPT):
		err = fmt.Errorf("it is damaged, or was copied without its -wal file: %w", err)
	}
	return fmt.Errorf("%s: %w", path, err)
}
