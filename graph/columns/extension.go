package columns

import (
	"bytes"
	"context"
	"io"
	"sync"

	"github.com/99designs/gqlgen/graphql"
)

// Extension answers lists by columns: a gqlgen extension.
type Extension struct {
	lists map[string]list
}

// list answers a list, whose values next gives: with these where it cannot.
type list func(s selected, next graphql.Resolver) (any, error)

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
		lists[t.Name] = func(s selected, next graphql.Resolver) (any, error) { return answer(t, s, next) }
	}
}

func answer[T any](t *Type[T], s selected, next graphql.Resolver) (any, error) {
	p, planned := planned(t, s)
	values, err := next(s.ctx)
	rows, ok := values.([]*T)
	if err != nil || !ok || rows == nil || !planned {
		return values, err
	}
	object := p.prepare(s, rows, func(i int) context.Context { return element(s.ctx, i) })
	if object == nil {
		return values, nil
	}
	list := appendList(buffer(len(rows)*int(p.width.Load())), object, 0, len(rows))
	if len(rows) > 0 {
		p.width.Store(int64((len(list)-headroom)/len(rows) + 1))
	}
	return &written{list}, nil
}

// written is a list as JSON, behind headroom.
type written struct{ text []byte }

// headroom is for what stands before a list in an answer: the names of the fields that
// it is in.
const headroom = 256

// tail is for what stands behind it.
const tail = 256

// minSpare is for the headroom that a buffer loses each time that it is used.
const minSpare = 4 << 10

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

// buffer gives room for a list that is about so long: what grows bit by bit is copied as
// often.
func buffer(length int) []byte {
	b := *buffers.Get().(*[]byte)
	if most := headroom + length + tail; cap(b) < most {
		b = make([]byte, 0, most+max(minSpare, most/8))
	}
	return b[:headroom]
}

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
	if !known {
		return next(ctx)
	}
	return list(selected{ctx, graphql.GetOperationContext(ctx), fc}, next)
}
