package sqlite

import (
	"context"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// pruneRows is how many rows a transaction prunes.
const pruneRows = 2000

// Prune removes old events: see [store.Maintainer].
func (s *Store) Prune(ctx context.Context, before upstream.Time, dry bool) (n store.Removed, err error) {
	end := firstID(before)
	if dry {
		err = s.read(ctx, "count old events", func(r *reader) (err error) {
			for _, k := range kinds {
				if err == nil {
					*n.Of(k.Kind), err = r.conn.number(ctx, "select count(*) from "+k.table+" where id < ?", end)
				}
			}
			return err
		})
		return n, err
	}
	if err := s.Finish(ctx); err != nil {
		return n, err
	}
	for _, k := range kinds {
		for rows := pruneRows; rows == pruneRows; {
			err := s.change(ctx, "remove old events", func(w *writer) (err error) {
				rows, err = w.dropAll(k, pruneRows, "r.id < ?", end)
				return err
			})
			if err != nil {
				return n, err
			}
			*n.Of(k.Kind) += int64(rows)
		}
	}
	if n.Rows() == 0 {
		return n, nil
	}
	return n, s.change(ctx, "remove unused headers and domains", (*writer).sweep)
}

// dropAll removes the first rows that a condition matches, -1 for all, and returns their number.
func (w *writer) dropAll(k *kind, limit int, where string, args ...any) (int, error) {
	rows, err := load(w.ctx, w.conn, k, limit, where, args...)
	for i := range rows {
		if err == nil {
			err = w.drop(k, &rows[i])
		}
	}
	return len(rows), err
}

// sweep removes headers and domains that no row has. They may tell as much about a recipient as the rows.
func (w *writer) sweep() error {
	if err := w.writeAllTags(); err != nil {
		return err
	}
	headers, domains := "delete from header where true", "delete from domain where true"
	for _, k := range kinds {
		headers += " and not exists (select 1 from " + k.table + "_header where header_id = header.id)"
		domains += " and not exists (select 1 from " + k.table + " where domain_id = domain.id)"
	}
	w.touch(nothing) // so that other processes empty their caches
	w.forget()
	if err := w.conn.execContext(w.ctx, headers); err != nil {
		return err
	}
	return w.conn.execContext(w.ctx, domains)
}
