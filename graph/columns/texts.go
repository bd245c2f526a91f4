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
	// Source tells which rows of the upstream's are shown, by a weak pointer to the first of
	// them, and how many they are: rows are never changed, so that those which are where
	// others were before are the same. It is nil where they were put together for the list.
	Source(ctx context.Context) (first any, rows int)
}

// Maker keeps what is made, for when it is asked for again.
type Maker interface {
	// Made gives what make makes, or made before under an equal key, which is comparable:
	// a value and how many bytes it holds. It may give nil in place of it, as make may.
	Made(key any, make func() (value any, bytes int)) any
}

// source is where the rows of a list come from. What a plan writes of them is kept there if
// it is a matter of the rows alone: then it is the same each time. The zero value keeps
// nothing.
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

// alike is the long values that a column was seen to have, and where they are in the text.
type alike struct {
	values map[string]piece
	again  bool
}

// Values are looked for again if they are longer than a piece, and in a column of which the
// first ones have been of use.
const (
	minAlike = 32
	maxAlike = 32
)

// find gives where a value is, if it has been met, and notes one that has not.
func (a *alike) find(value []byte, at int) (piece, bool) {
	if len(value) < minAlike || len(a.values) >= maxAlike && !a.again {
		return piece{}, false
	}
	if p, met := a.values[string(value)]; met {
		a.again = true
		return p, true
	}
	if len(a.values) < maxAlike {
		if a.values == nil {
			a.values = map[string]piece{}
		}
		a.values[string(value)] = piece{int32(at), int32(at + len(value))}
	}
	return piece{}, false
}

// text writes rows. It gives nil where prepare would.
func (p *plan[T]) text(parent selected, rows []*T, at place) *text {
	all, ok := p.parts(parent, rows, at)
	if !ok {
		return nil
	}
	width := int(p.width.Load())
	t := text{bytes: buffer(width * len(rows))[:0], ends: make([]int32, 0, len(rows))}
	written := buffer(width * len(rows)) // with all that rows have alike: cells may copy from there
	met := make([]alike, len(p.columns))
	var begun int // of the piece that is being written
	end := func() {
		if begun < len(t.bytes) {
			t.pieces = append(t.pieces, piece{int32(begun), int32(len(t.bytes))})
			begun = len(t.bytes)
		}
	}
	for i := range rows {
		for j := range p.columns {
			c := &p.columns[j]
			t.bytes = append(t.bytes, c.name...)
			from := len(written)
			if c.write != nil {
				written = c.write(written, rows[i])
			} else {
				written = all[j](written, i)
			}
			if known, ok := met[j].find(written[from:], len(t.bytes)); ok {
				end()
				t.pieces = append(t.pieces, known)
			} else {
				t.bytes = append(t.bytes, written[from:]...)
			}
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
	room := t.bytes
	t.bytes, t.pieces = slices.Clone(room), slices.Clone(t.pieces)
	Recycle(room)
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
