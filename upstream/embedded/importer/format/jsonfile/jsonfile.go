// Package jsonfile reads files of JSON objects, as delivery services write their events: one a
// line, one behind the other with nothing between them, in arrays, in several arrays, or over
// many lines. What is no object is reported with the line where it begins, and passed over.
package jsonfile

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"deliverygraph/upstream/embedded/importer/format"
)

// Take turns an object that begins at a line into records.
type Take[T any] func(line int, object *T, s format.Sink) error

// NewReader makes a reader that decodes each object of its files as a T, and has take turn it
// into records. An object that does not have the form of a T is bad.
func NewReader[T any](take Take[T]) format.Reader { return reader[T]{take} }

type reader[T any] struct{ take Take[T] }

// Read reads the objects of a file.
func (r reader[T]) Read(ctx context.Context, f format.File, s format.Sink) error {
	return Each(ctx, f, s, func(line int, object []byte) error { return decode(line, object, s, r.take) })
}

func decode[T any](line int, object []byte, s format.Sink, take Take[T]) error {
	var value T
	if err := Unmarshal(object, &value); err != nil {
		return s.Bad(line, Problem(err))
	}
	return take(line, &value, s)
}

// List is an array within an object. Its elements are decoded one by one, so that those of
// another form do not spoil the rest.
type List []jsontext.Value

// TakeEach decodes each element of a list as a T, and has take turn it into records.
func TakeEach[T any](line int, l List, s format.Sink, take Take[T]) error {
	for _, element := range l {
		if err := decode(line, element, s, take); err != nil {
			return err
		}
	}
	return nil
}

// Unmarshal decodes a value. Unlike encoding/json it matches the names of fields exactly, as
// senders may add fields of their own to events.
func Unmarshal(value []byte, into any) error {
	return json.Unmarshal(value, into, jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))
}

// Problem says what an error of [Unmarshal] means for the record.
func Problem(err error) string {
	var mistyped *json.SemanticError
	if errors.As(err, &mistyped) && mistyped.JSONKind != 0 {
		return fmt.Sprintf("%s must not be %s", strings.TrimPrefix(string(mistyped.JSONPointer), "/"),
			kinds[mistyped.JSONKind])
	}
	return "the record is not JSON"
}

var kinds = map[jsontext.Kind]string{
	'n': "null", 't': "true or false", 'f': "true or false", '"': "a string", '0': "a number", '{': "an object",
	'[': "an array",
}

// Text is a value that some senders write as a string and others as a number. It keeps the
// digits of numbers. It is empty if the value is null, an object or an array.
type Text string

// UnmarshalJSONFrom reads the value.
func (t *Text) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	switch d.PeekKind() {
	case '{', '[':
		*t = ""
		return d.SkipValue()
	case 'n':
		*t = ""
		return d.SkipValue()
	}
	token, err := d.ReadToken()
	if err == nil {
		*t = Text(token.String())
	}
	return err
}

// Texts is one text or several: a string, or an array of strings.
type Texts []string

// UnmarshalJSONFrom reads the value.
func (t *Texts) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*t = nil
	var list []Text
	if d.PeekKind() != '[' {
		list = make([]Text, 1)
		if err := list[0].UnmarshalJSONFrom(d); err != nil {
			return err
		}
	} else if err := json.UnmarshalDecode(d, &list); err != nil {
		return err
	}
	for _, text := range list {
		if text != "" {
			*t = append(*t, string(text))
		}
	}
	return nil
}

// Member is a member of an object.
type Member struct {
	Name  string
	Value string // the text of a string or a number, the JSON of another value
}

// Members is an object whose members have names of their senders' choice, in their order.
// Members that are null are left out. It is empty if the value is not an object.
type Members []Member

// UnmarshalJSONFrom reads the value.
func (m *Members) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*m = nil
	if d.PeekKind() != '{' {
		return d.SkipValue()
	}
	if _, err := d.ReadToken(); err != nil {
		return err
	}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return err
		}
		member := Member{Name: name.String()}
		switch d.PeekKind() {
		case 'n':
			if err := d.SkipValue(); err != nil {
				return err
			}
			continue
		case '{', '[':
			value, err := d.ReadValue()
			if err != nil {
				return err
			}
			member.Value = string(value)
		default:
			value, err := d.ReadToken()
			if err != nil {
				return err
			}
			member.Value = value.String()
		}
		*m = append(*m, member)
	}
	_, err := d.ReadToken()
	return err
}

// First returns the members of the first object in the first bytes of a file, as far as they go,
// to tell formats apart. It is nil if the bytes do not begin with an object, or with arrays
// that do.
func First(head []byte) map[string]string {
	start := 0
	for start < len(head) && separator(head[start]) {
		start++
	}
	if start == len(head) || head[start] != '{' {
		return nil
	}
	d := jsontext.NewDecoder(strings.NewReader(string(head[start:])), jsontext.AllowInvalidUTF8(true),
		jsontext.AllowDuplicateNames(true))
	_, _ = d.ReadToken() // the brace
	members := map[string]string{}
	for d.PeekKind() == '"' {
		name, err := d.ReadToken()
		if err != nil {
			break
		}
		key := name.String()
		switch kind := d.PeekKind(); kind {
		case '{', '[':
			members[key] = string(rune(kind))
			err = d.SkipValue()
		case 0:
			members[key] = ""
			return members
		default:
			var value jsontext.Token
			if value, err = d.ReadToken(); err == nil {
				members[key] = value.String()
			}
		}
		if err != nil {
			break
		}
	}
	return members
}

// Each calls visit with the objects of a file and the lines where they begin, from 1. An object
// is valid until visit returns; whether it is JSON all through is left to [Unmarshal]. Each
// reports what is no object to the sink. Its error is that of reading, of the context, of the
// sink or of visit.
func Each(ctx context.Context, f format.File, s format.Sink, visit func(line int, object []byte) error) error {
	in := stream{in: f, line: 1}
	lost := false // behind something that is no object
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		c, err := in.between()
		switch {
		case err == io.EOF:
			return ctx.Err()
		case err != nil:
			return err
		case c != '{':
			if !lost {
				lost = true
				if err := s.Bad(in.line, "this is not a JSON object"); err != nil {
					return err
				}
			}
			if err := in.skip(); err != nil && err != io.EOF {
				return err
			}
			continue
		}
		problem, err := in.object()
		switch {
		case err != nil && err != io.EOF:
			return err
		case problem != "":
			lost = true
			if err := s.Bad(in.line, problem); err != nil {
				return err
			}
			if err := in.skip(); err != nil && err != io.EOF {
				return err
			}
		default:
			lost = false
			line, object := in.take()
			if err := visit(line, object); err != nil {
				return err
			}
		}
	}
}
