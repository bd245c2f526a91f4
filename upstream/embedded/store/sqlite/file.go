package sqlite

import (
	"context"
	"deliverygraph/upstream/embedded/store"
	"embed"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"regexp"

	modernc "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// The application id marks a file as a store. The version of a file is the number of its migrations.
const (
	applicationID = 0x44474442 // "DGDB"
	packedID      = 0x44475645 // of files that contained packed pages of rows instead of tables
)

//go:embed schema
var schemaFiles embed.FS

var (
	migrations = readMigrations()
	indexes    = readIndexes()
)

// readMigrations returns the statements of schema/001_….sql and the files after it.
func readMigrations() (all []string) {
	files, err := schemaFiles.ReadDir("schema")
	if err != nil {
		panic(err)
	}
	for _, f := range files {
		if f.Name()[0] < '0' || f.Name()[0] > '9' {
			continue
		}
		text, err := schemaFiles.ReadFile("schema/" + f.Name())
		if err != nil {
			panic(err)
		}
		all = append(all, string(text))
	}
	return all
}

// readIndexes returns the statements of schema/indexes.sql.
func readIndexes() []string {
	text, err := schemaFiles.ReadFile("schema/indexes.sql")
	if err != nil {
		panic(err)
	}
	return regexp.MustCompile(`(?m)^create index [^;]+;`).FindAllString(string(text), -1)
}

// databasePage is the size of SQLite's pages in bytes.
const databasePage = 8192

// openFile opens the connection that writes. It creates the store if there is none, and migrates one of an older
// release. It refuses other files before it changes anything.
func openFile(ctx context.Context, cfg connConfig) (*conn, error) {
	if !cfg.readOnly {
		if st, err := os.Stat(filepath.Dir(cfg.path)); err != nil {
			return nil, err
		} else if !st.IsDir() {
			return nil, fmt.Errorf("%s is not a directory", filepath.Dir(cfg.path))
		}
	}
	switch st, err := os.Stat(cfg.path); {
	case err == nil && st.IsDir():
		return nil, errors.New("it is a directory, and a store is a file")
	case errors.Is(err, os.ErrNotExist) && cfg.mustExist:
		return nil, fmt.Errorf("%w: %w", store.ErrNoStore, err)
	case err != nil && (cfg.readOnly || !errors.Is(err, os.ErrNotExist)):
		return nil, err
	}
	c, err := connect(ctx, cfg)
	if isSQLite(err, sqlite3.SQLITE_NOTADB) {
		return nil, fmt.Errorf("it is not a store of this program: %w", err)
	}
	if err != nil {
		return nil, err
	}
	if err := prepareFile(ctx, c, cfg); err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func prepareFile(ctx context.Context, c *conn, cfg connConfig) error {
	version, err := fileVersion(ctx, c)
	if err != nil {
		return err
	}
	if version == 0 && (cfg.readOnly || cfg.mustExist) {
		return fmt.Errorf("%w: the file is empty", store.ErrNoStore)
	}
	if cfg.readOnly {
		if version < len(migrations) {
			return fmt.Errorf("it has version %d of an earlier release: "+
				"open it once for writing, which brings it up to date", version)
		}
		return nil
	}
	if version == 0 {
		if err := c.exec(fmt.Sprintf("pragma page_size = %d", databasePage)); err != nil {
			return err
		}
	}
	// In WAL mode readers and the writer do not wait for each other.
	if _, err := c.number(ctx, "pragma journal_mode = wal"); err != nil {
		return err
	}
	// A power cut may lose the last transactions as a whole; a kill loses none.
	synchronous := "pragma synchronous = normal"
	if cfg.private {
		synchronous = "pragma synchronous = off"
	}
	if err := c.exec(synchronous); err != nil || version == len(migrations) {
		return err
	}
	if err := c.begin(ctx, true); err != nil {
		return err
	}
	defer c.rollback()
	if version, err = fileVersion(ctx, c); err != nil { // another process may have done it
		return err
	}
	for _, m := range migrations[version:] {
		if err := c.exec(m); err != nil {
			return err
		}
	}
	if err := c.exec(fmt.Sprintf("pragma application_id = %d", applicationID)); err != nil {
		return err
	}
	if err := c.exec(fmt.Sprintf("pragma user_version = %d", len(migrations))); err != nil {
		return err
	}
	return c.commit()
}

// fileVersion returns the version of a store, 0 for an empty file. It refuses other files.
func fileVersion(ctx context.Context, c *conn) (int, error) {
	var n [3]int64
	for i, q := range []string{"select count(*) from sqlite_schema", "pragma application_id", "pragma user_version"} {
		var err error
		if n[i], err = c.number(ctx, q); err != nil {
			return 0, err
		}
	}
	tables, id, version := n[0], n[1], n[2]
	switch {
	case id == 0 && version == 0 && tables == 0:
		return 0, nil
	case id == packedID:
		return 0, errors.New("it has the format of an earlier release, which is no longer read: " +
			"import the data again, into a new file")
	case id != applicationID:
		return 0, errors.New("it is a database of another program, not a store of this one")
	case version > int64(len(migrations)):
		return 0, fmt.Errorf("it has version %d, made by a newer release; this one reads versions up to %d",
			version, len(migrations))
	case version < 1:
		return 0, fmt.Errorf("it has version %d, which no release makes", version)
	}
	return int(version), nil
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
