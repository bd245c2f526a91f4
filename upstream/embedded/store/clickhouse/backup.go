package clickhouse

import (
	"context"
	"errors"
	"strings"

	driver "github.com/ClickHouse/clickhouse-go/v2"
)

// Compact merges the parts of each month to one: see [store.Maintainer].
func (s *Store) Compact(ctx context.Context) error {
	return s.write(ctx, "merge the parts", s.compact)
}

// nothingToMerge is in the message of old servers in a cluster that find nothing to merge.
const nothingToMerge = "Unknown log entry type: 0"

func (s *Store) compact(ctx context.Context) error {
	tables := []string{"message" + s.local, "recipient" + s.local, "sender", "import_state"}
	for _, k := range kinds {
		tables = append(tables, k.table+s.local)
	}
	for _, table := range tables {
		if err := s.merge(ctx, table); err != nil {
			return err
		}
	}
	return nil
}

// merge merges the parts of each month of a table.
func (s *Store) merge(ctx context.Context, table string) error {
	err := s.ddl(ctx, "optimize table "+table+" final", s.cluster)
	if refused, ok := errors.AsType[*driver.Exception](err); ok && strings.Contains(refused.Message, nothingToMerge) {
		return nil
	}
	return err
}

// Backup fails: a store in ClickHouse is not a file.
func (s *Store) Backup(context.Context, string) error {
	return errors.New("a store in ClickHouse is not a file: back it up by BACKUP DATABASE of ClickHouse 22.8 or " +
		"later, by clickhouse-backup, or by ALTER TABLE … FREEZE")
}

// Checkpoint does nothing: there is no file to complete.
func (s *Store) Checkpoint(context.Context) error { return nil }
