package sqlite

import (
	"cmp"
	"database/sql/driver"
	"embed"
	"errors"
	"fmt"
	"regexp"

	modernc "modernc.org/sqlite"

	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite/database"
	"deliverygraph/upstream/grouped"
)

// The application id marks a file as a store. The version of a file is the number of its migrations.
const (
	applicationID = 0x44474442 // "DGDB"
	packedID      = 0x44475645 // of files that contained packed pages of rows instead of tables
)

//go:embed schema/[0-9]*.sql
var migrationFiles embed.FS

// migrations are the statements of each file, in the order of their numbers.
var migrations = func() (all []string) {
	files, err := migrationFiles.ReadDir("schema")
	for _, f := range files {
		text, failed := migrationFiles.ReadFile("schema/" + f.Name())
		all, err = append(all, string(text)), cmp.Or(err, failed)
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

// fillPatterns gives patterns to bounces that have none yet.
const fillPatterns = `
insert or ignore into pattern (text) select distinct bounce_pattern(diagnostic, local) from bounce where pattern_id = 0;
update bounce set pattern_id = (select id from pattern where text = bounce_pattern(diagnostic, local))
where pattern_id = 0;`

func init() {
	modernc.MustRegisterDeterministicScalarFunction("bounce_pattern", 2,
		func(_ *modernc.FunctionContext, args []driver.Value) (driver.Value, error) {
			return grouped.Pattern(text(args[0]), text(args[1])), nil
		})
}

// migrate brings the file up to date, unless it is only to be read.
func (s *Store) migrate(c *database.Conn, o Options) {
	c.Wait("pragma schema_version") // another process may be recovering the file after a crash
	v := version(c)
	switch {
	case c.Err != nil:
	case v == 0 && (o.ReadOnly || o.MustExist):
		c.Fail(fmt.Errorf("%w: the file is empty", store.ErrNoStore))
	case o.ReadOnly && v < len(migrations):
		c.Fail(fmt.Errorf("it has version %d of an earlier release: open it once for writing, "+
			"which brings it up to date", v))
	case v == 0:
		c.Exec(fmt.Sprintf("pragma page_size = %d", databasePage))
	}
	if o.ReadOnly {
		return
	}
	c.Wait("pragma journal_mode = wal") // readers and the writer do not wait for each other
	if s.temp != "" {
		c.Exec("pragma synchronous = off") // the file need not survive a crash
	} else {
		// A power cut may lose the last transactions as a whole. If the process is killed, none are lost.
		c.Exec("pragma synchronous = normal")
	}
	if v == len(migrations) || c.Err != nil {
		return
	}
	c.Begin(true)
	defer c.Rollback()
	v = version(c) // another process may have migrated it
	for _, m := range migrations[v:] {
		c.Exec(m)
	}
	if 0 < v && v < len(migrations) {
		c.Exec(fillPatterns)
		for _, q := range indexes { // so that programs that may only read it have all of them
			c.Exec(q)
		}
	}
	c.Exec(fmt.Sprintf("pragma application_id = %d", applicationID))
	c.Exec(fmt.Sprintf("pragma user_version = %d", len(migrations)))
	c.Commit()
}

// version returns the version of a store, 0 for an empty file. It fails for other files.
func version(c *database.Conn) int {
	tables := c.Number("select count(*) from sqlite_schema")
	id, version := c.Number("pragma application_id"), int(c.Number("pragma user_version"))
	switch {
	case id == 0 && version == 0 && tables == 0:
	case id == packedID:
		c.Fail(errors.New("it has the format of an earlier release, which is no longer read: " +
			"import the data again, into a new file"))
	case id != applicationID:
		c.Fail(errors.New("it is a database of another program, not a store of this one"))
	case version > len(migrations):
		c.Fail(fmt.Errorf("it has version %d, made by a newer release; this one reads versions up to %d",
			version, len(migrations)))
	case version < 1:
		c.Fail(fmt.Errorf("it has version %d, which no release makes", version))
	default:
		return version
	}
	return 0
}
