package sqlite

import (
	"context"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Transactions of Prune are limited, so that other writers do not wait long.
const (
	pruneRows = 2000
	sweepIDs  = 50_000
)

// Prune removes old events: see [store.Maintainer].
func (s *Store) Prune(ctx context.Context, before upstream.Time, dry bool) (n store.Removed, err error) {
	end := firstID(before)
	if dry {
		err = s.read(ctx, "count old events", func(r *reader) {
			for _, k := range kinds {
				*n.Of(k.Kind) = r.Number("select count(*) from "+k.table+" where id < ?", end)
			}
		})
		return n, err
	}
	if err := s.Finish(ctx); err != nil {
		return n, err
	}
	for _, k := range kinds {
		for rows := pruneRows; rows == pruneRows; {
			err := s.change(ctx, "remove old events", func(w *writer) {
				rows = w.dropAll(k, pruneRows, "r.id < ?", end)
			})
			if err != nil {
				return n, err
			}
			*n.Of(k.Kind) += int64(rows)
		}
	}
	err = s.change(ctx, "remove old unfinished messages", func(w *writer) {
		w.keep(store.PruneUnfinished(w.state(""), before))
	})
	if err != nil {
		return n, err
	}
	if n.Rows() == 0 {
		return n, nil
	}
	return n, s.sweep(ctx)
}

// sweep removes headers, domains and patterns that no row has. They may reveal as much about a recipient as the rows.
func (s *Store) sweep(ctx context.Context) error {
	for from, more := int64(1), true; more; from += sweepIDs {
		err := s.change(ctx, "remove unused headers, domains and patterns", func(w *writer) {
			more = w.sweep(from, from+sweepIDs)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// dropAll removes the first rows that a condition matches, -1 for all, and returns their number. It reads them without
// their details, which may be long.
func (w *writer) dropAll(k *kind, limit int, where string, args ...any) int {
	listed := *k
	listed.details, listed.apart = "", ""
	rows := w.load(&listed, limit, where, args...)
	for i := range rows {
		w.drop(k, &rows[i])
	}
	return len(rows)
}

// sweep removes unused headers, domains and patterns with ids from a first and before an end. It reports whether there
// are any after them.
func (w *writer) sweep(from, end int64) (more bool) {
	w.writeTags()
	unused := map[string]string{"pattern": " and not exists (select 1 from bounce where pattern_id = pattern.id)"}
	for _, k := range kinds {
		unused["header"] += " and not exists (select 1 from " + k.table + "_header where header_id = header.id)"
		unused["domain"] += " and not exists (select 1 from " + k.table + " where domain_id = domain.id)"
	}
	for table, condition := range unused {
		w.Exec("delete from "+table+" where id >= ? and id < ?"+condition, from, end)
		if w.Number("select changes()") > 0 {
			w.touch(nothing) // so that other processes empty their caches
			w.forget()
		}
		more = w.Number("select max(id) from "+table) >= end || more
	}
	return more
}
