package database

import (
	"errors"
	"fmt"

	"deliverygraph/upstream/embedded/store"
)

// Schema describes the content of files. Files of other programs and of newer releases are refused.
type Schema struct {
	ID, Former int64    // the application ids of these files, and of those in a format that is no longer read
	PageBytes  int      // the size of SQLite's pages in new files
	Migrations []string // statements; the version of a file is the number of its migrations
	Upgrade    []string // statements that follow the migrations of a file that existed before
}

// migrate brings a file up to date, unless it is only to be read. It changes no file that it refuses.
func (s *Schema) migrate(c *Conn, o *Options) {
	c.Wait("pragma schema_version") // another process may be recovering the file after a crash
	version := s.version(c)
	switch {
	case c.Err != nil:
	case version == 0 && (o.ReadOnly || o.MustExist):
		c.Fail(fmt.Errorf("%w: the file is empty", store.ErrNoStore))
	case o.ReadOnly && version < len(s.Migrations):
		c.Fail(fmt.Errorf("it has version %d of an earlier release: open it once for writing, "+
			"which brings it up to date", version))
	case version == 0:
		c.Exec(fmt.Sprintf("pragma page_size = %d", s.PageBytes))
	}
	if o.ReadOnly {
		return
	}
	c.Wait("pragma journal_mode = wal") // readers and the writer do not wait for each other
	// A power cut may lose the last transactions as a whole. If the process is killed, none are lost.
	c.Exec("pragma synchronous = normal")
	if o.Temporary {
		c.Exec("pragma synchronous = off")
	}
	if version == len(s.Migrations) || c.Err != nil {
		return
	}
	c.Begin(true)
	defer c.Rollback()
	version = s.version(c) // another process may have migrated it
	for _, m := range s.Migrations[version:] {
		c.Exec(m)
	}
	if 0 < version && version < len(s.Migrations) {
		for _, q := range s.Upgrade {
			c.Exec(q)
		}
	}
	c.Exec(fmt.Sprintf("pragma application_id = %d", s.ID))
	c.Exec(fmt.Sprintf("pragma user_version = %d", len(s.Migrations)))
	c.Commit()
}

// version returns the version of a file, 0 for an empty one. It fails for other files.
func (s *Schema) version(c *Conn) int {
	tables := c.Number("select count(*) from sqlite_schema")
	id, version := c.Number("pragma application_id"), int(c.Number("pragma user_version"))
	switch {
	case id == 0 && version == 0 && tables == 0:
	case id == s.Former:
		c.Fail(errors.New("it has the format of an earlier release, which is no longer read: " +
			"import the data again, into a new file"))
	case id != s.ID:
		c.Fail(errors.New("it is a database of another program, not a store of this one"))
	case version > len(s.Migrations):
		c.Fail(fmt.Errorf("it has version %d, made by a newer release; this one reads versions up to %d",
			version, len(s.Migrations)))
	case version < 1:
		c.Fail(fmt.Errorf("it has version %d, which no release makes", version))
	default:
		return version
	}
	return 0
}
