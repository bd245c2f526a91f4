// Package columns answers lists of objects fast: a list is answered by columns.
//
// gqlgen answers a list row by row and field by field: for each field of each row a
// context, closures and a few allocations, for each row a goroutine. Here the selection
// becomes a plan: a column for each field. One whose values are at hand is a function that
// appends a row's; any other is prepared for all rows at once, side by side with the others
// where that takes upstream calls. Then the rows are written out, cell by cell, into one
// buffer. 500 rows of 11 fields cost some dozen allocations rather than 58,000.
//
// What a type's fields are is told by a table ([Type]); the tables are beside the
// resolvers, as they know what the resolvers know. [Extension] stands before every
// field and takes the lists whose element type has a table. Whatever a table does
// not know (a nested connection, say), it leaves to the generated code, which
// remains the reference: both must give the same bytes and the same errors.
//
// A plan depends on the document and on what its conditions say, and on nothing else of an
// operation: it is kept with the document ([Plans]).
//
// Start reading at [Type]; extension.go is where gqlgen comes in.
package columns

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Type is the table of an object type whose values are *T.
type Type[T any] struct {
	Name       string
	Interfaces []string // that the type implements, for fragments on them
	Fields     map[string]Field[T]
}

// Field makes the column of a field as it is selected. It gives false where it cannot:
// the generated code then answers the list.
type Field[T any] func(oc *graphql.OperationContext, f graphql.CollectedField) (column[T], bool)

// column answers a field for all rows. Either a row's value is a matter of the row alone,
// and at hand: then write appends it. Or prepare makes the cells of all rows.
type column[T any] struct {
	name    string // with its quotes and colon, behind what stands before it
	write   func(dst []byte, row *T) []byte
	sound   func(row *T) bool // whether the schema has what write would write; nil is always
	prepare func(parent selected, rows []*T, at place) cells
	loads   bool              // prepare makes upstream calls
	needs   func(row *T) bool // whether it does so for the row; nil is always
}

// calls says whether to prepare the column makes upstream calls.
func (c *column[T]) calls(rows []*T) bool {
	return c.loads && (c.needs == nil || slices.ContainsFunc(rows, c.needs))
}

// cells appends the field's value of row i as JSON, to what those of the rows before it
// were appended to. Nil cells are those of a field that
// cannot be answered as the generated code would, such as for arguments that do not parse.
type cells func(dst []byte, i int) []byte

// place gives the context of row i, for errors: only these need it.
type place func(i int) context.Context

// selected is a field in its operation: its own context of gqlgen's, which knows the
// arguments and the contexts of the fields below.
type selected struct {
	ctx   context.Context
	oc    *graphql.OperationContext
	field *graphql.FieldContext
}

// below gives a field that is selected below this one.
func (s selected) below(f graphql.CollectedField) (selected, bool) {
	fc, err := s.field.Child(s.ctx, f)
	return selected{ctx: s.ctx, oc: s.oc, field: fc}, err == nil
}

// plan is a selection on an object type.
type plan[T any] struct {
	columns []column[T]
	end     string
	atHand  bool         // as all columns are
	loads   bool         // as some column does
	fields  []string     // that are selected, but for __typename
	checked bool         // as some column has values that may not be sound
	width   atomic.Int64 // about how many bytes an object takes, of the last list
}

// compile makes the plan of a selection. It depends on no variables but those of @include,
// @skip and @defer.
func compile[T any](t *Type[T], oc *graphql.OperationContext, sel ast.SelectionSet) (*plan[T], bool) {
	fields := graphql.CollectFields(oc, sel, append([]string{t.Name}, t.Interfaces...))
	p := &plan[T]{columns: make([]column[T], 0, len(fields)), end: "}", atHand: true}
	if len(fields) == 0 { // all are skipped by @include or @skip
		p.end = "{}"
	}
	before := "{"
	for _, f := range fields {
		var c column[T]
		if f.Name == "__typename" {
			name := `"` + t.Name + `"`
			c.write = func(dst []byte, _ *T) []byte { return append(dst, name...) }
		} else {
			make, known := t.Fields[f.Name]
			if !known || !f.IsNonDeferrable {
				return p, false
			}
			var ok bool
			if c, ok = make(oc, f); !ok {
				return p, false
			}
			p.fields = append(p.fields, f.Name)
		}
		c.name = before + `"` + f.Alias + `":`
		before = ","
		p.columns = append(p.columns, c)
		p.atHand = p.atHand && c.write != nil
		p.loads = p.loads || c.loads
		p.checked = p.checked || c.sound != nil
	}
	return p, true
}

// write appends an object all of whose columns are at hand.
func (p *plan[T]) write(dst []byte, row *T) []byte {
	for i := range p.columns {
		c := &p.columns[i]
		dst = c.write(append(dst, c.name...), row)
	}
	return append(dst, p.end...)
}

// sound says whether the schema has all that write would write.
func (p *plan[T]) sound(row *T) bool {
	for i := range p.columns {
		if sound := p.columns[i].sound; sound != nil && !sound(row) {
			return false
		}
	}
	return true
}

// prepare gives the cells of whole objects.
func (p *plan[T]) prepare(parent selected, rows []*T, at place) cells {
	all, ok := p.parts(parent, rows, at)
	switch {
	case !ok:
		return nil
	case p.atHand:
		return func(dst []byte, i int) []byte { return p.write(dst, rows[i]) }
	}
	return func(dst []byte, i int) []byte {
		for j := range p.columns {
			c := &p.columns[j]
			dst = append(dst, c.name...)
			if c.write != nil {
				dst = c.write(dst, rows[i])
			} else {
				dst = all[j](dst, i)
			}
		}
		return append(dst, p.end...)
	}
}

// parts gives the cells of the columns, nil of those at hand, and false where it cannot.
func (p *plan[T]) parts(parent selected, rows []*T, at place) ([]cells, bool) {
	for i := range p.columns {
		if sound := p.columns[i].sound; sound != nil {
			for _, r := range rows {
				if !sound(r) {
					return nil, false
				}
			}
		}
	}
	if p.atHand {
		return nil, true
	}
	all := make([]cells, len(p.columns))
	var loading sync.WaitGroup
	here := -1 // the last column that loads: this goroutine, which would only wait, loads it
	for i := range p.columns {
		switch {
		case !p.columns[i].calls(rows):
		case here < 0:
			here = i
		default:
			first := here
			loading.Go(func() { all[first] = p.columns[first].prepare(parent, rows, at) })
			here = i
		}
	}
	for i := range p.columns {
		if c := &p.columns[i]; c.write == nil && !c.calls(rows) {
			all[i] = c.prepare(parent, rows, at)
		}
	}
	if here >= 0 {
		all[here] = p.columns[here].prepare(parent, rows, at)
	}
	loading.Wait()
	for i, c := range all {
		if c == nil && p.columns[i].write == nil {
			return nil, false
		}
	}
	return all, true
}

// Leaf is a field whose value the row holds.
func Leaf[T any](write func(dst []byte, row *T) []byte) Field[T] {
	return LeafIf(nil, write)
}

// LeafBehind is a Leaf whose write remembers something of the rows before: begin gives
// one for each list.
func LeafBehind[T any](begin func() (write func(dst []byte, row *T) []byte)) Field[T] {
	return func(*graphql.OperationContext, graphql.CollectedField) (column[T], bool) {
		return column[T]{prepare: func(_ selected, rows []*T, _ place) cells {
			write := begin()
			return func(dst []byte, i int) []byte { return write(dst, rows[i]) }
		}}, true
	}
}

// LeafIf is a Leaf whose value may be one that the schema does not have. If any row
// has such a one, the generated code says so.
func LeafIf[T any](sound func(row *T) bool, write func(dst []byte, row *T) []byte) Field[T] {
	return func(*graphql.OperationContext, graphql.CollectedField) (column[T], bool) {
		return column[T]{write: write, sound: sound}, true
	}
}

// LeafOrError is a nullable leaf that is at hand, but for rows that have an error in its
// place.
func LeafOrError[T any](failed func(row *T) error, write func(dst []byte, row *T) []byte) Field[T] {
	return func(_ *graphql.OperationContext, f graphql.CollectedField) (column[T], bool) {
		return column[T]{prepare: func(parent selected, rows []*T, at place) cells {
			all := func(dst []byte, i int) []byte { return write(dst, rows[i]) }
			if !slices.ContainsFunc(rows, func(row *T) bool { return failed(row) != nil }) {
				return all
			}
			errs := make([]error, len(rows))
			for i, r := range rows {
				errs[i] = failed(r)
			}
			return orErrorsBelow(all, errs, parent, f, at)
		}}, true
	}
}

// ForSome is a field for which upstream calls are made only if some row needs one.
func ForSome[T any](needs func(row *T) bool, field Field[T]) Field[T] {
	return func(oc *graphql.OperationContext, f graphql.CollectedField) (column[T], bool) {
		c, ok := field(oc, f)
		c.needs = needs
		return c, ok
	}
}

// Value is a nullable leaf that must be loaded, for all rows together: load gives
// how to write the value of row i, and for each row that has none the error.
func Value[T any](load func(ctx context.Context, rows []*T) (write func(dst []byte, i int) []byte, errs []error)) Field[T] {
	return func(_ *graphql.OperationContext, f graphql.CollectedField) (column[T], bool) {
		return column[T]{loads: true, prepare: func(parent selected, rows []*T, at place) cells {
			write, errs := load(parent.ctx, rows)
			return orErrorsBelow(write, errs, parent, f, at)
		}}, true
	}
}

// Object is an object that is at hand and never null.
func Object[T, C any](t *Type[C], get func(row *T) *C) Field[T] {
	return func(oc *graphql.OperationContext, f graphql.CollectedField) (column[T], bool) {
		p, ok := compile(t, oc, f.Selections)
		if ok && p.atHand {
			c := column[T]{write: func(dst []byte, row *T) []byte { return p.write(dst, get(row)) }}
			if p.checked {
				c.sound = func(row *T) bool { return p.sound(get(row)) }
			}
			return c, true
		}
		return column[T]{loads: p.loads, prepare: func(parent selected, rows []*T, at place) cells {
			s, ok := parent.below(f)
			if !ok {
				return nil
			}
			children := make([]*C, len(rows))
			for i, r := range rows {
				children[i] = get(r)
			}
			return p.prepare(s, children, s.within(at))
		}}, ok
	}
}

// Made is an object that is made of the row, and never null.
func Made[T, C any](t *Type[C], of func(row *T) C) Field[T] {
	return func(oc *graphql.OperationContext, f graphql.CollectedField) (column[T], bool) {
		p, ok := compile(t, oc, f.Selections)
		return column[T]{loads: p.loads, prepare: func(parent selected, rows []*T, at place) cells {
			s, ok := parent.below(f)
			if !ok {
				return nil
			}
			made := make([]C, len(rows))
			children := make([]*C, len(rows))
			for i, r := range rows {
				made[i] = of(r)
				children[i] = &made[i]
			}
			return p.prepare(s, children, s.within(at))
		}}, ok
	}
}

// Join is a nullable object that must be loaded, for all rows together. Load gets
// the field's arguments and the names of the fields that are selected of the object, but
// for __typename; it gives for each row the object, or nil for null, or an error.
func Join[T, C any](t *Type[C], load func(ctx context.Context, args map[string]any, fields []string, rows []*T) ([]*C, []error)) Field[T] {
	return func(oc *graphql.OperationContext, f graphql.CollectedField) (column[T], bool) {
		p, ok := compile(t, oc, f.Selections)
		return column[T]{loads: true, prepare: func(parent selected, rows []*T, at place) cells {
			s, ok := parent.below(f)
			if !ok {
				return nil
			}
			children, errs := load(s.ctx, s.field.Args, p.fields, rows)
			within := s.within(at)
			var object cells
			if slices.Contains(children, nil) {
				object = p.prepareSome(s, children, within)
			} else {
				object = p.prepare(s, children, within)
			}
			if object == nil {
				return nil
			}
			return orErrors(object, errs, s, at)
		}}, ok
	}
}

// prepareSome is prepare for rows some of which are nil, that is null.
func (p *plan[T]) prepareSome(parent selected, rows []*T, at place) cells {
	there := make([]*T, 0, len(rows))
	index := make([]int, len(rows)) // of a row in there
	of := make([]int, 0, len(rows)) // the row of one in there
	for i, r := range rows {
		if r != nil {
			index[i] = len(there)
			there, of = append(there, r), append(of, i)
		}
	}
	object := p.prepare(parent, there, func(i int) context.Context { return at(of[i]) })
	if object == nil {
		return nil
	}
	return func(dst []byte, i int) []byte {
		if rows[i] == nil {
			return append(dst, "null"...)
		}
		return object(dst, index[i])
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

// orErrorsBelow is orErrors for a field without arguments, of which only errors need to
// know where it is.
func orErrorsBelow(write cells, errs []error, parent selected, f graphql.CollectedField, at place) cells {
	if errs == nil {
		return write
	}
	s, ok := parent.below(f)
	if !ok {
		return nil
	}
	return orErrors(write, errs, s, at)
}

// within gives the place of the field in each row.
func (s selected) within(at place) place {
	return func(i int) context.Context {
		fc := *s.field // a copy: it takes its parent from the context that it is put in
		return graphql.WithFieldContext(at(i), &fc)
	}
}

func element(ctx context.Context, i int) context.Context {
	return graphql.WithFieldContext(ctx, &graphql.FieldContext{Index: &i})
}
