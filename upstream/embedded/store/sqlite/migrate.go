package sqlite

import (
	"cmp"
	"database/sql/driver"
	"embed"
	"regexp"

	modernc "modernc.org/sqlite"

	"deliverygraph/upstream/embedded/store/sqlite/database"
	"deliverygraph/upstream/grouped"
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

// schema describes the tables. After an upgrade all indexes exist, so that programs that only read have them.
var schema = database.Schema{
	ID:        0x44474442, // "DGDB"
	Former:    0x44475645, // files that contained packed pages of rows instead of tables
	PageBytes: 8192, Migrations: migrations, Upgrade: append([]string{fillPatterns}, indexes...),
}
