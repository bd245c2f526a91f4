package clickhouse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// removeRows removes rows from the disk, and returns when no query finds them. ClickHouse rewrites the parts of the
// table that have such rows.
func (s *Store) removeRows(ctx context.Context, table, where string) error {
	if err := s.ddl(ctx, "alter table "+table+s.local+" delete where "+where, s.cluster); err != nil {
		return err
	}
	return s.mutated(ctx, table)
}

var (
	// failingLimit is for how long a mutation may fail. ClickHouse repeats it.
	failingLimit = time.Minute
	// stalledLimit is for how long a mutation may complete no part. Old servers do not say that it fails.
	stalledLimit = 2 * time.Hour
)

// mutated waits until ClickHouse has rewritten the parts of a table.
func (s *Store) mutated(ctx context.Context, table string) error {
	reason := "latest_fail_reason"
	known, err := first[uint64](ctx, s, "select count() from system.columns where database = 'system' and "+
		"table = 'mutations' and name = "+quote(reason))
	if err != nil {
		return err
	} else if known == 0 {
		reason = "''"
	}
	var n uint64
	var parts, before int64
	var id, why string
	since := time.Now()
	for wait := 5 * time.Millisecond; ; wait = min(2*wait, time.Second) {
		err := on(ctx).QueryRow(ctx, "select count(), toInt64(sum(parts_to_do)), argMax(mutation_id, "+reason+
			"), max("+reason+") from "+s.servers("system.mutations")+" where not is_done and database = "+
			quote(s.database)+" and table = "+quote(table+s.local)).Scan(&n, &parts, &id, &why)
		if err != nil || n == 0 {
			return err
		}
		if left := parts + int64(n); left != before {
			before, since = left, time.Now()
		}
		if stalled := time.Since(since); stalled > stalledLimit || why != "" && stalled > failingLimit {
			return &upstream.Error{Code: upstream.Internal, Message: fmt.Sprintf("ClickHouse cannot remove rows of %s.%s: "+
				"its mutation %s has not succeeded for %v: put right what is wrong, or end it by KILL MUTATION",
				s.database, table+s.local, id, stalled.Round(time.Second)), Err: errors.New(cmp.Or(why, "it gives no reason"))}
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(wait):
		}
	}
}

// removeBefore removes rows of a table that is partitioned by month. Months that are wholly old are dropped.
func (s *Store) removeBefore(ctx context.Context, table string, before upstream.Time) error {
	months, err := values[string](ctx, s, "select distinct partition from "+s.servers("system.parts")+
		" where active and database = "+quote(s.database)+" and table = "+quote(table+s.local)+" order by partition")
	if err != nil {
		return err
	}
	for _, month := range months {
		start, err := time.Parse("200601", month)
		if err != nil {
			return err
		}
		end := start.AddDate(0, 1, 0)
		if int64(before) < end.Unix() || end.Year() >= 2100 { // which is also the partition of all later times
			continue
		}
		err = s.ddl(ctx, "alter table "+table+s.local+" drop partition "+month, s.cluster)
		if refused, ok := errors.AsType[*driver.Exception](err); err != nil && !(ok && refused.Code == tooLargeToDrop) {
			return err
		}
	}
	return s.removeRows(ctx, table, "time < "+number(before))
}

// tooLargeToDrop is the code of the error about partitions above max_partition_size_to_drop.
const tooLargeToDrop = 359

// countBefore counts events before a time.
func (s *Store) countBefore(ctx context.Context, k *kind, before upstream.Time) (n int64, err error) {
	w := clip(upstream.Window{Start: ever.Start, End: before})
	err = s.hourly(ctx, k, w, filter{}, func(from string) (err error) {
		n, err = first[int64](ctx, s, "select toInt64(sum(total)) from "+from)
		return err
	})
	return n, err
}

// removeEvents removes events of a kind before a time.
func (s *Store) removeEvents(ctx context.Context, k *kind, before upstream.Time) error {
	old := clip(upstream.Window{Start: ever.Start, End: before})
	began := currentSlot()
	all, err := s.rowsBy(ctx, k, bucket(upstream.Hour), old)
	if err != nil {
		return err
	}
	var hours changedHours
	for _, h := range all {
		hours.add(k, h.time)
	}
	return s.changing(ctx, hours, func() error {
		if err := s.removeBefore(ctx, k.table, before); err != nil {
			return err
		}
		marks, err := s.marks(ctx, k, old)
		if err != nil {
			return err
		}
		var written changedHours // meanwhile
		for _, m := range marks {
			if m.slot >= began-1 { // clocks of processes differ
				written.add(k, m.hour)
			}
		}
		return s.changing(ctx, written, func() error { return nil })
	})
}

// Prune removes old events: see [store.Maintainer].
func (s *Store) Prune(ctx context.Context, before upstream.Time, dry bool) (n store.Removed, err error) {
	if dry {
		err = s.read(ctx, "count old events", func(ctx context.Context) (err error) {
			for _, k := range kinds {
				if err == nil {
					*n.Of(k.Kind), err = s.countBefore(ctx, k, before)
				}
			}
			return err
		})
		return n, err
	}
	err = s.inTurn(ctx, "remove old events", func(ctx context.Context) error {
		w := &writer{Store: s}
		for _, k := range kinds {
			rows, err := s.countBefore(ctx, k, before)
			if err == nil && rows > 0 {
				w.touch(everything)
				if err = w.note(ctx); err == nil { // before and after, in case that it is interrupted
					ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
					err = errors.Join(s.removeEvents(ctx, k, before), w.note(ending))
					cancel()
				}
			}
			if err != nil {
				return err
			}
			*n.Of(k.Kind) = rows
		}
		if n.Rows() > 0 {
			// The table message has no months, so its parts are rewritten as a whole: do it once a month.
			month := time.Unix(int64(before), 0).UTC()
			month = month.AddDate(0, 0, 1-month.Day()).Truncate(24 * time.Hour)
			err := s.removeRows(ctx, "message", "time < "+strconv.FormatInt(month.Unix(), 10))
			if err == nil {
				err = s.removeBefore(ctx, "recipient", before)
			}
			if err != nil {
				return err
			}
		}
		state, err := s.state(ctx, "")
		if err != nil {
			return err
		}
		return w.flush(ctx, store.PruneUnfinished(state, before))
	})
	return n, err
}

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
		err := s.ddl(ctx, "optimize table "+table+" final", s.cluster)
		if refused, ok := errors.AsType[*driver.Exception](err); ok && strings.Contains(refused.Message, nothingToMerge) {
			continue
		} else if err != nil {
			return err
		}
	}
	return nil
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
				w.add(k, &r, true)
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

// maxProblems is the maximum number of problems that Check returns.
const maxProblems = 100

// Check looks for damage: it reads all rows, and compares their keys with their content, and with the index of
// messages. ClickHouse verifies the checksums of what it reads.
func (s *Store) Check(ctx context.Context) (problems []string, err error) {
	problem := func(format string, args ...any) {
		if len(problems) < maxProblems {
			problems = append(problems, fmt.Sprintf(format, args...))
		}
	}
	err = s.read(ctx, "check the store", func(ctx context.Context) error {
		problems = nil
		for _, k := range kinds {
			err := s.reading(ctx, k, s.from(k), "removed = 0", func(rows []row) error {
				for i := range rows {
					if r := &rows[i]; r.id != r.messageID() {
						problem("%s of time %d and id %d has the content of another message", k.table, r.Time, r.id)
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
				lost, err := first[uint64](ctx, s, "select count() from "+k.table+" where ("+index.key+
					", time) global not in (select "+index.column+", time from "+index.table+" where kind = "+
					number(k.Kind)+")")
				if err != nil {
					return err
				}
				if lost > 0 {
					problem("%d rows of %s are not in the table %s, so %s", lost, k.table, index.table, index.harm)
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
