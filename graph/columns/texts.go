package columns

import (
	"context"
	"slices"
	"unsafe"
	"weak"

	"github.com/99designs/gqlgen/graphql"
)

// Shown is a parent of lists that knows where their rows come from: a connection.
type Shown interface {
	// Source tells what answer of the upstream's the rows are in, by a weak pointer to the
	// first of them, and how many they are. It is nil where they are in none, or in several.
	Source(ctx context.Context) (first any, rows int)
}

// Maker keeps what is made, for when it is asked for again.
type Maker interface {
	// Made gives what make makes, or made before under an equal key, which is comparable:
	// a value and how many bytes it holds. It may give nil in place of it, as make may.
	Made(key any, make func() (value any, bytes int)) any
}

// source is where the rows of a list come from. What is written of them by an [own] plan
// is kept there. Its zero value is no place that keeps anything.
//
// [own]: what is written of a row once is written of it always.
type source struct {
	maker Maker
	first any
	n     int
}

// sourceOf gives the source of a list's rows.
func (e Extension) sourceOf(ctx context.Context, list *graphql.FieldContext) source {
	if e.maker == nil || list.Parent == nil {
		return source{}
	}
	parent, ok := list.Parent.Result.(Shown)
	if !ok {
		return source{}
	}
	first, n := parent.Source(ctx)
	if first == nil {
		return source{}
	}
	return source{e.maker, first, n}
}

// textKey is rows, and the plan that they are written by. It holds neither.
type textKey struct {
	first any // a weak pointer
	n     int
	plan  any // a weak pointer
}

// textOf gives what a plan writes of a source's rows, if it is kept there. Rows gives them
// where it is to be made.
func textOf[T any](s source, p *plan[T], parent selected, at place, rows func() []*T) *text {
	if s.first == nil || !p.own {
		return nil
	}
	made := s.maker.Made(textKey{s.first, s.n, weak.Make(p)}, func() (any, int) {
		t := p.text(parent, rows(), at)
		if t == nil || len(t.ends) != s.n {
			return nil, 0
		}
		return t, t.size()
	})
	t, _ := made.(*text)
	return t
}

// text is what rows were written as. A long value that many of them have, such as the
// headers of a mailing, is in it once: a row is several pieces of it.
type text struct {
	length int // of them, with what stands between and around them in a list
	bytes  []byte
	pieces []piece
	ends   []int32 // of a row's pieces
}

type piece struct{ from, to int32 }

// Values that are met again are looked for among the first ones of a text, and only where
// they are longer than a piece.
const (
	minAlike = 32
	maxAlike = 64
)

// text writes rows. It gives nil where prepare would.
func (p *plan[T]) text(parent selected, rows []*T, at place) *text {
	all, ok := p.parts(parent, rows, at)
	if !ok {
		return nil
	}
	var t text
	t.ends = make([]int32, 0, len(rows))
	alike := map[string]piece{}
	var begun int // of the piece that is being written
	end := func() {
		if begun < len(t.bytes) {
			t.pieces = append(t.pieces, piece{int32(begun), int32(len(t.bytes))})
			begun = len(t.bytes)
		}
	}
	written := buffer(0) // with all that rows have alike: cells may copy from there
	for i := range rows {
		for j := range p.columns {
			t.bytes = append(t.bytes, p.columns[j].name...)
			from := len(written)
			if c := &p.columns[j]; c.write != nil {
				written = c.write(written, rows[i])
			} else {
				written = all[j](written, i)
			}
			value := written[from:]
			if len(value) >= minAlike {
				if known, met := alike[string(value)]; met {
					end()
					t.pieces = append(t.pieces, known)
					continue
				}
				if len(alike) < maxAlike {
					alike[string(value)] = piece{int32(len(t.bytes)), int32(len(t.bytes) + len(value))}
				}
			}
			t.bytes = append(t.bytes, value...)
		}
		t.bytes = append(t.bytes, p.end...)
		end()
		t.ends = append(t.ends, int32(len(t.pieces)))
	}
	t.length = len("[]") + len(rows)
	for _, p := range t.pieces {
		t.length += int(p.to - p.from)
	}
	Recycle(written)
	t.bytes, t.pieces = slices.Clone(t.bytes), slices.Clone(t.pieces)
	return &t
}

// size is how many bytes the text holds.
func (t *text) size() int {
	return int(unsafe.Sizeof(*t)) + cap(t.bytes) + cap(t.pieces)*int(unsafe.Sizeof(piece{})) + cap(t.ends)*4
}

// cells are the text's rows.
func (t *text) cells(dst []byte, i int) []byte {
	from := int32(0)
	if i > 0 {
		from = t.ends[i-1]
	}
	for _, p := range t.pieces[from:t.ends[i]] {
		dst = append(dst, t.bytes[p.from:p.to]...)
	}
	return dst
}
