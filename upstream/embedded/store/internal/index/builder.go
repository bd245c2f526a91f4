package index

import (
	"encoding/binary"
	"math/bits"
	"slices"
)

// Blocks are cut to about blockBytes; a field has at most 1<<maxBits of them.
const (
	blockBytes = 3 << 10
	maxBits    = 12
)

// Slot is a block's place in its chunk's index. Slots below [FirstSlot] are free for
// other use.
type Slot uint16

// FirstSlot is the least slot that an index uses.
const FirstSlot Slot = 1 << maxBits

// Layout says into how many blocks each field is cut: 0 is none, n is 1<<(n-1).
// It is all that a reader has to know beforehand.
type Layout [Fields]uint8

// Slot is where the term's posting is, if the chunk has any.
func (l *Layout) Slot(f Field, t Term) (Slot, bool) {
	if l[f] == 0 {
		return 0, false
	}
	return slot(f, bucket(t, int(l[f]-1))), true
}

func slot(f Field, bucket int) Slot { return Slot(int(f+1)<<maxBits | bucket) }

// bucket is the number of the block out of 1<<n: the term's first bits.
func bucket(t Term, n int) int { return int(t >> (64 - n)) }

// entry is a term of a row.
type entry struct {
	term Term
	row  uint32
}

// Builder makes the index of one chunk at a time. The zero value is ready to use.
type Builder struct {
	fields [Fields][]entry
	spare  []entry
	block  []byte
	body   []byte
}

// Add says that the row has the term. Rows come in order; a term that comes twice
// counts once.
func (b *Builder) Add(f Field, t Term, row int) {
	b.fields[f] = append(b.fields[f], entry{t, uint32(row)})
}

// Build hands each block to put, and starts over. Rows is how many the chunk has.
// The block is put's only while it runs.
func (b *Builder) Build(rows int, put func(Slot, []byte) error) (Layout, error) {
	var l Layout
	for f := range b.fields {
		es := b.fields[f]
		if len(es) == 0 {
			continue
		}
		b.sort(es)
		n := min(maxBits, bits.Len(uint(size(es, rows)/blockBytes)))
		l[f] = uint8(n + 1)
		for from := 0; from < len(es); {
			bk := bucket(es[from].term, n)
			to := from + 1
			for to < len(es) && bucket(es[to].term, n) == bk {
				to++
			}
			if err := put(slot(Field(f), bk), b.encode(es[from:to], rows)); err != nil {
				return l, err
			}
			from = to
		}
		b.fields[f] = es[:0]
	}
	return l, nil
}

// sort sorts by term; rows of a term stay in order. Terms are hashes, so a few
// passes by their first bits leave next to nothing to do.
func (b *Builder) sort(es []entry) {
	const digit = 11
	if len(es) > 64 {
		b.spare = slices.Grow(b.spare[:0], len(es))[:len(es)]
		from, to := es, b.spare
		for _, shift := range [...]int{64 - 2*digit, 64 - digit} {
			var at [1 << digit]uint32
			for i := range from {
				at[from[i].term>>shift&(1<<digit-1)]++
			}
			sum := uint32(0)
			for i, n := range at {
				at[i] = sum
				sum += n
			}
			for i := range from {
				d := from[i].term >> shift & (1<<digit - 1)
				to[at[d]] = from[i]
				at[d]++
			}
			from, to = to, from
		}
	}
	for i := 1; i < len(es); i++ {
		if e := es[i]; es[i-1].term > e.term {
			j := i
			for ; j > 0 && es[j-1].term > e.term; j-- {
				es[j] = es[j-1]
			}
			es[j] = e
		}
	}
}

// terms calls f for each run of entries of one term.
func terms(es []entry, f func([]entry)) {
	for from := 0; from < len(es); {
		to := from + 1
		for to < len(es) && es[to].term == es[from].term {
			to++
		}
		f(es[from:to])
		from = to
	}
}

func size(es []entry, rows int) int {
	n := 0
	terms(es, func(run []entry) {
		n += 12
		if len(run) > 1 {
			n += 2 + min(2*len(run), (rows+7)/8)
		}
	})
	return n
}

// A block is
//
//	number of terms, the terms in order, for each where its posting is, postings
//
// all numbers little-endian, 32 bits, terms 64. Where: a row's number with the first
// bit set if the term has that row alone, else the posting's place in the block.
// A posting is its number of rows in 16 bits, less one, and then the rows: 16 bits
// each; or, if that is shorter, a bit for each row of the chunk; or nothing at all
// where it has every row of the chunk.
const single = 1 << 31

func (b *Builder) encode(es []entry, rows int) []byte {
	n := 0
	terms(es, func([]entry) { n++ })
	head := binary.LittleEndian.AppendUint32(b.block[:0], uint32(n))
	terms(es, func(run []entry) { head = binary.LittleEndian.AppendUint64(head, uint64(run[0].term)) })
	body := b.body[:0]
	start := len(head) + 4*n
	terms(es, func(run []entry) {
		run = slices.CompactFunc(run, func(a, b entry) bool { return a.row == b.row })
		if len(run) == 1 {
			head = binary.LittleEndian.AppendUint32(head, single|run[0].row)
			return
		}
		head = binary.LittleEndian.AppendUint32(head, uint32(start+len(body)))
		body = binary.LittleEndian.AppendUint16(body, uint16(len(run)-1))
		switch {
		case len(run) == rows:
		case 2*len(run) <= (rows+7)/8:
			for _, e := range run {
				body = binary.LittleEndian.AppendUint16(body, uint16(e.row))
			}
		default:
			at := len(body)
			body = append(body, make([]byte, (rows+7)/8)...)
			for _, e := range run {
				body[at+int(e.row/8)] |= 1 << (e.row % 8)
			}
		}
	})
	b.block, b.body = append(head, body...), body
	return b.block
}
