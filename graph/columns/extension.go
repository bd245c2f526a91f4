package columns

import (
	"bytes"
	"context"
	"io"
	"sync"

	"github.com/99designs/gqlgen/graphql"
)

// Extension answers lists by columns: a gqlgen extension.
type Extension struct{ lists map[string]list }

// list answers a list of values of gqlgen's, or says that it cannot.
type list func(s selected, values any) (graphql.Marshaler, bool)

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
		lists[t.Name] = func(s selected, values any) (graphql.Marshaler, bool) {
			rows, ok := values.([]*T)
			if !ok {
				return nil, false
			}
			p, ok := planned(t, s)
			if !ok {
				return nil, false
			}
			object := p.prepare(s, rows, func(i int) context.Context { return element(s.ctx, i) })
			if object == nil {
				return nil, false
			}
			return &written{appendList(buffer(), object, 0, len(rows))}, true
		}
	}
}

// written is a list as JSON, behind headroom.
type written struct{ text []byte }

// headroom is for what stands before a list in an answer: the names of the fields that
// it is in.
const headroom = 256

// MarshalGQL hands the list over: gqlgen writes an answer to a buffer of its own, which
// becomes ours with what is in it so far. Answers are mostly one list, which then is
// not copied, and needs no memory twice.
func (l *written) MarshalGQL(w io.Writer) {
	answer, ok := w.(*bytes.Buffer)
	if !ok || answer.Len() > headroom {
		_, _ = w.Write(l.text[headroom:])
		Recycle(l.text)
		return
	}
	begin := headroom - answer.Len()
	copy(l.text[begin:], answer.Bytes())
	*answer = *bytes.NewBuffer(l.text[begin:])
}

// buffers are used again.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, newBuffer); return &b }}

// Buffers lose some headroom each time: those that have become too small are not worth
// it. And one page of full bounce messages shall not stay for good.
const (
	newBuffer = 4 << 10
	minBuffer = 1 << 10
	maxBuffer = 1 << 20
)

func buffer() []byte { return (*buffers.Get().(*[]byte))[:headroom] }

// Recycle takes the data of an answer that has been sent, for an answer to come. Nothing
// may use it any more.
func Recycle(data []byte) {
	if cap(data) >= minBuffer && cap(data) <= maxBuffer {
		data = data[:0]
		buffers.Put(&data)
	}
}

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
	if m, ok := list(selected{ctx, graphql.GetOperationContext(ctx), fc}, v); ok {
		return m, nil
	}
	return v, nil
}
