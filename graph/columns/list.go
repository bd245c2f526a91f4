package columns

import "github.com/99designs/gqlgen/graphql"

// List is a nullable list of objects in the row, whose fields are in the objects. get returns a row's list and the
// index of the table that writes it. Rows may share lists, as rows of a cached page do; a shared list is written once
// and then copied.
func List[T, C any](get func(row *T) (list []C, by int), tables ...*Type[C]) Field[T] {
	return func(oc *graphql.OperationContext, f graphql.CollectedField) (column[T], bool) {
		plans := make([]*plan[C], len(tables))
		for i, t := range tables {
			p, ok := compile(t, oc, f.Selections)
			if !ok || !p.direct || p.checked {
				return column[T]{}, false
			}
			plans[i] = p
		}
		return column[T]{prepare: func(_ selected, rows []*T, _ place) cells {
			var earlier shared[C]
			return func(dst []byte, i int) []byte {
				list, by := get(rows[i])
				switch {
				case list == nil:
					return append(dst, "null"...)
				case len(list) == 0:
					return append(dst, "[]"...)
				}
				if from, to, ok := earlier.find(list, by); ok {
					return append(dst, dst[from:to]...)
				}
				from, before := len(dst), byte('[')
				for i := range list {
					dst = plans[by].write(append(dst, before), &list[i])
					before = ','
				}
				dst = append(dst, ']')
				earlier.add(list, by, from, len(dst))
				return dst
			}
		}}, true
	}
}

// MadeList is a list of objects that is computed from the row and never null, whose fields are in the objects.
func MadeList[T, C any](t *Type[C], of func(row *T) []*C) Field[T] {
	return func(oc *graphql.OperationContext, f graphql.CollectedField) (column[T], bool) {
		p, ok := compile(t, oc, f.Selections)
		return column[T]{write: func(dst []byte, row *T) []byte {
			dst = append(dst, '[')
			for i, c := range of(row) {
				if i > 0 {
					dst = append(dst, ',')
				}
				dst = p.write(dst, c)
			}
			return append(dst, ']')
		}}, ok && p.direct && !p.checked
	}
}

// maxShared limits how many lists are remembered. If none of the first ones is repeated, rows are assumed not to share
// lists, and the search stops.
const maxShared = 16

// shared remembers the lists written so far: where their elements are in memory, and where their text is in the output.
type shared[C any] struct {
	lists [maxShared]struct {
		first    *C
		n, by    int
		from, to int
	}
	n     int
	again bool
}

func (s *shared[C]) find(list []C, by int) (from, to int, ok bool) {
	if s.n == maxShared && !s.again {
		return 0, 0, false
	}
	for i := range s.lists[:s.n] {
		if l := &s.lists[i]; l.first == &list[0] && l.n == len(list) && l.by == by {
			s.again = true
			return l.from, l.to, true
		}
	}
	return 0, 0, false
}

func (s *shared[C]) add(list []C, by, from, to int) {
	if s.n < maxShared {
		l := &s.lists[s.n]
		l.first, l.n, l.by, l.from, l.to = &list[0], len(list), by, from, to
		s.n++
	}
}
