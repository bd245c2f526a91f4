package index

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// The vectors are those of other implementations' tests: key 00…0f, messages 00, 01, ….
func TestTermsAreSipHash13(t *testing.T) {
	var key [16]byte
	for i := range key {
		key[i] = byte(i)
	}
	h := NewHasher(key)
	for msg, want := range map[string]uint64{
		"":             0xabac0158050fc4dc,
		"\x00":         0xc9f49bf37d57ca93,
		"\x00\x01":     0x82cb9b024dc7d44d,
		"\x00\x01\x02": 0x8bf80ab8e7ddf7fb,
	} {
		if got := h.Text(msg); uint64(got) != want {
			t.Errorf("of %q: %#x, want %#x", msg, got, want)
		}
	}
}

func TestHeaderTermsFoldNamesAndNotValues(t *testing.T) {
	h := NewHasher([16]byte{1})
	name := rapid.OneOf(rapid.SampledFrom([]string{"X-Kind", "x-kind", "X-\u212aind", "X-ſ", "X-S", "", "X-ß", "X-ẞ"}), rapid.String())
	rapid.Check(t, func(t *rapid.T) {
		a, b := name.Draw(t, "a"), name.Draw(t, "b")
		if rapid.Bool().Draw(t, "upper") {
			b = strings.ToUpper(a)
		}
		v, w := name.Draw(t, "v"), name.Draw(t, "w")
		want := strings.EqualFold(a, b) && v == w
		if got := h.Header(a, v) == h.Header(b, w); got != want {
			t.Fatalf("%q: %q and %q: %q match %v, want %v", a, v, b, w, got, want)
		}
	})
}

func TestPostingsAreTheRowsThatHaveTheTerm(t *testing.T) {
	var b Builder
	rapid.Check(t, func(t *rapid.T) {
		rows := rapid.OneOf(rapid.IntRange(1, 300), rapid.SampledFrom([]int{63, 64, 65, 66, 127, 128, 1000, 2000, MaxRows})).Draw(t, "rows")
		seed := rapid.Uint64().Draw(t, "seed")
		// Each field has values in its own proportion: value v where rank%(v+1) is 0.
		values := []int{1, 2, 3, 20, 400, 40000}
		model := map[Field]map[Term][]int{}
		for f, n := range values {
			model[Field(f)] = map[Term][]int{}
			for row := range rows {
				for range 1 + row%2 { // every other row twice
					x := seed ^ uint64(row)*0x9e3779b97f4a7c15
					v := int(x>>33) % n
					if f == 2 && v == 0 {
						continue // some rows have none
					}
					term := Term(uint64(v+1) * 0xd6e8feb86659fd93)
					b.Add(Field(f), term, row)
					if m := model[Field(f)][term]; len(m) == 0 || m[len(m)-1] != row {
						model[Field(f)][term] = append(m, row)
					}
				}
			}
		}
		blocks := map[Slot]string{}
		l, err := b.Build(rows, func(s Slot, d []byte) error {
			if blocks[s] != "" || s < FirstSlot {
				t.Fatalf("slot %d again", s)
			}
			blocks[s] = string(d)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		find := func(f Field, term Term) Posting {
			s, ok := l.Slot(f, term)
			if !ok || blocks[s] == "" {
				return Posting{}
			}
			p, err := Find(blocks[s], term, rows)
			if err != nil {
				t.Fatal(err)
			}
			return p
		}
		lo := rapid.IntRange(0, rows).Draw(t, "lo")
		hi := rapid.IntRange(lo, rows).Draw(t, "hi")
		for f := range values {
			checked := 0
			for term, want := range model[Field(f)] {
				if checked++; checked > 30 {
					break
				}
				p := find(Field(f), term)
				var s Set
				s.Or(p)
				if got := s.AppendRows(nil, 0, rows+1); p.Len() != len(want) || !cmp.Equal(got, want) {
					t.Fatalf("field %d: %v", f, cmp.Diff(want, got))
				}
				s.Fill(lo, hi)
				s.And(p)
				inside := slices.DeleteFunc(slices.Clone(want), func(r int) bool { return r < lo || r >= hi })
				skip := len(inside) / 3
				got := s.AppendRows([]int{}, skip, 100)
				if want := inside[skip:min(len(inside), skip+100)]; s.Len() != len(inside) || !slices.Equal(got, want) {
					t.Fatalf("field %d [%d,%d) from %d: %v", f, lo, hi, skip, cmp.Diff(want, got))
				}
			}
			if p := find(Field(f), 12345); p.Len() != 0 {
				t.Fatal("a term that no row has is found")
			}
		}
		if p := find(Reason, 1); p.Len() != 0 {
			t.Fatal("a field that no row has is found")
		}
	})
}

func FuzzBlockIsReadOrRefused(f *testing.F) {
	var b Builder
	for row := range 40 {
		b.Add(User, Term(row%3)<<62, row)
		b.Add(User, Term(row), row)
	}
	_, _ = b.Build(40, func(_ Slot, d []byte) error { f.Add(d, uint64(1), 40); return nil })
	f.Fuzz(func(_ *testing.T, data []byte, term uint64, rows int) {
		if rows < 1 || rows > MaxRows {
			return
		}
		var s Set
		s.Fill(0, rows)
		for _, t := range []Term{Term(term), 0, 1 << 62, Term(binary.LittleEndian.Uint64(append(data, make([]byte, 8)...)))} {
			if p, err := Find(string(data), t, rows); err == nil {
				s.And(p)
				s.Or(p)
			}
		}
	})
}

func BenchmarkBuild(b *testing.B) {
	var x Builder
	b.ReportAllocs()
	size := 0
	for i := 0; b.Loop(); i++ {
		row := i % MaxRows
		if row == 0 && i > 0 {
			_, _ = x.Build(MaxRows, func(_ Slot, d []byte) error { size += len(d); return nil })
		}
		h := Term(uint64(i) * 0x9e3779b97f4a7c15)
		k := Term(0xd6e8feb86659fd93)
		x.Add(User, k*(1+h>>40%6), row)
		x.Add(Sender, k*(1+h>>30%24), row)
		x.Add(Domain, k*(1+h>>20%300), row)
		x.Add(Local, h, row)
		x.Add(Recipient, h^1234567, row)
		for j := range Term(4) {
			x.Add(XHeader, k*(1+j*100+h>>(10*j)%20), row)
		}
	}
	b.ReportMetric(float64(size)/float64(b.N), "bytes/row")
}
