// Package columns answers lists of objects fast: a list is answered by columns.
//
// gqlgen answers a list row by row and field by field: for each field of each row a
// context, closures and a few allocations, for each row a goroutine. Here each
// selected field instead prepares its column for all rows at once, side by side
// where that takes upstream calls; then the rows are written out, cell by cell, into
// one buffer. 500 rows of 11 fields cost some dozen allocations rather than 58,000.
//
// What a type's fields are is told by a table ([Type]); the tables are beside the
// resolvers, as they know what the resolvers know. [Extension] stands before every
// field and takes the lists whose element type has a table. Whatever a table does
// not know (a nested connection, say), it leaves to the generated code, which
// remains the reference: both must give the same bytes and the same errors.
//
// Start reading at [Type]; extension.go is where gqlgen comes in.
package columns

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Type is the table of an object type whose values are *T.
type Type[T any] struct {
	Name       string
	Interfaces []string // that the type implements, for fragments on them
	Fields     map[string]Field[T]
}

// Field makes the column of a selected field. It gives false where it cannot, such
// as for arguments that do not parse: the generated code then answers the list.
type Field[T any] func(as selecting) (column[T], bool)

// selecting gives the field as it is selected, for those that need more than their
// rows.
type selecting func() (selected, bool)

// selected is a field as it is selected: its own context of gqlgen's, which knows
// the arguments and the contexts of the fields below.
type selected struct {
	ctx   context.Context
	oc    *graphql.OperationContext
	field *graphql.FieldContext
}

// below gives a field that is selected below this one.
func (s selected) below(f graphql.CollectedField) (selected, bool) {
	fc, err := s.field.Child(s.ctx, f)
	return selected{s.ctx, s.oc, fc}, err == nil
}

// column answers a field for all rows. Prepare gives nil where it cannot answer as
// the generated code would.
type column[T any] struct {
	prepare func(rows []*T, at place) cells
	loads   bool // prepare makes upstream calls
}

// cells appends the field's value of row i as JSON.
type cells func(dst []byte, i int) []byte

// place gives the context of row i, for errors: only these need it.
type place func(i int) context.Context

// plan is a selection on an object type.
type plan[T any] struct {
	names   []string // each with its quotes and colon
	columns []column[T]
}

// compile makes the plan of what is selected below s.
func compile[T any](t *Type[T], s selected, sel ast.SelectionSet) (plan[T], bool) {
	fields := graphql.CollectFields(s.oc, sel, append([]string{t.Name}, t.Interfaces...))
	p := plan[T]{make([]string, 0, len(fields)), make([]column[T], 0, len(fields))}
	for _, f := range fields {
		var c column[T]
		if f.Name == "__typename" {
			name := `"` + t.Name + `"`
			c.prepare = func([]*T, place) cells {
				return func(dst []byte, _ int) []byte { return append(dst, name...) }
			}
		} else {
			make, known := t.Fields[f.Name]
			if !known || !f.IsNonDeferrable {
				return p, false
			}
			var ok bool
			if c, ok = make(func() (selected, bool) { return s.below(f) }); !ok {
				return p, false
			}
		}
		p.names = append(p.names, `"`+f.Alias+`":`)
		p.columns = append(p.columns, c)
	}
	return p, true
}

// below is compile for what a field's objects show.
func below[C any](t *Type[C], as selecting) (selected, plan[C], bool) {
	s, ok := as()
	if !ok {
		return s, plan[C]{}, false
	}
	p, ok := compile(t, s, s.field.Field.Selections)
	return s, p, ok
}

// prepare gives the cells of whole objects.
func (p plan[T]) prepare(rows []*T, at place) cells {
	all := make([]cells, len(p.columns))
	var loading sync.WaitGroup
	here := -1 // the last column that loads: this goroutine, which would only wait, loads it
	for i, c := range p.columns {
		switch {
		case !c.loads:
		case here < 0:
			here = i
		default:
			first := here
			loading.Go(func() { all[first] = p.columns[first].prepare(rows, at) })
			here = i
		}
	}
	for i, c := range p.columns {
		if !c.loads {
			all[i] = c.prepare(rows, at)
		}
	}
	if here >= 0 {
		all[here] = p.columns[here].prepare(rows, at)
	}
	loading.Wait()
	for _, c := range all {
		if c == nil {
			return nil
		}
	}
	return func(dst []byte, i int) []byte {
		for j, c := range all {
			if j == 0 {
				dst = append(dst, '{')
			} else {
				dst = append(dst, ',')
			}
			dst = c(append(dst, p.names[j]...), i)
		}
		if len(all) == 0 { // all fields are skipped by @include or @skip
			dst = append(dst, '{')
		}
		return append(dst, '}')
	}
}

func (p plan[T]) loads() bool {
	for _, c := range p.columns {
		if c.loads {
			return true
		}
	}
	return false
}

// Leaf is a field whose value is at hand.
func Leaf[T any](write func(dst []byte, row *T) []byte) Field[T] {
	return func(selecting) (column[T], bool) {
		return column[T]{prepare: func(rows []*T, _ place) cells {
			return func(dst []byte, i int) []byte { return write(dst, rows[i]) }
		}}, true
	}
}

// LeafIf is a Leaf whose value may be one that the schema does not have. If any row
// has such a one, the generated code says so.
func LeafIf[T any](sound func(row *T) bool, write func(dst []byte, row *T) []byte) Field[T] {
	return func(selecting) (column[T], bool) {
		return column[T]{prepare: func(rows []*T, _ place) cells {
			for _, r := range rows {
				if !sound(r) {
					return nil
				}
			}
			return func(dst []byte, i int) []byte { return write(dst, rows[i]) }
		}}, true
	}
}

// Value is a nullable leaf that must be loaded, for all rows together: load gives
// how to write the value of row i, and for each row that has none the error.
func Value[T any](load func(ctx context.Context, rows []*T) (write func(dst []byte, i int) []byte, errs []error)) Field[T] {
	return func(as selecting) (column[T], bool) {
		s, ok := as()
		return column[T]{loads: true, prepare: func(rows []*T, at place) cells {
			write, errs := load(s.ctx, rows)
			return orErrors(write, errs, s, at)
		}}, ok
	}
}

// Object is an object that is at hand and never null.
func Object[T, C any](t *Type[C], get func(row *T) *C) Field[T] {
	return func(as selecting) (column[T], bool) {
		s, p, ok := below(t, as)
		return column[T]{loads: p.loads(), prepare: func(rows []*T, at place) cells {
			children := make([]*C, len(rows))
			for i, r := range rows {
				children[i] = get(r)
			}
			return p.prepare(children, s.within(at))
		}}, ok
	}
}

// Made is an object that is made of the row, and never null.
func Made[T, C any](t *Type[C], of func(row *T) C) Field[T] {
	return func(as selecting) (column[T], bool) {
		s, p, ok := below(t, as)
		return column[T]{loads: p.loads(), prepare: func(rows []*T, at place) cells {
			made := make([]C, len(rows))
			children := make([]*C, len(rows))
			for i, r := range rows {
				made[i] = of(r)
				children[i] = &made[i]
			}
			return p.prepare(children, s.within(at))
		}}, ok
	}
}

// Join is a nullable object that must be loaded, for all rows together. Load gets
// the field's arguments and whether anything but __typename is selected; it gives
// for each row the object, or nil for null, or an error.
func Join[T, C any](t *Type[C], load func(ctx context.Context, args map[string]any, data bool, rows []*T) ([]*C, []error)) Field[T] {
	return func(as selecting) (column[T], bool) {
		s, p, ok := below(t, as)
		if !ok {
			return column[T]{}, false
		}
		data := false
		for _, f := range graphql.CollectFields(s.oc, s.field.Field.Selections, []string{t.Name}) {
			data = data || f.Name != "__typename"
		}
		return column[T]{loads: true, prepare: func(rows []*T, at place) cells {
			children, errs := load(s.ctx, s.field.Args, data, rows)
			there := make([]*C, 0, len(rows))
			index := make([]int, len(rows)) // of a row's child in there
			parents := make([]int, 0, len(rows))
			for i, c := range children {
				if c != nil {
					index[i] = len(there)
					there, parents = append(there, c), append(parents, i)
				}
			}
			within := s.within(at)
			object := p.prepare(there, func(i int) context.Context { return within(parents[i]) })
			if object == nil {
				return nil
			}
			return orErrors(func(dst []byte, i int) []byte {
				if children[i] == nil {
					return append(dst, "null"...)
				}
				return object(dst, index[i])
			}, errs, s, at)
		}}, ok
	}
}

// List is a list of objects at hand. A nil list is null if nullable, else empty.
func List[T, C any](t *Type[C], nullable bool, get func(row *T) []C) Field[T] {
	return func(as selecting) (column[T], bool) {
		s, p, ok := below(t, as)
		return column[T]{loads: p.loads(), prepare: func(rows []*T, at place) cells {
			starts := make([]int, len(rows)+1)
			for i, r := range rows {
				starts[i+1] = starts[i] + len(get(r))
			}
			flat := make([]*C, 0, starts[len(rows)])
			for _, r := range rows {
				l := get(r)
				for j := range l {
					flat = append(flat, &l[j])
				}
			}
			object := p.prepare(flat, s.elements(at, starts))
			if object == nil {
				return nil
			}
			return func(dst []byte, i int) []byte {
				if nullable && get(rows[i]) == nil {
					return append(dst, "null"...)
				}
				return appendList(dst, object, starts[i], starts[i+1])
			}
		}}, ok
	}
}

func appendList(dst []byte, object cells, from, to int) []byte {
	dst = append(dst, '[')
	for i := from; i < to; i++ {
		if i > from {
			dst = append(dst, ',')
		}
		dst = object(dst, i)
	}
	return append(dst, ']')
}

// orErrors writes null, and adds the error, for rows that have one.
func orErrors(write cells, errs []error, s selected, at place) cells {
	if errs == nil {
		return write
	}
	within := s.within(at)
	return func(dst []byte, i int) []byte {
		if errs[i] == nil {
			return write(dst, i)
		}
		ctx := within(i)
		s.oc.Error(ctx, graphql.AddFieldLocationToError(ctx, errs[i]))
		return append(dst, "null"...)
	}
}

// within gives the place of the field in each row.
func (s selected) within(at place) place {
	return func(i int) context.Context {
		fc := *s.field // a copy: it takes its parent from the context that it is put in
		return graphql.WithFieldContext(at(i), &fc)
	}
}

// elements gives the place of each element of the field's lists, which lie one
// behind the other.
func (s selected) elements(at place, starts []int) place {
	within := s.within(at)
	return func(i int) context.Context {
		row := 0
		for starts[row+1] <= i {
			row++
		}
		return element(within(row), i-starts[row])
	}
}

func element(ctx context.Context, i int) context.Context {
	return graphql.WithFieldContext(ctx, &graphql.FieldContext{Index: &i})
}
