package store

import (
	"encoding/binary"
	"math"
	"sort"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store/internal/event"
)

// pageRef is a page of a chunk: where it is and what it holds.
type pageRef struct {
	id    int64
	rows  int
	first upstream.Time // of its first row
}

// encodeRefs spells a chunk's list of pages; each differs little from the one before.
func encodeRefs(refs []pageRef) []byte {
	b := binary.AppendUvarint(nil, uint64(len(refs)))
	var last pageRef
	for _, r := range refs {
		b = binary.AppendVarint(b, r.id-last.id)
		b = binary.AppendUvarint(b, uint64(r.rows))
		b = binary.AppendVarint(b, int64(r.first-last.first))
		last = r
	}
	return b
}

// decodeRefs reads the list of a chunk with so many rows.
func decodeRefs(s string, rows int) ([]pageRef, error) {
	b := []byte(s)
	n, l := binary.Uvarint(b)
	if l <= 0 || n > uint64(len(b)) {
		return nil, errCorrupt
	}
	b = b[l:]
	refs := make([]pageRef, n)
	var last pageRef
	for i := range refs {
		id, a := binary.Varint(b)
		n, c := binary.Uvarint(b[max(a, 0):])
		if a <= 0 || c <= 0 {
			return nil, errCorrupt
		}
		first, d := binary.Varint(b[a+c:])
		if d <= 0 || n < 1 || n > event.MaxPageRows {
			return nil, errCorrupt
		}
		b = b[a+c+d:]
		last = pageRef{last.id + id, int(n), last.first + upstream.Time(first)}
		refs[i] = last
		rows -= last.rows
	}
	if rows != 0 {
		return nil, errCorrupt
	}
	return refs, nil
}

// startOf is the least key of time t: no row of that time lies before it.
func startOf(t upstream.Time) event.Key {
	return event.Key{Time: t, User: math.MinInt64, Sender: math.MinInt64}
}

// cursor reads rows of one chunk, in any order; it keeps the page that it read last.
type cursor struct {
	load   func(ref pageRef) (string, error)
	refs   []pageRef
	starts []int // for each page, how many rows of the chunk come before it
	page   event.Page
	at     int // the number of page in refs, -1 is none
}

func (c *cursor) reset(refs []pageRef, load func(ref pageRef) (string, error)) {
	c.load, c.refs, c.at, c.starts = load, refs, -1, c.starts[:0]
	n := 0
	for _, r := range refs {
		c.starts = append(c.starts, n)
		n += r.rows
	}
}

// open turns to page i.
func (c *cursor) open(i int) error {
	if c.at == i {
		return nil
	}
	c.at = -1
	b, err := c.load(c.refs[i])
	if err != nil {
		return err
	}
	if err := c.page.Reset(b); err != nil {
		return err
	}
	if c.page.Len() != c.refs[i].rows {
		return errCorrupt
	}
	c.at = i
	return nil
}

// row gives a row by its number in the chunk.
func (c *cursor) row(n int) (event.Event, error) {
	if c.at < 0 || n < c.starts[c.at] || n >= c.starts[c.at]+c.refs[c.at].rows {
		i := sort.SearchInts(c.starts, n+1) - 1
		if i < 0 || n >= c.starts[i]+c.refs[i].rows {
			return event.Event{}, errCorrupt
		}
		if err := c.open(i); err != nil {
			return event.Event{}, err
		}
	}
	return c.page.Event(n - c.starts[c.at])
}

// pageOf is the number of the last page that begins before or at the key, or else 0.
func (c *cursor) pageOf(k event.Key) (int, error) {
	var failed error
	i := sort.Search(len(c.refs), func(i int) bool {
		if c.refs[i].first != k.Time {
			return c.refs[i].first > k.Time
		}
		if failed = c.open(i); failed != nil {
			return true
		}
		var e event.Event
		e, failed = c.page.Event(0)
		return failed != nil || e.Key.Compare(k) > 0
	}) - 1
	return max(i, 0), failed
}

// before is how many rows lie before the key.
func (c *cursor) before(k event.Key) (int, error) {
	i, err := c.pageOf(k)
	if err != nil {
		return 0, err
	}
	if err := c.open(i); err != nil {
		return 0, err
	}
	var failed error
	n := sort.Search(c.page.Len(), func(row int) bool {
		if failed != nil {
			return true
		}
		var e event.Event
		e, failed = c.page.Event(row)
		return failed != nil || e.Key.Compare(k) >= 0
	})
	return c.starts[i] + n, failed
}

// cursor is a cursor over a chunk.
func (r *reader) cursor(ch *chunk) (*cursor, error) {
	b, err := r.blob(blocks, ch.block(pageListSlot))
	if err != nil {
		return nil, err
	}
	refs, err := decodeRefs(b, ch.rows)
	if err != nil {
		return nil, err
	}
	c := &cursor{}
	c.reset(refs, func(ref pageRef) (string, error) { return r.blob(pages, ref.id) })
	return c, nil
}

// within is which of the chunk's rows lie in the window: from lo up to hi.
func (r *reader) within(ch *chunk, w upstream.Window) (lo, hi int, err error) {
	lo, hi = 0, ch.rows
	if w.Start <= ch.first.Time && w.End > ch.last.Time {
		return lo, hi, nil
	}
	c, err := r.cursor(ch)
	if err != nil {
		return 0, 0, err
	}
	if w.Start > ch.first.Time {
		if lo, err = c.before(startOf(w.Start)); err != nil {
			return 0, 0, err
		}
	}
	if w.End <= ch.last.Time {
		if hi, err = c.before(startOf(w.End)); err != nil {
			return 0, 0, err
		}
	}
	return lo, hi, nil
}

// blob gives a blob that never changes, from the cache or from the disk.
func (r *reader) blob(t table, id int64) (string, error) {
	k := blobKey{t, id}
	if b, ok := r.store.cache.get(k); ok {
		return b, nil
	}
	b, err := r.conn.blobOf(t, id)
	if err == nil {
		r.store.cache.put(k, b)
	}
	return b, err
}

// blobOf reads such a blob; it is empty where there is none.
func (c *conn) blobOf(t table, id int64) (string, error) {
	query := "select data from page where id = ?"
	if t == blocks {
		query = "select data from block where id = ?"
	}
	b, err := c.blob(query, id)
	return string(b), err
}
