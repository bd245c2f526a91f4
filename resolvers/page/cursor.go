package page

import (
	"encoding/binary"
	"hash/fnv"
	"math"

	"deliverygraph/upstream"
)

// cursor locates a row of a [Connection]. Correctness depends on the key alone; the other fields are hints that
// make the search cheap.
type cursor struct {
	key    Key
	call   call  // the upstream call that returned the row; it ends where the window ends
	older  int   // number of rows of the window older than call.start, at the time of the call
	index  int   // index of the row in that page
	order  order // how the upstream was seen to sort
	padded bool  // whether its pages were padded
}

// paddedMark is added to the order in cursors of padded pages.
const paddedMark = 1 << 2

// call is an upstream call of a connection: rows from offset, in [start, end of the window).
type call struct {
	start  upstream.Time
	offset int
}

// position returns the row's index in the whole list, when the cursor was made.
func (c cursor) position() int { return c.older + c.call.offset + c.index }

func (c cursor) encode(of binding, w upstream.Window) string {
	var scratch [256]byte
	head := byte(c.order)
	if c.padded {
		head |= paddedMark
	}
	b := append(scratch[:0], head)
	b = binary.AppendUvarint(b, uint64(c.key.Time)-uint64(w.Start))
	b = binary.AppendUvarint(b, uint64(c.call.start)-uint64(w.Start))
	for _, n := range [...]int{c.call.offset, c.older, c.index} {
		b = binary.AppendUvarint(b, uint64(n))
	}
	for _, text := range [...]string{c.key.EmailID, c.key.Recipient} {
		b = binary.AppendUvarint(b, uint64(len(text)))
		b = append(b, text...)
	}
	b = binary.AppendVarint(b, int64(c.key.UserID))
	b = binary.AppendVarint(b, int64(c.key.SenderID))
	return of.encode(w, b)
}

// parseCursor returns the cursor with these contents, or nil if they are nil. It belongs to window w.
func parseCursor(argument string, contents []byte, w upstream.Window) (*cursor, error) {
	return parse(argument, contents, func(r *reader) (c cursor) {
		head := r.uvarint()
		c.order, c.padded = order(min(head&^paddedMark, math.MaxUint8)), head&paddedMark != 0
		c.key.Time = upstream.Time(uint64(w.Start) + r.uvarint())
		c.call.start = upstream.Time(uint64(w.Start) + r.uvarint())
		c.call.offset, c.older, c.index = r.count(), r.count(), r.count()
		c.key.EmailID, c.key.Recipient = r.text(), r.text()
		c.key.UserID, c.key.SenderID = upstream.ID(r.varint()), upstream.ID(r.varint())
		r.bad = r.bad || !c.valid(w)
		return c
	})
}

// valid reports whether a connection over window w could have made c.
func (c cursor) valid(w upstream.Window) bool {
	if c.order > unsorted || !w.Contains(c.key.Time) || !w.Contains(c.call.start) || c.position() > maxOffset {
		return false
	}
	if c.order == unsorted && c.call.start != w.Start {
		return false
	}
	if c.call.start == w.Start {
		return c.older == 0
	}
	return c.call.start <= c.key.Time
}

// Key identifies a row and determines its place in the list.
type Key = upstream.Identity

// clipKey limits the size of a key in a cursor. Every key is clipped before it is compared, so a row and its
// cursor agree.
func clipKey(k Key) Key {
	k.EmailID, k.Recipient = clip(k.EmailID), clip(k.Recipient)
	return k
}

// maxText is longer than any address (254) and any realistic email id.
const maxText = 320

// clip replaces the end of a long text by its hash. Identity is always preserved. Order is preserved except
// between texts that share a very long prefix.
func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	h := fnv.New64a()
	h.Write([]byte(s))
	return s[:maxText-8] + string(binary.BigEndian.AppendUint64(nil, h.Sum64()))
}
