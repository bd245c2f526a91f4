package index

import (
	"encoding/binary"
	"math/bits"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Term is the 64-bit hash of a field's value. Two values of one field with the
// same term would be found for one another; the hash is keyed by a secret of the
// store, so that nobody can write such values on purpose, and by chance it takes
// billions of distinct ones.
type Term uint64

// Hasher makes terms: SipHash-1-3 under a key of 16 bytes.
type Hasher struct {
	k0, k1 uint64
	buf    []byte
}

// NewHasher makes a hasher. One hasher serves one goroutine.
func NewHasher(key [16]byte) *Hasher {
	return &Hasher{k0: binary.LittleEndian.Uint64(key[:8]), k1: binary.LittleEndian.Uint64(key[8:])}
}

// ID is the term of a user or a sender.
func (h *Hasher) ID(id int64) Term {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(id))
	return Term(sip13(h.k0, h.k1, b[:]))
}

// Text is the term of a value.
func (h *Hasher) Text(s string) Term {
	h.buf = append(h.buf[:0], s...)
	return Term(sip13(h.k0, h.k1, h.buf))
}

// Header is the term of a header: names match as [strings.EqualFold] does, values exactly.
func (h *Hasher) Header(name, value string) Term {
	h.buf = appendFolded(h.buf[:0], name)
	n := len(h.buf)
	h.buf = append(h.buf, value...)
	h.buf = binary.LittleEndian.AppendUint32(h.buf, uint32(n)) // where the name ends
	return Term(sip13(h.k0, h.k1, h.buf))
}

// appendFolded appends one spelling for all names that are equal under folding:
// the smallest letter of each that fold together.
func appendFolded(b []byte, name string) []byte {
	for i := range len(name) {
		c := name[i]
		if c >= utf8.RuneSelf {
			// The slow way, for letters beyond ASCII.
			return append(b, strings.Map(smallest, name[i:])...)
		}
		if 'a' <= c && c <= 'z' {
			c -= 'a' - 'A'
		}
		b = append(b, c)
	}
	return b
}

func smallest(r rune) rune {
	if r < utf8.RuneSelf {
		if 'a' <= r && r <= 'z' {
			r -= 'a' - 'A'
		}
		return r
	}
	least := r
	for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
		least = min(least, f)
	}
	return least
}

// sip13 is SipHash with one round a word and three at the end.
func sip13(k0, k1 uint64, p []byte) uint64 {
	v0 := k0 ^ 0x736f6d6570736575
	v1 := k1 ^ 0x646f72616e646f6d
	v2 := k0 ^ 0x6c7967656e657261
	v3 := k1 ^ 0x7465646279746573
	last := uint64(len(p)) << 56
	for ; len(p) >= 8; p = p[8:] {
		m := binary.LittleEndian.Uint64(p)
		v3 ^= m
		v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
		v0 ^= m
	}
	for i, c := range p {
		last |= uint64(c) << (8 * i)
	}
	v3 ^= last
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0 ^= last
	v2 ^= 0xff
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	v0, v1, v2, v3 = sipRound(v0, v1, v2, v3)
	return v0 ^ v1 ^ v2 ^ v3
}

func sipRound(v0, v1, v2, v3 uint64) (uint64, uint64, uint64, uint64) {
	v0 += v1
	v2 += v3
	v1 = bits.RotateLeft64(v1, 13) ^ v0
	v3 = bits.RotateLeft64(v3, 16) ^ v2
	v0 = bits.RotateLeft64(v0, 32)
	v2 += v1
	v0 += v3
	v1 = bits.RotateLeft64(v1, 17) ^ v2
	v3 = bits.RotateLeft64(v3, 21) ^ v0
	v2 = bits.RotateLeft64(v2, 32)
	return v0, v1, v2, v3
}
