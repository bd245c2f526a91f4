// Package rollup is the number of a kind's events in each hour of a UTC day, by
// who sent them: what counts over whole hours are added up from, so that they
// cost the same however many events there are.
//
// It hides how a day becomes bytes. [Add] changes a day, [Each] reads it.
package rollup

import (
	"cmp"
	"encoding/binary"
	"errors"
	"math/bits"
	"slices"

	"deliverygraph/upstream"
)

// Source is what events are counted by.
type Source struct {
	User   upstream.ID
	Sender upstream.ID
	Type   string // of bounces; empty for other kinds
}

func (s Source) compare(o Source) int {
	return cmp.Or(cmp.Compare(s.User, o.User), cmp.Compare(s.Sender, o.Sender), cmp.Compare(s.Type, o.Type))
}

// Hours is the number of events in each hour of a day.
type Hours [24]int64

// ErrCorrupt is the error of bytes that Add did not write.
var ErrCorrupt = errors.New("the rollup is damaged")

// A day is
//
//	number of types, {length, type}…, {user, sender, type's number, hours with any as bits, their numbers}…
//
// sorted by user, sender and type; all numbers varints.

// Count is the number of events in one hour of a day.
type Count struct {
	Hour int
	N    int64
}

// Each calls f for each source of a day that want wants, by user, sender and type,
// with the hours that have any events, in order, which are f's only while it runs.
// A nil want wants all. An empty day has no sources.
func Each(day []byte, want func(Source) bool, f func(Source, []Count)) error {
	if len(day) == 0 {
		return nil
	}
	r := reader{day, false}
	var few [4]string
	types := few[:0]
	for n := r.uvarint(); n > 0 && !r.bad; n-- {
		types = append(types, r.string())
	}
	var hours [24]Count
	for len(r.b) > 0 && !r.bad {
		s := Source{User: upstream.ID(r.varint()), Sender: upstream.ID(r.varint())}
		typ := r.uvarint()
		mask := uint32(r.uvarint())
		if typ >= uint64(len(types)) || mask >= 1<<24 {
			return ErrCorrupt
		}
		s.Type = types[typ]
		if want != nil && !want(s) {
			r.skip(bits.OnesCount32(mask))
			continue
		}
		n := 0
		for ; mask != 0; mask &= mask - 1 {
			hours[n] = Count{bits.TrailingZeros32(mask), int64(r.uvarint())}
			n++
		}
		if !r.bad {
			f(s, hours[:n])
		}
	}
	if r.bad {
		return ErrCorrupt
	}
	return nil
}

// Add gives the day with more added to it; numbers may be negative. Sources with
// no event left are dropped; a day with none left is empty.
func Add(day []byte, more map[Source]*Hours) ([]byte, error) {
	sum := make(map[Source]Hours, len(more))
	for s, h := range more {
		sum[s] = *h
	}
	err := Each(day, nil, func(s Source, hours []Count) {
		x := sum[s]
		for _, h := range hours {
			x[h.Hour] += h.N
		}
		sum[s] = x
	})
	if err != nil {
		return nil, err
	}
	sources := make([]Source, 0, len(sum))
	var types []string
	for s, h := range sum {
		if h == (Hours{}) {
			continue
		}
		sources = append(sources, s)
		if !slices.Contains(types, s.Type) {
			types = append(types, s.Type)
		}
	}
	if len(sources) == 0 {
		return nil, nil
	}
	slices.SortFunc(sources, Source.compare)
	slices.Sort(types)
	b := binary.AppendUvarint(nil, uint64(len(types)))
	for _, t := range types {
		b = binary.AppendUvarint(b, uint64(len(t)))
		b = append(b, t...)
	}
	for _, s := range sources {
		b = binary.AppendVarint(b, int64(s.User))
		b = binary.AppendVarint(b, int64(s.Sender))
		b = binary.AppendUvarint(b, uint64(slices.Index(types, s.Type)))
		h := sum[s]
		var mask uint64
		for i, n := range h {
			if n < 0 {
				return nil, ErrCorrupt
			}
			if n > 0 {
				mask |= 1 << i
			}
		}
		b = binary.AppendUvarint(b, mask)
		for _, n := range h {
			if n > 0 {
				b = binary.AppendUvarint(b, uint64(n))
			}
		}
	}
	return b, nil
}

// reader takes values off bytes; bad once anything was missing.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	if len(r.b) > 0 && r.b[0] < 0x80 { // nearly all of them
		n := r.b[0]
		r.b = r.b[1:]
		return uint64(n)
	}
	n, l := binary.Uvarint(r.b)
	if l <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[l:]
	return n
}

// skip leaves n varints out.
func (r *reader) skip(n int) {
	for i, c := range r.b {
		if n == 0 {
			r.b = r.b[i:]
			return
		}
		if c < 0x80 {
			n--
		}
	}
	r.bad, r.b = n > 0, nil
}

func (r *reader) varint() int64 {
	u := r.uvarint()
	return int64(u>>1) ^ -int64(u&1)
}

func (r *reader) string() string {
	n := r.uvarint()
	if n > uint64(len(r.b)) {
		r.bad, r.b = true, nil
		return ""
	}
	s := string(r.b[:n])
	r.b = r.b[n:]
	return s
}
