package clickhouse

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	driver "github.com/ClickHouse/clickhouse-go/v2"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// removeRows removes rows from the disk, and returns when no query finds them. ClickHouse rewrites the parts of the
// table that have such rows.
func (s *Store) removeRows(ctx context.Context, table, where string) error {
	if err := s.ddl(ctx, "alter table "+table+" delete where "+where, s.cluster); err != nil {
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
	known, err := first[uint64](ctx, "select count() from system.columns where database = 'system' and "+
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
			quote(s.database)+" and table = "+quote(table)).Scan(&n, &parts, &id, &why)
		if err != nil || n == 0 {
			return err
		}
		if left := parts + int64(n); left != before {
			before, since = left, time.Now()
		}
		if stalled := time.Since(since); stalled > stalledLimit || why != "" && stalled > failingLimit {
			return &upstream.Error{
				Code: upstream.Internal,
				Message: fmt.Sprintf("ClickHouse cannot remove rows of %s.%s: its mutation %s has not succeeded "+
					"for %v: put right what is wrong, or end it by KILL MUTATION",
					s.database, table, id, stalled.Round(time.Second)),
				Err: errors.New(cmp.Or(why, "it gives no reason")),
			}
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
	months, err := values[string](ctx, "select distinct partition from "+s.servers("system.parts")+
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
	return s.removeRows(ctx, table+s.local, "time < "+number(before))
}

// tooLargeToDrop is the code of the error about partitions above max_partition_size_to_drop.
const tooLargeToDrop = 359

// countBefore counts events before a time.
func (s *Store) countBefore(ctx context.Context, k *kind, before upstream.Time) (n int64, err error) {
	w := clip(upstream.Window{Start: ever.Start, End: before})
	err = s.hourly(ctx, k, w, filter{}, func(from string) (err error) {
		n, err = first[int64](ctx, "select toInt64(sum(total)) from "+from)
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

// Prune removes old events: see [store.Maintainer]. Others can write while ClickHouse rewrites the parts.
func (s *Store) Prune(ctx context.Context, before upstream.Time, dry bool) (n store.Removed, err error) {
	if dry {
		err = s.read(ctx, "count old events", func(ctx context.Context) (err error) {
			for _, k := range kinds {
				if *n.Of(k.Kind), err = s.countBefore(ctx, k, before); err != nil {
					return err
				}
			}
			return nil
		})
		return n, err
	}
	const what = "remove old events"
	err = s.use(ctx, what, false, func(ctx context.Context) error { return s.prune(ctx, before, &n) })
	if err != nil {
		return n, err
	}
	return n, s.inTurn(ctx, what, func(ctx context.Context) (err error) {
		// A write that began before may have added or replaced old events since, whose entries in the indexes are gone.
		if err := s.removeOld(ctx, before, new(store.Removed)); err != nil {
			return err
		}
		changes := store.PruneUnfinished(entries(ctx, "import_state final", "1", &err), before)
		if err == nil {
			err = s.keep(ctx, changes)
		}
		if err == nil {
			err = s.forgetRemoved(ctx)
		}
		return err
	})
}

// prune removes the events before a time, with their entries in the indexes, and counts them.
func (s *Store) prune(ctx context.Context, before upstream.Time, n *store.Removed) error {
	if err := s.removeOld(ctx, before, n); err != nil || n.Rows() == 0 {
		return err
	}
	// The table message has no months, so its parts are rewritten as a whole: do it once a month.
	y, m, _ := before.UTC().Date()
	month := time.Date(y, m, 1, 0, 0, 0, 0, time.UTC).Unix()
	if err := s.removeRows(ctx, "message"+s.local, "time < "+number(month)); err != nil {
		return err
	}
	if err := s.removeBefore(ctx, "recipient", before); err != nil {
		return err
	}
	return s.awaitWrites(ctx, before)
}

// awaitWrites waits until no write to events before a time is in progress, but not for one that has died.
func (s *Store) awaitWrites(ctx context.Context, before upstream.Time) error {
	const most = time.Minute // which no batch takes
	for start := time.Now(); time.Since(start) < most; {
		open, err := first[uint64](ctx, "select count() from (select sum(opened - closed) as n from mark where hour < "+
			number(before)+" and slot > "+number(currentSlot()-deadSlots)+" group by kind, hour having n > 0)")
		if err != nil || open == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
	return nil
}

// removeOld removes the events before a time, and counts them.
func (s *Store) removeOld(ctx context.Context, before upstream.Time, n *store.Removed) error {
	w := &writer{Store: s}
	w.touch(everything)
	for _, k := range kinds {
		rows, err := s.countBefore(ctx, k, before)
		if err == nil && rows > 0 {
			err = w.noting(ctx, func() error { return s.removeEvents(ctx, k, before) })
		}
		if err != nil {
			return err
		}
		*n.Of(k.Kind) = rows
	}
	return nil
}
