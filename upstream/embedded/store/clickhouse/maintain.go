package clickhouse

import (
	"context"
	"errors"
	"strings"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
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

// reading calls f for all events of a kind that meet a condition, with their details and in order of time, those of
// some hours at a time. From is the table, with or without versions that were replaced.
func (s *Store) reading(ctx context.Context, k *kind, from, where string, f func([]row) error) error {
	windows, err := s.parts(ctx, k, upstream.Window{Start: -store.MaxTime, End: store.MaxTime + 1}, 20_000)
	for _, w := range windows {
		if err != nil {
			break
		}
		var rows []row
		rows, err = s.rows(ctx, k, true, from+" where "+within(w)+" and "+where+" order by time, id")
		if err == nil && len(rows) > 0 {
			err = f(rows)
		}
	}
	return err
}

// Reclassify sorts all bounces again: see [store.Maintainer].
func (s *Store) Reclassify(
	ctx context.Context, dry bool, sort func(upstream.BounceDetail) store.Class,
) (changed int, err error) {
	k := kinds[upstream.Bounces]
	run := s.inTurn
	if dry {
		run = s.read
	}
	err = run(ctx, "sort bounces", func(ctx context.Context) error {
		changed = 0
		return s.reading(ctx, k, s.from(k), "removed = 0", func(rows []row) error {
			w, some := s.editor(k), 0
			for i := range rows {
				r := rows[i]
				class := sort(r.BounceDetail())
				if class == (store.Class{Type: r.Type, Category: r.Category, Rule: r.RuleName}) {
					continue
				}
				some++
				w.known[k.Kind][r.key()] = &rows[i]
				r.Type, r.Category, r.RuleName = class.Type, class.Category, class.Rule
				w.change(k, &r)
			}
			if !dry {
				if err := w.flush(ctx, nil); err != nil {
					return err
				}
			}
			changed += some
			return nil
		})
	})
	return changed, err
}

// editor returns a writer that knows no rows of a kind yet.
func (s *Store) editor(k *kind) *writer {
	w := &writer{Store: s}
	w.known[k.Kind], w.changes[k.Kind] = map[key]*row{}, map[key]bool{}
	return w
}

// Check looks for damage: it reads all rows, and compares their keys with their content, and with the index of
// messages. ClickHouse verifies the checksums of what it reads.
func (s *Store) Check(ctx context.Context) (problems store.Problems, err error) {
	err = s.read(ctx, "check the store", func(ctx context.Context) error {
		problems = nil
		for _, k := range kinds {
			err := s.reading(ctx, k, s.from(k), "removed = 0", func(rows []row) error {
				for i := range rows {
					if r := &rows[i]; r.id != r.messageID() {
						problems.Add("%s of time %d and id %d has the content of another message", k.table, r.Time, r.id)
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
			for _, index := range []struct{ table, column, key, harm string }{
				{"message", "id", "id", "log records are not merged with them"},
				{"recipient", "recipient", "cityHash64(" + recipient + ")", "lists by recipient lack them"},
			} {
				lost, err := first[uint64](ctx, "select count() from "+k.table+" where ("+index.key+
					", time) global not in (select "+index.column+", time from "+index.table+" where kind = "+
					number(k.Kind)+")")
				if err != nil {
					return err
				}
				if lost > 0 {
					problems.Add("%d rows of %s are not in the table %s, so %s", lost, k.table, index.table, index.harm)
				}
			}
		}
		return nil
	})
	return problems, err
}

// Backup fails: a store in ClickHouse is not a file.
func (s *Store) Backup(context.Context, string) error {
	return errors.New("a store in ClickHouse is not a file: back it up by BACKUP DATABASE of ClickHouse 22.8 or later, " +
		"by clickhouse-backup, or by ALTER TABLE … FREEZE")
}

// Checkpoint does nothing: there is no file to complete.
func (s *Store) Checkpoint(context.Context) error { return nil }
