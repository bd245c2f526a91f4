package columns

import (
	"context"
	"slices"

	"github.com/99designs/gqlgen/graphql"
)

// Leaf is a field whose value is in the row.
func Leaf[T any](write func(dst []byte, row *T) []byte) Field[T] {
	return LeafIf(nil, write)
}

// LeafBehind is a Leaf whose write depends on the rows before. begin returns a write function for each list.
func LeafBehind[T any](begin func() (write func(dst []byte, row *T) []byte)) Field[T] {
	return func(*graphql.OperationContext, graphql.CollectedField) (column[T], bool) {
		return column[T]{prepare: func(_ selected, rows []*T, _ place) cells {
			write := begin()
			return func(dst []byte, i int) []byte { return write(dst, rows[i]) }
		}}, true
	}
}

// LeafIf is a Leaf whose value may be one that the schema does not allow. If any row has such a value, the generated
// code answers the list and reports it.
func LeafIf[T any](sound func(row *T) bool, write func(dst []byte, row *T) []byte) Field[T] {
	return func(*graphql.OperationContext, graphql.CollectedField) (column[T], bool) {
		return column[T]{write: write, sound: sound}, true
	}
}

// LeafOrError is a nullable leaf whose value, or the error in its place, is in the row.
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

// ForSome is a field that makes upstream calls only if some row needs them.
func ForSome[T any](needs func(row *T) bool, field Field[T]) Field[T] {
	return func(oc *graphql.OperationContext, f graphql.CollectedField) (column[T], bool) {
		c, ok := field(oc, f)
		c.needs = needs
		return c, ok
	}
}

// Value is a nullable leaf that is loaded for all rows together. load returns a function that writes the value of row
// i, and an error for each row without a value, or nil if all rows have one.
func Value[T any](load func(ctx context.Context,
	rows []*T) (write func(dst []byte, i int) []byte, errs []error)) Field[T] {
	return func(_ *graphql.OperationContext, f graphql.CollectedField) (column[T], bool) {
		return column[T]{loads: true, prepare: func(parent selected, rows []*T, at place) cells {
			write, errs := load(parent.ctx, rows)
			return orErrorsBelow(write, errs, parent, f, at)
		}}, true
	}
}

// Object is an object that is in the row and never null.
func Object[T, C any](t *Type[C], get func(row *T) *C) Field[T] {
	return func(oc *graphql.OperationContext, f graphql.CollectedField) (column[T], bool) {
		p, ok := compile(t, oc, f.Selections)
		if ok && p.direct {
			c := column[T]{write: func(dst []byte, row *T) []byte { return p.write(dst, get(row)) }}
			if p.checked {
				c.sound = func(row *T) bool { return p.sound(get(row)) }
			}
			return c, true
		}
		return objects(p, f, func(rows []*T) []*C {
			children := make([]*C, len(rows))
			for i, r := range rows {
				children[i] = get(r)
			}
			return children
		}), ok
	}
}

// Made is an object that is computed from the row and never null.
func Made[T, C any](t *Type[C], of func(row *T) C) Field[T] {
	return func(oc *graphql.OperationContext, f graphql.CollectedField) (column[T], bool) {
		p, ok := compile(t, oc, f.Selections)
		return objects(p, f, func(rows []*T) []*C {
			made := make([]C, len(rows))
			children := make([]*C, len(rows))
			for i, r := range rows {
				made[i] = of(r)
				children[i] = &made[i]
			}
			return children
		}), ok
	}
}

// objects is a column of objects that are never null. of returns those of the rows.
func objects[T, C any](p *plan[C], f graphql.CollectedField, of func(rows []*T) []*C) column[T] {
	return column[T]{loads: p.loads, prepare: func(parent selected, rows []*T, at place) cells {
		s, ok := parent.below(f)
		if !ok {
			return nil
		}
		return p.prepare(s, of(rows), s.within(at))
	}}
}

// Join is a nullable object that is loaded for all rows together. load gets the field's arguments and the names of the
// fields selected on the object, without __typename. For each row it returns the object, nil for null, or an error.
func Join[T, C any](t *Type[C], load func(ctx context.Context, args map[string]any, fields []string,
	rows []*T) ([]*C, []error)) Field[T] {
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

// orErrors writes null and adds the error for rows that have one.
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

// orErrorsBelow is orErrors for a field without arguments, whose field context is needed only for errors.
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
