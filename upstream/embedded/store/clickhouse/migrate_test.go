package clickhouse_test

import (
	"context"
	"strings"
	"testing"
	"testing/fstest"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"deliverygraph/upstream/embedded/store/clickhouse"
	"deliverygraph/upstream/embedded/store/storetest"
)

// schemaOf returns a schema of some migrations.
func schemaOf(migrations ...string) fstest.MapFS {
	files := fstest.MapFS{}
	for i, text := range migrations {
		files["schema/00"+string(rune('1'+i))+".sql"] = &fstest.MapFile{Data: []byte(text)}
	}
	return files
}

func TestMigrationThatFailedCanBeRepeated(t *testing.T) {
	address, cluster := server(t)
	database := newDatabase(t)
	name := clickhouse.Scheme + address + "/" + database
	const (
		first = `create table if not exists {events:event} (id UInt64, a UInt8) engine = {replacing:} order by id;
			create table if not exists {shared:other} (id UInt64) engine = {replacing:} order by id;`
		second = `alter table {events:event} add column b String;
			alter table {events:event} drop column a;
			alter table {shared:other} add column c String;`
	)
	storetest.Must[int](t)(clickhouse.MigrateTo(t.Context(), name, cluster, schemaOf(first)))
	for range 2 {
		_, err := clickhouse.MigrateTo(t.Context(), name, "",
			schemaOf(first, second+"alter table {shared:missing} add column d String"))
		if err == nil {
			t.Fatal("the migration of a table that does not exist succeeds")
		}
	}
	for range 2 {
		if v := storetest.Must[int](t)(clickhouse.MigrateTo(t.Context(), name, "", schemaOf(first, second))); v != 2 {
			t.Errorf("the version is %d, want 2", v)
		}
	}
	for _, host := range strings.Split(address, ",") { // all servers of a cluster have the columns
		conn, err := driver.Open(&driver.Options{Addr: []string{host}, Auth: driver.Auth{Database: database}})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		for _, query := range []string{"select id, b from event", "select id, c from other"} {
			if err := conn.Exec(context.Background(), query); err != nil {
				t.Errorf("%s: %v", query, err)
			}
		}
		if conn.Exec(context.Background(), "select a from event") == nil {
			t.Error("the column that was dropped exists")
		}
	}
}
