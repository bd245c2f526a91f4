package services

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"deliverygraph/upstream/embedded/importer/format"
)

// objects returns a function that decodes an object as a T, and passes it to read. An object that does not have the
// form of a T is bad.
func objects[T any](read func(*T, *reader) error) func(r *reader, object []byte) error {
	return func(r *reader, object []byte) error {
		var value T
		if err := unmarshal(object, &value); err != nil {
			return r.bad(problem(err))
		}
		return read(&value, r)
	}
}

// each reads the elements of an array one by one, so that a bad one does not spoil the others.
func (r *reader) each(list []jsontext.Value, read func(*reader, []byte) error) error {
	for _, element := range list {
		if err := read(r, element); err != nil {
			return err
		}
	}
	return nil
}

// unmarshal decodes a value. Unlike encoding/json it matches the names of fields exactly, as senders may add fields of
// their own to events. A string may also be a number or a boolean, whose text it gets, and is empty if the value is
// null, an object or an array. A list of strings may also be a single one, and leaves out empty ones.
func unmarshal(value []byte, into any) error { return json.Unmarshal(value, into, lenient) }

var lenient = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true),
	json.WithUnmarshalers(json.JoinUnmarshalers(
		json.UnmarshalFromFunc(decodeText), json.UnmarshalFromFunc(decodeTexts))))

func decodeText(d *jsontext.Decoder, text *string) error {
	*text = ""
	switch d.PeekKind() {
	case '{', '[', 'n':
		return d.SkipValue()
	}
	token, err := d.ReadToken()
	if err == nil {
		*text = token.String()
	}
	return err
}

func decodeTexts(d *jsontext.Decoder, list *[]string) error {
	*list = nil
	if d.PeekKind() != '[' {
		return appendText(d, list)
	}
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != ']' {
		err = appendText(d, list)
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	return err
}

func appendText(d *jsontext.Decoder, list *[]string) error {
	var text string
	err := decodeText(d, &text)
	if text != "" {
		*list = append(*list, text)
	}
	return err
}

// texts returns the elements of a JSON array, or the value itself if it is none.
func texts(value string) (list []string) {
	if value != "" && unmarshal([]byte(value), &list) != nil {
		return []string{value}
	}
	return list
}

// problem says what an error of unmarshal means for the record.
func problem(err error) string {
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

// members is an object whose members have names of their senders' choice, in their order. Members that are null are
// left out. It may also be the text of an object. It is empty if the value is something else.
type members []member

type member struct {
	name  string
	value string // the text of a string or a number, the JSON of another value
}

// get returns the value of the first member with a name, or "".
func (m members) get(name string) string {
	for _, member := range m {
		if member.name == name {
			return member.value
		}
	}
	return ""
}

// UnmarshalJSONFrom reads the value.
func (m *members) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	*m = nil
	switch d.PeekKind() {
	case '{':
	case '"':
		text, err := d.ReadToken()
		if err == nil && unmarshal([]byte(text.String()), m) != nil {
			*m = nil
		}
		return err
	default:
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
		field := member{name: name.String()}
		switch d.PeekKind() {
		case '{', '[':
			value, err := d.ReadValue()
			if err != nil {
				return err
			}
			field.value = string(value)
		default:
			value, err := d.ReadToken()
			if err != nil {
				return err
			}
			if value.Kind() == 'n' {
				continue
			}
			field.value = value.String()
		}
		*m = append(*m, field)
	}
	_, err := d.ReadToken()
	return err
}

func setOf(names string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		set[name] = true
	}
	return set
}

// beginning is the members of the first object of a file, to tell formats apart. A list or an object is "[" or "{".
type beginning map[string]string

// has reports whether there are members with all of some names.
func (b beginning) has(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { _, ok := b[name]; return !ok })
}

// firstObject returns what can be read of the members in the first bytes of a file. It is nil if they do not begin with
// an object, or with arrays that do.
func firstObject(head []byte) beginning {
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
	members := beginning{}
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

// eachObject calls visit with the objects of a file and the lines where they begin, from 1. An object is valid until
// visit returns. What is no object is reported to the sink. The error is that of reading, of the context, of the sink
// or of visit.
func eachObject(ctx context.Context, f format.File, s format.Sink, visit func(line int, object []byte) error) error {
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
