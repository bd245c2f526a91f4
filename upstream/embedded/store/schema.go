package store

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// What marks a file as a store, and the version of everything in it: of the tables
// and of all that the blobs spell. A store of an older version would be brought up
// to date by openFile; there is none yet.
const (
	applicationID = 0x44475645 // "DGVE"
	schemaVersion = 1
)

// Ids of chunks, pages and details count up and are never used again.
var schema = []string{
	// One row: what changes with every write. Generation numbers the states of the store.
	`create table meta (
		id integer primary key check (id = 0),
		generation integer not null,
		next_chunk integer not null,
		next_page integer not null,
		next_detail integer not null,
		term_key blob not null)`,
	`create table chunk (id integer primary key, kind integer not null, data blob not null)`,
	`create table block (id integer primary key, data blob not null)`, // id: chunk << 16 | slot
	`create table page (id integer primary key, data blob not null)`,
	`create table detail (id integer primary key, data blob not null)`, // the long texts of one bounce
	`create table rollup (id integer primary key, data blob not null)`, // id: see rollupID
	`create table sender (id integer primary key, user_id integer not null, address blob not null)`,
	`create table code (kind integer, code blob, primary key (kind, code)) without rowid`, // bounce categories, blocked reasons
}

// databasePage is the size of SQLite's own pages: two of ours fit.
const databasePage = 8192

// openFile opens the connection that writes. It makes the store if there is none,
// and checks what there is before it changes anything.
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
		return nil, fmt.Errorf("%w: %w", ErrNoStore, err)
	case err != nil && (cfg.readOnly || !errors.Is(err, os.ErrNotExist)):
		return nil, err
	}
	c, err := connect(ctx, cfg)
	if known := (*sqlite.Error)(nil); errors.As(err, &known) && known.Code()&0xff == sqlite3.SQLITE_NOTADB {
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
	fresh, err := checkFile(c)
	if err != nil {
		return err
	}
	if fresh && (cfg.readOnly || cfg.mustExist) {
		return fmt.Errorf("%w: the file is empty", ErrNoStore)
	}
	if cfg.readOnly {
		return nil
	}
	if fresh {
		if err := c.exec(fmt.Sprintf("pragma page_size = %d", databasePage)); err != nil {
			return err
		}
	}
	// Readers do not wait for the writer, nor it for them.
	if _, _, err := c.value("pragma journal_mode = wal"); err != nil {
		return err
	}
	synchronous := "pragma synchronous = normal" // if the machine goes down, the last writes may be missing, whole ones
	if cfg.private {
		synchronous = "pragma synchronous = off"
	}
	if err := c.exec(synchronous); err != nil || !fresh {
		return err
	}
	if err := c.begin(ctx, true); err != nil {
		return err
	}
	defer c.rollback()
	if fresh, err = checkFile(c); err != nil || !fresh {
		return err // another process was first
	}
	for _, q := range schema {
		if err := c.exec(q); err != nil {
			return err
		}
	}
	var key [16]byte
	_, _ = rand.Read(key[:]) // never fails
	if err := c.exec("insert into meta values (0, 1, 1, 1, 1, ?)", key[:]); err != nil {
		return err
	}
	for _, q := range []string{fmt.Sprintf("pragma application_id = %d", applicationID), fmt.Sprintf("pragma user_version = %d", schemaVersion)} {
		if err := c.exec(q); err != nil {
			return err
		}
	}
	return c.commit()
}

// checkFile refuses what is not a store of this version; fresh is a file with nothing in it.
func checkFile(c *conn) (fresh bool, err error) {
	tables, err := c.number("select count(*) from sqlite_schema")
	if err != nil {
		return false, err
	}
	id, err := c.number("pragma application_id")
	if err != nil {
		return false, err
	}
	version, err := c.number("pragma user_version")
	if err != nil {
		return false, err
	}
	switch {
	case id == 0 && version == 0 && tables == 0:
		return true, nil
	case id != applicationID:
		return false, errors.New("it is a database of another program, not a store of this one")
	case version > schemaVersion:
		return false, fmt.Errorf("it has version %d, made by a newer release; this one knows versions up to %d", version, schemaVersion)
	case version < 1:
		return false, fmt.Errorf("it has version %d, which no release has made", version)
	}
	return false, nil
}
