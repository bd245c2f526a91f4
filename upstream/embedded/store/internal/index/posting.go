package index

import (
	"errors"
	"sort"
)

// ErrCorrupt is the error of a block that no Builder made.
var ErrCorrupt = errors.New("the index is damaged")

// Posting is the set of a chunk's rows that have one term.
type Posting struct {
	n    int    // how many rows
	rows int    // of the chunk
	one  uint16 // the row, where n is 1
	data string // n numbers, or bits, or nothing where n is rows
}

// Len is the number of rows.
func (p Posting) Len() int { return p.n }

// Find gives the posting of a term out of the block at its [Layout.Slot]; rows is how
// many the chunk has. A term that the chunk does not have has an empty one.
func Find(block string, t Term, rows int) (Posting, error) {
	if len(block) < 4 {
		return Posting{}, ErrCorrupt
	}
	n := int(uint32At(block, 0))
	if len(block) < 4+12*n {
		return Posting{}, ErrCorrupt
	}
	list, where := block[4:4+8*n], block[4+8*n:4+12*n]
	i := sort.Search(n, func(i int) bool { return Term(uint64At(list, 8*i)) >= t })
	if i == n || Term(uint64At(list, 8*i)) != t {
		return Posting{}, nil
	}
	at := uint32At(where, 4*i)
	if at&single != 0 {
		if int(at&^single) >= rows {
			return Posting{}, ErrCorrupt
		}
		return Posting{n: 1, rows: rows, one: uint16(at)}, nil
	}
	if int(at)+2 > len(block) {
		return Posting{}, ErrCorrupt
	}
	p := Posting{n: int(uint16At(block, int(at))) + 1, rows: rows}
	data, size := block[at+2:], (rows+7)/8
	if p.n == rows {
		return p, nil
	}
	if 2*p.n <= size {
		size = 2 * p.n
	}
	if len(data) < size || p.n > rows {
		return Posting{}, ErrCorrupt
	}
	p.data = data[:size]
	return p, nil
}

func (p Posting) all() bool { return p.n == p.rows }

func (p Posting) isList() bool { return 2*p.n <= (p.rows+7)/8 }

// The numbers at s[i:], little-endian. The compiler makes one load of each.

func uint16At(s string, i int) uint16 {
	s = s[i : i+2]
	return uint16(s[0]) | uint16(s[1])<<8
}

func uint32At(s string, i int) uint32 {
	s = s[i : i+4]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func uint64At(s string, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
