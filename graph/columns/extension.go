package columns

import (
	"bytes"
	"context"
	"io"
	"sync"

	"github.com/99designs/gqlgen/graphql"
)

// Extension answers lists by columns. It is an extension of the endpoint (see graph/engine.go).
type Extension struct {
	lists map[string]list
}

// list answers a list field. It returns the values from next if it cannot write the list itself.
type list func(s selected, next graphql.Resolver) (any, error)

var _ graphql.FieldInterceptor = Extension{}

// New returns an extension that answers lists of the types of these tables.
func New(tables ...Table) Extension {
	e := Extension{map[string]list{}}
	for _, t := range tables {
		t(e.lists)
	}
	return e
}

// Table registers the lists that a table answers.
type Table func(map[string]list)

// Of registers lists of the type t.
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

// written is a list as JSON, preceded by headroom.
type written struct{ text []byte }

// headroom is room for the text before a list in an answer: the names of the fields that contain it.
const headroom = 256

// tail is room for the text after the list.
const tail = 256

// minSpare makes up for the headroom that a buffer loses each time it is used.
const minSpare = 4 << 10

// MarshalGQL moves the list's buffer into w. gqlgen writes an answer to a bytes.Buffer of its own; MarshalGQL copies
// what is in it so far into the headroom and lets it use our memory. Most answers are a single list, which is thus
// neither copied nor stored twice.
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

// buffers are reused for later lists.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, newBuffer); return &b }}

// Limits for reused buffers. A buffer loses some headroom with each use and becomes too small eventually; a page of
// full bounce messages is too large to keep.
const (
	newBuffer = 4 << 10
	minBuffer = 1 << 10
	maxBuffer = 1 << 20
)

// buffer returns room for a list of about the given length. A buffer that is too small would be copied each time it
// grows.
func buffer(length int) []byte {
	b := *buffers.Get().(*[]byte)
	if most := headroom + length + tail; cap(b) < most {
		b = make([]byte, 0, most+max(minSpare, most/8))
	}
	return b[:headroom]
}

// Recycle makes the data of a sent answer available for later answers. The data must no longer be used.
func Recycle(data []byte) {
	if cap(data) >= minBuffer && cap(data) <= maxBuffer {
		data = data[:0]
		buffers.Put(&data)
	}
}

// InterceptField implements graphql.FieldInterceptor. It answers the field if it is a list with a table.
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
