package clickhouse

import (
	"context"
	"maps"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// merge adds rows that are merged with those of the same message, in the batch and in the store.
func (w *writer) merge(ctx context.Context, rows [len(kinds)][]row) error {
	ids := map[uint64]bool{}
	for _, some := range rows {
		for i := range some {
			ids[some[i].id] = true
		}
	}
	if err := w.learnMessages(ctx, ids); err != nil {
		return err
	}
	failed := map[uint64]bool{}
	var emails []row
	for i, k := range kinds {
		merged := w.mergeKind(k, rows[i])
		if k.Kind == upstream.Emails {
			emails = merged
			continue
		}
		for j := range merged {
			w.add(k, &merged[j])
		}
		for _, r := range w.known[i] {
			failed[r.id] = failed[r.id] || !r.removed
		}
	}
	k := kinds[upstream.Emails]
	for i := range emails {
		r := &emails[i]
		r.Delivered = r.Delivered && !failed[r.id]
		w.add(k, r)
	}
	for _, old := range w.known[k.Kind] {
		if old.Delivered && !old.removed && failed[old.id] {
			r := *old
			r.Delivered = false
			w.change(k, &r)
		}
	}
	return nil
}

// learnMessages reads all rows of messages.
func (w *writer) learnMessages(ctx context.Context, ids map[uint64]bool) error {
	var lo, hi [len(kinds)]upstream.Time
	var found [len(kinds)]map[uint64]bool
	var id uint64
	var kind uint8
	var at upstream.Time
	for some := range slices.Chunk(slices.Collect(maps.Keys(ids)), 20_000) {
		err := each(ctx, "select id, kind, time from message where id in ("+idList(some)+")",
			[]any{&id, &kind, &at}, func() {
				if found[kind] == nil {
					found[kind], lo[kind], hi[kind] = map[uint64]bool{}, at, at
				}
				found[kind][id] = true
				lo[kind], hi[kind] = min(lo[kind], at), max(hi[kind], at)
			})
		if err != nil {
			return err
		}
	}
	for i, k := range kinds {
		if err := w.learn(ctx, k, found[i], lo[i], hi[i]); err != nil {
			return err
		}
	}
	return nil
}

// mergeKind returns rows of one kind, one for each message. Rows of the store that they replace at another time are
// removed.
func (w *writer) mergeKind(k *kind, rows []row) []row {
	old := map[uint64][]row{}
	for _, r := range w.known[k.Kind] {
		if !r.removed {
			old[r.id] = append(old[r.id], *r)
		}
	}
	event := func(r *row) *store.Event { return &r.Event }
	remove := func(r row) {
		r.removed = true
		w.change(k, &r)
	}
	return store.Merge(k.Kind, rows, event, func(r *row) []row { return old[r.id] }, remove, &w.written)
}
