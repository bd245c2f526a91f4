package graph

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/go-json-experiment/json/jsontext"
)

// read reads the GraphQL request in an HTTP request into p. If the body is an array, it returns the batch instead.
func (h *handler) read(w http.ResponseWriter, r *http.Request, p *graphql.RawParams) (b batch, no *refusal) {
	switch r.Method {
	case http.MethodPost:
		return h.readPost(w, r, p)
	case http.MethodGet:
		return nil, readGet(r, p)
	}
	no = refuse(http.StatusMethodNotAllowed, "GraphQL requests must be GET or POST")
	no.allow = "GET, HEAD, POST"
	return nil, no
}

// readRequest reads a request in JSON; error messages call it what.
func readRequest(text []byte, what string, h http.Header, p *graphql.RawParams) *refusal {
	var room [4]field
	fields, no := readFields(room[:0], text, what, anOperation)
	if no != nil {
		return no
	}
	return cmp.Or(readParams(fields, h, p), wanted(p))
}

// readParams reads the fields of a request and checks their types.
func readParams(fields object, h http.Header, p *graphql.RawParams) *refusal {
	p.Headers = h
	return cmp.Or(
		readString(fields, "query", &p.Query),
		readString(fields, "operationName", &p.OperationName),
		readObject(fields.of("variables"), "variables", &p.Variables),
		readObject(fields.of("extensions"), "extensions", &p.Extensions),
		readDocumentID(p, fields.text),
	)
}

// field is a field of a JSON object.
type field struct {
	name, value []byte // the value as JSON
}

// object holds the fields of a JSON object, each name once.
type object []field

// of returns the value of the field with that name, or nil.
func (o object) of(name string) []byte {
	for _, f := range o {
		if string(f.name) == name {
			return f.value
		}
	}
	return nil
}

// has reports whether the object has a field with that name that is not null.
func (o object) has(name string) bool {
	raw := o.of(name)
	return raw != nil && string(raw) != "null"
}

// text returns the string in the field with that name, or "" if there is none.
func (o object) text(name string) (text string, no *refusal) {
	no = readString(o, name, &text)
	return text, no
}

// anOperation is an example of a request, for messages.
const anOperation = `{"query": "{ __typename }"}`

// readFields splits a JSON object into its fields, in one pass, and appends them to fields. On error, the message calls
// the text what and shows the example.
func readFields(fields object, text []byte, what, example string) (object, *refusal) {
	d := decoders.Get().(*decoder)
	defer d.done()
	d.reset(text)
	fields, ok := d.fields(fields, text)
	if ok {
		return fields, nil
	}
	if problem := jsonProblem(text); problem != "" {
		return nil, refuse(http.StatusBadRequest, "%s is not JSON: %s", what, problem)
	}
	return nil, refuse(http.StatusBadRequest, "%s must be a JSON object, such as %s", what, example)
}

// decoder reads JSON. Duplicate names and invalid UTF-8 are errors.
type decoder struct {
	jsontext.Decoder
	text   bytes.Buffer
	values int // read by value
}

// maxValues limits the values in an object that is kept, with those in its lists and objects. They may take 50 times
// the memory of their text.
const maxValues = 10_000

var errTooManyValues = errors.New("too many values")

var decoders = sync.Pool{New: func() any { return new(decoder) }}

func (d *decoder) reset(text []byte) {
	d.text, d.values = *bytes.NewBuffer(text), 0
	d.Reset(&d.text)
}

// done returns the decoder to the pool, without the text.
func (d *decoder) done() {
	d.reset(nil)
	decoders.Put(d)
}

// fields reads an object and the end of the text.
func (d *decoder) fields(fields object, text []byte) (object, bool) {
	if begin, err := d.ReadToken(); err != nil || begin.Kind() != '{' {
		return nil, false
	}
	for d.PeekKind() == '"' {
		name, err := d.raw(text)
		if err != nil {
			return nil, false
		}
		value, err := d.raw(text)
		if err != nil {
			return nil, false
		}
		fields = append(fields, field{unquoted(name), value})
	}
	if end, err := d.ReadToken(); err != nil || end.Kind() != '}' {
		return nil, false
	}
	_, err := d.ReadToken()
	return fields, err == io.EOF
}

// raw reads a value and returns its bytes in text. The decoder's own slice is valid only until its next call.
func (d *decoder) raw(text []byte) ([]byte, error) {
	value, err := d.ReadValue()
	end := d.InputOffset()
	return text[end-int64(len(value)) : end], err
}

// value reads any value, with numbers converted by [number].
func (d *decoder) value() (any, error) {
	if d.values++; d.values > maxValues {
		return nil, errTooManyValues
	}
	t, err := d.ReadToken()
	if err != nil {
		return nil, err
	}
	switch t.Kind() {
	case '"':
		return t.String(), nil
	case '0':
		return number(t.String()), nil
	case 't', 'f':
		return t.Bool(), nil
	case '{':
		return d.rest()
	case '[':
		list := []any{}
		for d.PeekKind() != ']' {
			v, err := d.value()
			if err != nil {
				return nil, err
			}
			list = append(list, v)
		}
		_, err := d.ReadToken()
		return list, err
	}
	return nil, nil
}

// number returns a number as written, so that 64-bit integers stay exact. An integer written with a fraction or an
// exponent, such as 2.0 or 1e1, becomes 2 or 10: clients may write either (GraphQL specification, 3.5.1).
func number(written string) json.Number {
	if strings.ContainsAny(written, ".eE") {
		const exact = 1 << 53 // float64 holds all integers up to here exactly
		if f, err := strconv.ParseFloat(written, 64); err == nil && f == math.Trunc(f) && math.Abs(f) <= exact {
			return json.Number(strconv.FormatInt(int64(f), 10))
		}
	}
	return json.Number(written)
}

// rest reads an object after its opening brace.
func (d *decoder) rest() (map[string]any, error) {
	m := map[string]any{}
	for d.PeekKind() != '}' {
		name, err := d.ReadToken()
		if err != nil {
			return nil, err
		}
		key := name.String()
		if m[key], err = d.value(); err != nil {
			return nil, err
		}
	}
	_, err := d.ReadToken()
	return m, err
}

// readDocumentID copies the id of a document into the extensions. The names id and doc_id are common and may mean
// something else to the caller, so they count only in a request without a query.
func readDocumentID(p *graphql.RawParams, read func(name string) (string, *refusal)) *refusal {
	id, no := read(documentID)
	if no != nil {
		return no
	}
	for _, name := range []string{"id", "doc_id"} {
		if id == "" && p.Query == "" {
			id, _ = read(name)
		}
	}
	if id != "" {
		if p.Extensions == nil {
			p.Extensions = map[string]any{}
		}
		p.Extensions[documentID] = id
	}
	return nil
}

func wanted(p *graphql.RawParams) *refusal {
	if strings.TrimSpace(p.Query) == "" && !named(p) {
		return refuse(http.StatusBadRequest, `the request has no "query": the text of a GraphQL document`)
	}
	return nil
}

// jsonProblem says where a text stops being one JSON value, without repeating the text, or returns "". A duplicate name
// is a problem, as readers differ in which of the two they take.
func jsonProblem(text []byte) string {
	if len(bytes.TrimSpace(text)) == 0 {
		return "it is empty"
	}
	d := jsontext.NewDecoder(bytes.NewReader(text))
	err := d.SkipValue()
	if err == nil {
		if _, err = d.ReadToken(); err == io.EOF {
			return ""
		}
	}
	var s *jsontext.SyntacticError
	switch {
	case errors.Is(err, jsontext.ErrDuplicateName):
		return fmt.Sprintf("an object has a duplicate name before byte %d", d.InputOffset()+1)
	case errors.As(err, &s):
		return fmt.Sprintf("it is invalid at byte %d", s.ByteOffset+1)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends unexpectedly"
	}
	return fmt.Sprintf("there is more text after its end, at byte %d", d.InputOffset()+1)
}

func readString(fields object, name string, to *string) *refusal {
	if !fields.has(name) {
		return nil
	}
	raw := fields.of(name)
	if raw[0] != '"' {
		return refuse(http.StatusBadRequest, "%q must be a string", name)
	}
	*to = string(unquoted(raw))
	return nil
}

// unquoted returns the content of a JSON string.
func unquoted(raw []byte) []byte {
	if plain := raw[1 : len(raw)-1]; bytes.IndexByte(plain, '\\') < 0 {
		return plain
	}
	text, _ := jsontext.AppendUnquote(nil, raw) // cannot fail, as the text has been read before
	return text
}

// readObject reads a JSON object, or null, of a text that is valid JSON.
func readObject(raw []byte, name string, to *map[string]any) *refusal {
	if raw = bytes.TrimSpace(raw); len(raw) == 0 || string(raw) == "null" {
		return nil
	}
	d := decoders.Get().(*decoder)
	defer d.done()
	d.reset(raw)
	if begin, err := d.ReadToken(); err != nil || begin.Kind() != '{' {
		return refuse(http.StatusBadRequest, "%q must be a JSON object", name)
	}
	var err error
	if *to, err = d.rest(); err != nil { // cannot fail otherwise
		return refuse(http.StatusBadRequest, "%q must have at most %d values, with those in lists and objects", name,
			maxValues)
	}
	return nil
}
