package columns

import "github.com/99designs/gqlgen/graphql"

// List is a nullable list of objects at hand, whose fields are at hand too. Get gives a
// row's list, and the table that it is written by: one of several of one type. Rows may
// share lists, as those of a cached page do; each of these is written once, and copied.
func List[T, C any](get func(row *T) (list []C, by int), tables ...*Type[C]) Field[T] {
	return func(oc *graphql.OperationContext, f graphql.CollectedField) (column[T], bool) {
		plans := make([]*plan[C], len(tables))
		for i, t := range tables {
			p, ok := compile(t, oc, f.Selections)
			if !ok || !p.atHand || p.checked {
				return column[T]{}, false
			}
			plans[i] = p
		}
		return column[T]{prepare: func(_ selected, rows []*T, _ place) cells {
			var met shared[C]
			return func(dst []byte, i int) []byte {
				list, by := get(rows[i])
				switch {
				case list == nil:
					return append(dst, "null"...)
				case len(list) == 0:
					return append(dst, "[]"...)
				}
				if from, to, ok := met.find(list, by); ok {
					return append(dst, dst[from:to]...)
				}
				from, before := len(dst), byte('[')
				for i := range list {
					dst = plans[by].write(append(dst, before), &list[i])
					before = ','
				}
				dst = append(dst, ']')
				met.add(list, by, from, len(dst))
				return dst
			}
		}}, true
	}
}

// maxShared is how many lists are held against those that follow. If none of them is met
// again meanwhile, the rows share none, and nothing is looked for any more.
const maxShared = 16

// shared is the lists that have been written, by where their elements are, and where they
// stand in what was written.
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
