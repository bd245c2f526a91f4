package clickhouse

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

//go:embed schema/*.sql
var schema embed.FS

// tablesVersion is the version of the tables that this release uses.
var tablesVersion = len(migrations(schema))

// migrations returns the statements of each version of the tables.
func migrations(schema fs.FS) (all [][]string) {
	files, _ := fs.Glob(schema, "schema/*.sql") // in order
	for _, f := range files {
		text, _ := fs.ReadFile(schema, f)
		var statements []string
		for s := range strings.SplitSeq(comments.ReplaceAllString(string(text), ""), ";") {
			if s = strings.TrimSpace(s); s != "" {
				statements = append(statements, s)
			}
		}
		all = append(all, statements)
	}
	return all
}

var comments = regexp.MustCompile(`--.*`)

// version returns the version of the tables, or 0 if there are none.
func (s *Store) version(ctx context.Context) (int, error) {
	exists, err := first[uint64](ctx, "select count() from system.tables where database = "+quote(s.database)+
		" and name = 'schema_version'")
	if err != nil || exists == 0 {
		return 0, err
	}
	v, err := first[int64](ctx, "select toInt64(max(version)) from schema_version")
	return int(v), err
}

// Migrate makes the database and its tables, or upgrades them, and returns their version. Cluster is the name of a
// cluster in the configuration of the servers, or "" for one server; upgrades know it. If it fails, it may be repeated.
func Migrate(ctx context.Context, name, cluster string) (version int, err error) {
	return migrate(ctx, name, cluster, schema)
}

func migrate(ctx context.Context, name, cluster string, schema fs.FS) (version int, err error) {
	o, err := options(name)
	if err != nil {
		return 0, err
	}
	if cluster != "" && !plainName.MatchString(cluster) {
		return 0, fmt.Errorf("%q is not the name of a cluster, which has letters, digits, dots, _ and -", cluster)
	}
	database := o.Auth.Database
	o.Auth.Database = "default" // the other may not exist
	s, err := connect(o)
	if err != nil {
		return 0, err
	}
	query := "create database if not exists `" + database + "`"
	err = errors.Join(s.use(ctx, "make the database", true, func(ctx context.Context) error {
		return s.ddl(ctx, query, cluster)
	}), s.Close())
	if err != nil {
		return 0, err
	}
	o.Auth.Database = database
	if s, err = connect(o); err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	err = s.use(ctx, "make the tables", true, func(ctx context.Context) error {
		version, err = s.migrate(ctx, cluster, migrations(schema))
		return err
	})
	return version, err
}

func (s *Store) migrate(ctx context.Context, cluster string, all [][]string) (int, error) {
	version, err := s.version(ctx)
	if err != nil {
		return 0, err
	}
	if version > len(all) {
		return version, s.checkVersion(version)
	}
	if version > 0 {
		known, err := madeFor(ctx)
		if err != nil {
			return version, err
		}
		if cluster != "" && cluster != known {
			return version, wrongTables("the tables exist, and are those of cluster %q, not %q", known, cluster)
		}
		cluster = known
	} else {
		err = s.make(ctx, "create table if not exists {shared:schema_version} (version UInt32, cluster String) "+
			"engine = {replacing:} order by version", cluster)
	}
	for ; err == nil && version < len(all); version++ {
		for _, query := range all[version] {
			if err := s.make(ctx, query, cluster); err != nil {
				return version, err
			}
		}
		err = on(ctx).Exec(ctx, fmt.Sprintf("insert into schema_version (version, cluster) select toUInt32(%d), %s",
			version+1, quote(cluster)))
	}
	return version, err
}

// make runs a statement of the schema: see schema/001_tables.sql.
func (s *Store) make(ctx context.Context, query, cluster string) error {
	events, table, shard := false, "", "id"
	query = marks.ReplaceAllStringFunc(query, func(mark string) string {
		what, name, _ := strings.Cut(strings.Trim(mark, "{}"), ":")
		path := "'/clickhouse/tables/" + s.database + "/" + table + "', '{shard}-{replica}'"
		if events {
			path = "'/clickhouse/tables/{shard}/" + s.database + "/" + table + "', '{replica}'"
		}
		switch {
		case what == "events" || what == "shared":
			var column string
			if table, column, _ = strings.Cut(name, "/"); column != "" {
				shard = column
			}
			if events = what == "events" && cluster != ""; events {
				return table + "_local"
			}
			return table
		}
		engine := map[string]string{"replacing": "ReplacingMergeTree", "summing": "SummingMergeTree"}[what]
		if cluster == "" {
			return engine + "(" + name + ")"
		}
		return "Replicated" + engine + "(" + strings.TrimSuffix(path+", "+name, ", ") + ")"
	})
	done := (*regexp.Regexp)(nil)
	if addsOrDrops.MatchString(query) {
		done = isDone
	}
	if err := s.alter(ctx, query, cluster, done); err != nil || !events {
		return err
	}
	if changesColumns.MatchString(query) { // the Distributed table has the columns of when it was made
		if err := s.ddl(ctx, "drop table if exists "+table, cluster); err != nil {
			return err
		}
	}
	return s.ddl(ctx, fmt.Sprintf("create table if not exists %[1]s as `%[3]s`.%[1]s_local "+
		"engine = Distributed(`%[2]s`, `%[3]s`, %[1]s_local, %[4]s)", table, cluster, s.database, shard), cluster)
}

var (
	addsOrDrops    = regexp.MustCompile(`^alter table \S+ (add|drop) (column|index) `)
	changesColumns = regexp.MustCompile(`^alter table \S+ (add|drop|modify) column `)
	// isDone matches what servers say of such a statement that they have executed before.
	isDone = regexp.MustCompile("already exists|annot find (column|index)")
)

var marks = regexp.MustCompile(`\{(events|shared|replacing|summing):[\w/]*\}`)

// afterName finds where a statement names the cluster: after the name of its database or table.
var afterName = regexp.MustCompile("^(?:create (?:database|table) (?:if not exists )?|drop table if exists |" +
	"(?:alter|optimize) table )`?[\\w.-]+`?")

// ddl runs a statement that changes tables, on all servers of a cluster if there is one.
func (s *Store) ddl(ctx context.Context, query, cluster string) error {
	return s.alter(ctx, query, cluster, nil)
}

// alter is ddl, but ignores errors whose message matches done, if that is not nil.
func (s *Store) alter(ctx context.Context, query, cluster string, done *regexp.Regexp) error {
	isDone := func(e *driver.Exception) bool { return done != nil && done.MatchString(e.Message) }
	if cluster == "" {
		err := on(ctx).Exec(ctx, query)
		if refused, ok := errors.AsType[*driver.Exception](err); ok && isDone(refused) {
			return nil
		}
		return err
	}
	// The answer has a row for each server. The exception at its end is that of the first one that failed.
	var host, message string
	var port uint16
	var code int64
	var left, active uint64
	var failed *driver.Exception
	finished := false
	err := each(ctx, onCluster(query, cluster), []any{&host, &port, &code, &message, &left, &active}, func() {
		e := &driver.Exception{Code: int32(code), Message: fmt.Sprintf("on %s:%d: %s", host, port, message)}
		if code != 0 && !isDone(e) && failed == nil {
			failed = e
		}
		finished = left == 0
	})
	_, refused := errors.AsType[*driver.Exception](err)
	switch {
	case failed != nil:
		return failed
	case refused && finished:
		return nil
	}
	return err
}

// onCluster returns a statement for all servers of a cluster.
func onCluster(query, cluster string) string {
	return afterName.ReplaceAllString(query, "$0 on cluster `"+cluster+"`")
}
