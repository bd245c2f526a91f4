package columns

import (
	"context"
	"io"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Extension answers lists by columns: a gqlgen extension.
type Extension struct{ lists map[string]list }

// list answers a list of values of gqlgen's, or says that it cannot.
type list func(s selected, sel ast.SelectionSet, values any) (graphql.Marshaler, bool)

var _ interface {
	graphql.HandlerExtension
	graphql.FieldInterceptor
} = Extension{}

// New takes lists of the types of these tables.
func New(tables ...Table) Extension {
	e := Extension{map[string]list{}}
	for _, t := range tables {
		t(e.lists)
	}
	return e
}

// Table is a table that lists are taken for.
type Table func(map[string]list)

// Of takes the lists whose elements are of the type.
func Of[T any](t *Type[T]) Table {
	return func(lists map[string]list) {
		lists[t.Name] = func(s selected, sel ast.SelectionSet, values any) (graphql.Marshaler, bool) {
			rows, ok := values.([]*T)
			if !ok {
				return nil, false
			}
			p, ok := compile(t, s, sel)
			if !ok {
				return nil, false
			}
			object := p.prepare(rows, func(i int) context.Context { return element(s.ctx, i) })
			if object == nil {
				return nil, false
			}
			out := buffers.Get().(*[]byte)
			*out = appendList((*out)[:0], object, 0, len(rows))
			return graphql.WriterFunc(func(w io.Writer) { // gqlgen writes a field once
				_, _ = w.Write(*out)
				if cap(*out) <= maxBuffer {
					buffers.Put(out)
				}
				out = nil
			}), true
		}
	}
}

// buffers are used again: a list's bytes are copied into the answer, and are as
// large as it.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// maxBuffer is the largest that is kept, so that one page of full bounce messages
// does not stay for good.
const maxBuffer = 1 << 20

// ExtensionName implements graphql.HandlerExtension.
func (Extension) ExtensionName() string { return "Columns" }

// Validate implements graphql.HandlerExtension.
func (Extension) Validate(graphql.ExecutableSchema) error { return nil }

// InterceptField implements graphql.FieldInterceptor: what a field's resolver gave
// is answered here if it is a list that a table knows.
func (e Extension) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	fc := graphql.GetFieldContext(ctx)
	t := fc.Field.Definition.Type
	if t.Elem == nil {
		return next(ctx)
	}
	list, known := e.lists[t.Elem.NamedType]
	v, err := next(ctx)
	if !known || err != nil || v == nil {
		return v, err
	}
	if m, ok := list(selected{ctx, graphql.GetOperationContext(ctx), fc}, fc.Field.Selections, v); ok {
		return m, nil
	}
	return v, nil
}
