package index

import "math/bits"

// Set is a set of rows of a chunk. The zero value is empty.
type Set struct {
	words [MaxRows / 64]uint64
}

// Fill makes the set the rows from lo up to hi, hi not among them.
func (s *Set) Fill(lo, hi int) {
	s.words = [MaxRows / 64]uint64{}
	for i := lo; i < hi; {
		n := min(64-i%64, hi-i)
		s.words[i/64] |= (^uint64(0) >> (64 - n)) << (i % 64)
		i += n
	}
}

// Clear empties the set.
func (s *Set) Clear() { s.words = [MaxRows / 64]uint64{} }

// Or adds the posting's rows.
func (s *Set) Or(p Posting) {
	switch {
	case p.n == 0:
	case p.all():
		var t Set
		t.Fill(0, p.rows)
		for i := range s.words {
			s.words[i] |= t.words[i]
		}
	case p.n == 1:
		s.words[p.one/64] |= 1 << (p.one % 64)
	case p.isList():
		for d := p.data; len(d) >= 2; d = d[2:] {
			if row := uint16At(d, 0); row < MaxRows {
				s.words[row/64] |= 1 << (row % 64)
			}
		}
	default:
		for i, d := 0, p.data; len(d) > 0 && i < len(s.words); i++ {
			var w uint64
			w, d = word(d)
			s.words[i] |= w
		}
	}
}

// And keeps the rows that the posting has.
func (s *Set) And(p Posting) {
	switch {
	case p.all():
	case p.n == 1 || p.isList():
		var t Set
		t.Or(p)
		s.AndSet(&t)
	default:
		for i, d := 0, p.data; i < len(s.words); i++ {
			var w uint64
			w, d = word(d)
			s.words[i] &= w
		}
	}
}

// AndSet keeps the rows that t has.
func (s *Set) AndSet(t *Set) {
	for i := range s.words {
		s.words[i] &= t.words[i]
	}
}

// word takes the next 64 bits off d, zeros past its end.
func word(d string) (uint64, string) {
	if len(d) >= 8 {
		return uint64At(d, 0), d[8:]
	}
	var w uint64
	for i := range len(d) {
		w |= uint64(d[i]) << (8 * i)
	}
	return w, ""
}

// Len is the number of rows in the set.
func (s *Set) Len() int {
	n := 0
	for _, w := range s.words {
		n += bits.OnesCount64(w)
	}
	return n
}

// AppendRows appends at most limit rows to dst, in order, after skipping skip.
func (s *Set) AppendRows(dst []int, skip, limit int) []int {
	for i, w := range s.words {
		if n := bits.OnesCount64(w); skip >= n {
			skip -= n
			continue
		}
		for ; w != 0 && limit > 0; w &= w - 1 {
			if skip > 0 {
				skip--
				continue
			}
			dst = append(dst, 64*i+bits.TrailingZeros64(w))
			limit--
		}
		if limit == 0 {
			break
		}
	}
	return dst
}
