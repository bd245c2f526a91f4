package clickhouse

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Write adds a batch: see [store.Writer].
func (s *Store) Write(ctx context.Context, b store.Batch) (n store.Written, err error) {
	var w *writer
	run := s.write
	if b.Merge || len(b.Given)+len(b.Accounts) > 0 {
		run = s.inTurn
	}
	err = run(repeatable(ctx), "write events", func(ctx context.Context) error {
		w = &writer{Store: s}
		if err := s.require(ctx, b.Given); err != nil {
			return err
		}
		rows := rowsOf(&b)
		for _, some := range rows {
			for i := range some {
				if err := some[i].CheckTime(); err != nil {
					return err
				}
			}
		}
		if err := errors.Join(s.addAccounts(ctx, b.Accounts), w.senders(ctx, b.Senders)); err != nil {
			return err
		}
		if b.Merge {
			err = w.merge(ctx, rows)
		} else {
			err = w.put(ctx, rows)
		}
		if err != nil {
			return err
		}
		return w.flush(ctx, b.State)
	})
	if err != nil {
		return store.Written{}, err
	}
	return w.written, nil
}

// writer collects the changes of a write.
type writer struct {
	*Store
	written   store.Written
	known     [len(kinds)]map[key]*row // the rows that exist, or will
	changes   [len(kinds)]map[key]bool // those to be written
	hours     changedHours
	newSender []sender
	touched   bool
	oldest    upstream.Time // the earliest event that was changed
}

type sender struct {
	store.Sender
	version uint64
}

const everything = upstream.Time(math.MinInt64)

// touch notes a change of events from t on.
func (w *writer) touch(t upstream.Time) {
	if !w.touched || t < w.oldest {
		w.touched, w.oldest = true, t
	}
}

// next returns a version that is higher than all others of this process, and than another.
func (s *Store) next(than uint64) uint64 {
	for {
		last := s.clock.Load()
		next := max(uint64(time.Now().UnixNano()), last+1, than+1)
		if s.clock.CompareAndSwap(last, next) {
			return next
		}
	}
}

// put writes rows that replace those with the same key.
func (w *writer) put(ctx context.Context, rows [len(kinds)][]row) error {
	for i, k := range kinds {
		if len(rows[i]) == 0 {
			continue
		}
		ids := map[uint64]bool{}
		lo, hi := rows[i][0].Time, rows[i][0].Time
		for _, r := range rows[i] {
			ids[r.id] = true
			lo, hi = min(lo, r.Time), max(hi, r.Time)
		}
		if err := w.learn(ctx, k, ids, lo, hi); err != nil {
			return err
		}
		for j := range rows[i] {
			w.add(k, &rows[i][j])
		}
	}
	return nil
}

// learn reads the rows of messages, including removed ones, from lo to hi.
func (w *writer) learn(ctx context.Context, k *kind, ids map[uint64]bool, lo, hi upstream.Time) error {
	if w.known[k.Kind] == nil {
		w.known[k.Kind], w.changes[k.Kind] = map[key]*row{}, map[key]bool{}
	}
	for some := range slices.Chunk(slices.Collect(maps.Keys(ids)), 20_000) {
		keys, err := w.versions(ctx, w.from(k)+" where time >= "+number(lo)+" and time <= "+number(hi)+
			" and id in ("+idList(some)+")")
		if err != nil {
			return err
		}
		rows, err := w.load(ctx, k, keys, true)
		if err != nil {
			return err
		}
		for i := range rows {
			w.known[k.Kind][rows[i].key()] = &rows[i]
		}
	}
	return nil
}

func idList(ids []uint64) string {
	var b []byte
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = fmt.Append(b, id)
	}
	return string(b)
}

// recently is the age of writes that a repeated import completes.
const recently = 24 * time.Hour

// add adds a row, or replaces it, and counts it.
func (w *writer) add(k *kind, r *row) {
	old := w.known[k.Kind][r.key()]
	switch {
	case old == nil || old.removed && !r.removed:
		w.written.New++
	case old.equal(r):
		w.written.Unchanged++
		// The write may have been interrupted before its last note.
		if time.Since(time.Unix(0, int64(old.version))) < recently {
			w.touch(r.Time)
		}
		return
	default:
		w.written.Replaced++
	}
	w.change(k, r)
}

// change adds a row, or replaces it.
func (w *writer) change(k *kind, r *row) {
	last := uint64(0)
	if old := w.known[k.Kind][r.key()]; old != nil {
		last = old.version
	}
	r.version = w.next(last)
	w.hours.add(k, r.Time) // though the count may stay: another process may have changed the event meanwhile
	w.known[k.Kind][r.key()] = r
	w.changes[k.Kind][r.key()] = true
	w.touch(r.Time)
}

// senders adds senders.
func (w *writer) senders(ctx context.Context, list []store.Sender) error {
	if len(list) == 0 {
		return nil
	}
	var ids []string
	for _, x := range list {
		ids = append(ids, number(x.SenderID))
	}
	known := map[upstream.ID]sender{}
	var x sender
	err := each(ctx, "select id, user_id, address, version from sender final where id in ("+join(ids)+")",
		[]any{&x.SenderID, &x.UserID, &x.Address, &x.version}, func() { known[x.SenderID] = x })
	changed := map[upstream.ID]bool{}
	for _, x := range list {
		old, exists := known[x.SenderID]
		switch {
		case !exists:
			w.written.New++
		case old.Sender == x:
			w.written.Unchanged++
			continue
		default:
			w.written.Replaced++
		}
		known[x.SenderID], changed[x.SenderID] = sender{x, w.next(old.version)}, true
		w.touch(everything)
	}
	for id := range changed {
		w.newSender = append(w.newSender, known[id])
	}
	return err
}

// flush writes the changes, and then the state.
func (w *writer) flush(ctx context.Context, state map[string]string) error {
	if !w.touched {
		return w.keep(ctx, state)
	}
	return w.noting(ctx, func() error {
		err := insert(ctx, "sender (id, user_id, address, version)", w.newSender, func(x *sender) []any {
			return []any{int64(x.SenderID), int64(x.UserID), x.Address, x.version}
		})
		if err == nil {
			err = w.changing(ctx, w.hours, func() error { return w.flushRows(ctx) })
		}
		if err == nil {
			err = w.keep(ctx, state)
		}
		return err
	})
}

// blockRows is the maximum number of rows of a block.
const blockRows = 100_000

// flushRows writes rows after their entries in the indexes, so that no row lacks them if it is interrupted.
func (w *writer) flushRows(ctx context.Context) error {
	type entry struct {
		kind uint8
		*row
	}
	var all []entry
	var rows [len(kinds)][]*row
	for i := range kinds {
		for key := range w.changes[i] {
			rows[i] = append(rows[i], w.known[i][key])
		}
		slices.SortFunc(rows[i], func(a, b *row) int { return a.Compare(b.Identity) })
		for _, r := range rows[i] {
			all = append(all, entry{uint8(i), r})
		}
	}
	for some := range slices.Chunk(all, blockRows) {
		err := insert(ctx, "message (id, kind, time)", some, func(e *entry) []any {
			return []any{e.id, e.kind, int64(e.Time)}
		})
		if err == nil {
			err = insert(ctx, "recipient (recipient, kind, time)", some, func(e *entry) []any {
				return []any{recipientHash(e.Recipient), e.kind, int64(e.Time)}
			})
		}
		if err != nil {
			return err
		}
	}
	for i, k := range kinds {
		for some := range slices.Chunk(rows[i], blockRows) {
			err := insert(ctx, k.table+" ("+k.insertColumns()+")", some,
				func(r **row) []any { return (*r).values(k) })
			if err != nil {
				return err
			}
		}
	}
	return nil
}
