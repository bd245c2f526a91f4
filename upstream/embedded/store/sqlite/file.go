package sqlite

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"

	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"deliverygraph/upstream/embedded/store"
)

// The application id marks a file as a store. The version of a file is the number of its migrations.
const (
	applicationID = 0x44474442 // "DGDB"
	packedID      = 0x44475645 // of files that contained packed pages of rows instead of tables
)

//go:embed schema/[0-9]*.sql
var migrationFiles embed.FS

// migrations are the statements of each file.
var migrations = func() (all []string) {
	files, err := migrationFiles.ReadDir("schema")
	for _, f := range files {
		var text []byte
		if err == nil {
			text, err = migrationFiles.ReadFile("schema/" + f.Name())
		}
		all = append(all, string(text))
	}
	if err != nil {
		panic(err)
	}
	return all
}()

//go:embed schema/indexes.sql
var indexFile string

var indexes = regexp.MustCompile(`(?m)^create index [^;]+;`).FindAllString(indexFile, -1)

// databasePage is the size of SQLite's pages in bytes.
const databasePage = 8192

// openFile opens the connection that writes. It creates the store if there is none, and migrates one of an older
// release. It refuses other files before it changes anything.
func openFile(ctx context.Context, cfg *connConfig) (*conn, error) {
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
	cfg.immutable = cfg.ReadOnly && !canWrite(cfg.Path) && walBytes(cfg.Path) < 0
	c, err := connectFile(ctx, *cfg)
	if cfg.ReadOnly && (isSQLite(err, sqlite3.SQLITE_CANTOPEN) || isSQLite(err, sqlite3.SQLITE_READONLY)) &&
		walBytes(cfg.Path) <= 0 { // the folder cannot be written
		cfg.immutable = true
		c, err = connectFile(ctx, *cfg)
	}
	return c, err
}

func connectFile(ctx context.Context, cfg connConfig) (*conn, error) {
	c, err := connect(ctx, cfg)
	if err != nil {
		return nil, err
	}
	if c.migrate(cfg); c.err != nil {
		return nil, errors.Join(c.err, c.close())
	}
	return c, nil
}

// migrate brings the file up to date, unless it is only to be read.
func (c *conn) migrate(cfg connConfig) {
	c.wait("pragma schema_version") // another process may be recovering the file after a crash
	version := c.version()
	switch {
	case c.err != nil:
	case version == 0 && (cfg.ReadOnly || cfg.MustExist):
		c.fail(fmt.Errorf("%w: the file is empty", store.ErrNoStore))
	case cfg.ReadOnly && version < len(migrations):
		c.fail(fmt.Errorf("it has version %d of an earlier release: open it once for writing, "+
			"which brings it up to date", version))
	case version == 0:
		c.exec(fmt.Sprintf("pragma page_size = %d", databasePage))
	}
	if cfg.ReadOnly {
		return
	}
	c.wait("pragma journal_mode = wal") // readers and the writer do not wait for each other
	if cfg.private {
		c.exec("pragma synchronous = off")
	} else {
		// A power cut may lose the last transactions as a whole. If the process is killed, none are lost.
		c.exec("pragma synchronous = normal")
	}
	if version == len(migrations) || c.err != nil {
		return
	}
	c.begin(true)
	defer c.rollback()
	version = c.version() // another process may have migrated it
	for _, m := range migrations[version:] {
		c.exec(m)
	}
	if 0 < version && version < len(migrations) {
		c.fillPatterns()
	}
	c.exec(fmt.Sprintf("pragma application_id = %d", applicationID))
	c.exec(fmt.Sprintf("pragma user_version = %d", len(migrations)))
	c.commit()
}

// version returns the version of a store, 0 for an empty file. It fails for other files.
func (c *conn) version() int {
	tables := c.number("select count(*) from sqlite_schema")
	id, version := c.number("pragma application_id"), int(c.number("pragma user_version"))
	switch {
	case id == 0 && version == 0 && tables == 0:
	case id == packedID:
		c.fail(errors.New("it has the format of an earlier release, which is no longer read: " +
			"import the data again, into a new file"))
	case id != applicationID:
		c.fail(errors.New("it is a database of another program, not a store of this one"))
	case version > len(migrations):
		c.fail(fmt.Errorf("it has version %d, made by a newer release; this one reads versions up to %d",
			version, len(migrations)))
	case version < 1:
		c.fail(fmt.Errorf("it has version %d, which no release makes", version))
	default:
		return version
	}
	return 0
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

// isSQLite reports whether an error is from SQLite and has the primary code.
func isSQLite(err error, code int) bool {
	var e *modernc.Error
	return errors.As(err, &e) && e.Code()&0xff == code
}

// named adds the name of the file to an error, and explains errors of SQLite.
func (s *Store) named(err error) error {
	var e *modernc.Error
	switch {
	case !errors.As(err, &e):
	case isSQLite(err, sqlite3.SQLITE_NOTADB):
		err = fmt.Errorf("it is not a store of this program: %w", err)
	case isSQLite(err, sqlite3.SQLITE_FULL), e.Code() == sqlite3.SQLITE_IOERR_SHMSIZE:
		err = store.ErrDiskFull
	case isSQLite(err, sqlite3.SQLITE_CANTOPEN):
		f, denied := os.OpenFile(s.path, os.O_RDWR, 0)
		if errors.Is(denied, os.ErrNotExist) { // SQLite could not create it, and why?
			if f, denied = os.OpenFile(s.path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600); denied == nil {
				_ = os.Remove(s.path)
			}
		}
		if denied != nil {
			err = denied
		} else {
			_ = f.Close()
			err = fmt.Errorf("files beside it cannot be created or opened; its folder must be writable: %w", err)
		}
	case isSQLite(err, sqlite3.SQLITE_READONLY):
		err = fmt.Errorf("it cannot be written, or files beside it cannot: %w", err)
	case isSQLite(err, sqlite3.SQLITE_CORRUPT):
		err = fmt.Errorf("it is damaged, or was copied without its -wal file: %w", err)
	}
	return fmt.Errorf("%s: %w", s.path, err)
}
