package clickhouse

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

//go:embed schema/*.sql
var schema embed.FS

// migrations returns the statements of each version of the tables.
func migrations() (all [][]string) {
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
	exists, err := first[uint64](ctx, s, "select count() from system.tables where database = "+quote(s.database)+
		" and name = 'schema_version'")
	if err != nil || exists == 0 {
		return 0, err
	}
	v, err := first[int64](ctx, s, "select toInt64(max(version)) from schema_version")
	return int(v), err
}

// Migrate makes the database and its tables, or upgrades them, and returns their version. Cluster is the name of a
// cluster in the configuration of the servers, or "" for one server; upgrades know it.
func Migrate(ctx context.Context, name, cluster string) (version int, err error) {
	o, err := options(name)
	if err != nil {
		return 0, err
	}
	if strings.ContainsAny(cluster, "`\\") {
		return 0, fmt.Errorf("%q is not the name of a cluster", cluster)
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
		version, err = s.migrate(ctx, cluster)
		return err
	})
	return version, err
}

func (s *Store) migrate(ctx context.Context, cluster string) (int, error) {
	version, err := s.version(ctx)
	if err != nil {
		return 0, err
	}
	if version > 0 {
		if err := s.open(ctx); err == nil {
			return version, s.sameCluster(cluster)
		}
		known, err := s.texts(ctx, "select cluster from schema_version where version = 1 limit 1")
		if err != nil || len(known) == 0 {
			return version, err
		}
		if s.cluster = known[0]; cluster != "" {
			if err := s.sameCluster(cluster); err != nil {
				return version, err
			}
		}
		cluster = s.cluster
	}
	err = s.make(ctx, "create table if not exists {shared:schema_version} (version UInt32, cluster String) "+
		"engine = {replacing:} order by version", cluster)
	if err != nil {
		return version, err
	}
	for ; version < len(migrations()); version++ {
		for _, query := range migrations()[version] {
			if err := s.make(ctx, query, cluster); err != nil {
				return version, err
			}
		}
		err := s.conn.Exec(ctx, fmt.Sprintf("insert into schema_version (version, cluster) select toUInt32(%d), %s",
			version+1, quote(cluster)))
		if err != nil {
			return version, err
		}
	}
	return version, nil
}

func (s *Store) sameCluster(cluster string) error {
	if cluster != "" && cluster != s.cluster {
		return fmt.Errorf("the tables exist, and are those of cluster %q, not %q", s.cluster, cluster)
	}
	return nil
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
	err := s.ddl(ctx, query, cluster)
	if err == nil && events {
		err = s.ddl(ctx, fmt.Sprintf("create table if not exists %[1]s as `%[3]s`.%[1]s_local "+
			"engine = Distributed(`%[2]s`, `%[3]s`, %[1]s_local, %[4]s)", table, cluster, s.database, shard), cluster)
	}
	return err
}

var marks = regexp.MustCompile(`\{(events|shared|replacing|summing):[\w/]*\}`)

// afterName finds where a statement names the cluster: after the name of its database or table.
var afterName = regexp.MustCompile("^(?:create (?:database|table) (?:if not exists )?|(?:alter|optimize|truncate) table )" +
	"`?[\\w.-]+`?")

// ddl runs a statement that changes tables, on all servers of a cluster if there is one.
func (s *Store) ddl(ctx context.Context, query, cluster string) error {
	if cluster != "" {
		query = afterName.ReplaceAllString(query, "$0 on cluster `"+cluster+"`")
	}
	return s.conn.Exec(ctx, query)
}
