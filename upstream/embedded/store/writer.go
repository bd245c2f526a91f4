package store

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store/internal/event"
	"deliverygraph/upstream/embedded/store/internal/index"
	"deliverygraph/upstream/embedded/store/internal/rollup"
)

// writer carries out one Write within its transaction, and makes the view of the
// state that it leads to.
type writer struct {
	ctx     context.Context
	conn    *conn
	sizes   sizes
	old     *view
	next    ids
	written Written

	chunks  [len(upstream.Kinds)][]*chunk
	sender  *senders
	codes   codes
	changed changes // of the kind at hand

	hasher *index.Hasher
	index  index.Builder
	packer event.Packer
	page   event.Page
}

func newWriter(ctx context.Context, s *Store, c *conn, old *view) *writer {
	return &writer{
		ctx: ctx, conn: c, sizes: s.sizes, old: old, next: old.next,
		chunks: old.chunks, sender: old.senders, codes: old.codes,
		hasher: index.NewHasher(s.term),
	}
}

// finish writes what every write changes, and gives the new view.
func (w *writer) finish() (*view, error) {
	v := &view{generation: w.old.generation + 1, next: w.next, chunks: w.chunks, senders: w.sender, codes: w.codes}
	err := w.conn.exec("update meta set generation = ?, next_chunk = ?, next_page = ?, next_detail = ?",
		v.generation, v.next.chunk, v.next.page, v.next.detail)
	return v, err
}

func (w *writer) senders(list []Sender) error {
	byID := w.old.senders.byID
	for _, x := range list {
		known, ok := byID[x.SenderID]
		switch {
		case !ok:
			w.written.New++
		case known == x:
			w.written.Unchanged++
			continue
		default:
			w.written.Replaced++
		}
		if err := w.conn.exec("insert or replace into sender values (?, ?, ?)", int64(x.SenderID), int64(x.UserID), []byte(x.Address)); err != nil {
			return err
		}
		if w.sender == w.old.senders {
			byID = maps.Clone(byID)
			w.sender = &senders{byID: byID}
		}
		byID[x.SenderID] = x
	}
	if w.sender != w.old.senders {
		w.sender = newSenders(byID)
	}
	return nil
}

// put writes rows of one kind.
func (w *writer) put(k upstream.Kind, rows []row) error {
	if len(rows) == 0 {
		return nil
	}
	sorted, dropped := sortRows(rows)
	w.written.Replaced += dropped.Replaced
	w.written.Unchanged += dropped.Unchanged
	w.changed = changes{}

	// Each chunk takes the rows from its first key up to the next chunk's; the first
	// also takes what lies before it.
	old := w.chunks[k]
	chunks := make([]*chunk, 0, len(old)+len(sorted)/w.sizes.chunk+1)
	for i, ch := range old {
		n := len(sorted)
		if i+1 < len(old) {
			next := old[i+1].first
			n, _ = slices.BinarySearchFunc(sorted, next, func(r *row, k event.Key) int { return r.Compare(k) })
		}
		mine := sorted[:n]
		sorted = sorted[n:]
		if len(mine) == 0 {
			chunks = append(chunks, ch)
			continue
		}
		if i+1 == len(old) && ch.rows >= w.sizes.tail {
			// What comes after it starts another.
			late, _ := slices.BinarySearchFunc(mine, ch.last, func(r *row, k event.Key) int {
				if r.Compare(k) <= 0 {
					return -1
				}
				return 1
			})
			mine, sorted = mine[:late], mine[late:]
			if len(mine) == 0 {
				chunks = append(chunks, ch)
				break
			}
		}
		merged, err := w.merge(k, ch, mine)
		if err != nil {
			return err
		}
		chunks = append(chunks, merged...)
	}
	if len(sorted) > 0 {
		more, err := w.merge(k, nil, sorted)
		if err != nil {
			return err
		}
		chunks = append(chunks, more...)
	}
	chunks, err := w.join(k, chunks)
	if err != nil {
		return err
	}
	w.chunks[k] = chunks
	return w.count(k)
}

// add notes rows that the store does not have.
func (w *writer) add(k upstream.Kind, rows []*row) error {
	w.written.New += len(rows)
	for _, r := range rows {
		if err := w.note(k, r); err != nil {
			return err
		}
	}
	return nil
}

// replace notes a row that takes the place of another, unless it is the same.
func (w *writer) replace(k upstream.Kind, old, r *row) (same bool, err error) {
	if old.texts, err = w.conn.texts(old.Detail); err != nil {
		return false, err
	}
	if first := cmp.Or(r.first, r); old.same(first) {
		w.written.Unchanged++
	} else {
		w.written.Replaced++
	}
	if old.same(r) {
		return true, nil
	}
	w.changed.add(old, -1)
	if old.Detail != 0 {
		if err := w.conn.exec("delete from detail where id = ?", old.Detail); err != nil {
			return false, err
		}
	}
	return false, w.note(k, r)
}

// note counts a row and writes what is kept beside it.
func (w *writer) note(k upstream.Kind, r *row) error {
	w.changed.add(r, 1)
	if r.texts != (texts{}) {
		b, err := encodeTexts(r.texts)
		if err != nil {
			return err
		}
		r.Detail = w.next.detail
		w.next.detail++
		if err := w.conn.exec("insert into detail values (?, ?)", r.Detail, b); err != nil {
			return err
		}
	}
	switch k {
	case upstream.Bounces:
		return w.code(categories, r.Category)
	case upstream.BlockedEmails:
		return w.code(reasons, r.Reason)
	}
	return nil
}

func (w *writer) code(kind int, code string) error {
	if code == "" || w.codes[kind][code] {
		return nil
	}
	w.codes = w.codes.clone()
	w.codes[kind][code] = true
	return w.conn.exec("insert or ignore into code values (?, ?)", int64(kind), []byte(code))
}

// count adds what has changed to the rollups.
func (w *writer) count(k upstream.Kind) error {
	for start, more := range w.changed {
		id := rollupID(k, start)
		old, err := w.conn.blob("select data from rollup where id = ?", id)
		if err != nil {
			return err
		}
		sum, err := rollup.Add(old, more)
		if err != nil {
			return err
		}
		if bytes.Equal(sum, old) {
			continue
		}
		if err := w.conn.exec("insert or replace into rollup values (?, ?)", id, sum); err != nil {
			return err
		}
	}
	return nil
}

// cursor is a cursor over a chunk. It keeps clear of the cache: only committed
// blobs may go there.
func (w *writer) cursor(ch *chunk) (*cursor, error) {
	b, err := w.conn.blobOf(blocks, ch.block(pageListSlot))
	if err != nil {
		return nil, err
	}
	refs, err := decodeRefs(b, ch.rows)
	if err != nil {
		return nil, err
	}
	c := &cursor{}
	c.reset(refs, func(ref pageRef) (string, error) { return w.conn.blobOf(pages, ref.id) })
	return c, nil
}
