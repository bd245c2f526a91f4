package columns

import (
	"bytes"
	"context"
	"io"
	"reflect"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
)

// Extension answers lists by columns. It is an extension of the endpoint (see graph/engine.go).
type Extension struct {
	lists map[string]list
}

// list answers a list field. It returns the values from next if it cannot write the list itself.
type list func(op *operation, s selected, next graphql.Resolver) (any, error)

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
		lists[t.Name] = func(op *operation, s selected, next graphql.Resolver) (any, error) {
			return answer(t, op, s, next)
		}
	}
}

func answer[T any](t *Type[T], op *operation, s selected, next graphql.Resolver) (any, error) {
	p, planned := planned(op.plans, t, s)
	values, err := next(s.ctx)
	rows, ok := values.([]*T)
	if err != nil || !ok || rows == nil || !planned {
		return values, err
	}
	object := p.prepare(s, rows, func(i int) context.Context { return element(s.ctx, i) })
	if object == nil {
		return values, nil
	}
	// The rows of the last list may have been larger by far.
	list, err := appendList(buffer(min(len(rows)*int(p.width.Load()), maxBuffer)), object, len(rows), op.meter)
	if err != nil {
		return nil, err
	}
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
		l.text = nil // it must not stay in memory while the other lists are copied
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

// InterceptField implements graphql.FieldInterceptor. It answers the field if it is a list with a table. It counts what
// every list takes, whether it answers it or not.
func (e Extension) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	fc := graphql.GetFieldContext(ctx)
	t := fc.Field.Definition.Type
	if t.Elem == nil {
		return next(ctx)
	}
	op, _ := ctx.Value(operationKey{}).(*operation)
	if op == nil || strings.HasPrefix(t.Elem.NamedType, "__") { // introspection has its own limit
		return next(ctx)
	}
	var v any
	var err error
	if list, known := e.lists[t.Elem.NamedType]; known && op.plans != nil {
		v, err = list(op, selected{ctx, graphql.GetOperationContext(ctx), fc}, next)
	} else {
		v, err = next(ctx)
	}
	if rows := reflect.ValueOf(v); err == nil && rows.Kind() == reflect.Slice {
		err = op.meter.Take(rows.Len() * (elementBytes + fieldBytes*fieldsOf(fc.Field.Selections)))
	}
	return v, err
}

// The approximate memory of an element of a list that the generated code answers, which takes a goroutine, and of each
// of its fields, until they are written.
const (
	elementBytes = 2 << 10
	fieldBytes   = 128
	deferFields  = 32 // fields that take as much as a part of the response
)

// fieldsOf returns the number of fields in a selection and the objects below. Lists below are counted when they are
// answered.
func fieldsOf(set ast.SelectionSet) (n int) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			if n++; len(s.SelectionSet) > 0 && s.Definition.Type.Elem == nil {
				n += fieldsOf(s.SelectionSet)
			}
		case *ast.InlineFragment:
			n += fieldsOf(s.SelectionSet) + deferFields*len(s.Directives.ForNames("defer"))
		case *ast.FragmentSpread:
			n += fieldsOf(s.Definition.SelectionSet) + deferFields*len(s.Directives.ForNames("defer"))
		}
	}
	return n
}
