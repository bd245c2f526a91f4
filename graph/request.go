package graph

import (
	"bytes"
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

// read reads the GraphQL request in an HTTP request into p, or gives the batch of them, or
// says why it cannot.
func (h *handler) read(w http.ResponseWriter, r *http.Request, p *graphql.RawParams) (b batch, no *refusal) {
	var err error
	switch r.Method {
	case http.MethodPost:
		b, err = h.readPost(w, r, p)
	case http.MethodGet:
		err = readGet(r, p)
	default:
		no = refuse(http.StatusMethodNotAllowed, "GraphQL requests are GET or POST")
		no.allow = "GET, HEAD, POST"
		return nil, no
	}
	return b, refusalOf(err)
}

// refusalOf is the first refusal in an error of reading, or nil for none.
func refusalOf(err error) *refusal {
	if err == nil {
		return nil
	}
	no := new(refusal)
	errors.As(err, &no)
	return no
}

// readRequest reads a request in JSON; what is what messages call it.
func readRequest(text []byte, what string, h http.Header, p *graphql.RawParams) error {
	var room [4]field
	fields, err := readFields(room[:0], text, what, anOperation)
	if err != nil {
		return err
	}
	return errors.Join(readParams(fields, h, p), wanted(p))
}

// readParams reads the fields of a request, each of which must be of its type.
func readParams(fields object, h http.Header, p *graphql.RawParams) error {
	p.Headers = h
	return errors.Join(
		readString(fields, "query", &p.Query),
		readString(fields, "operationName", &p.OperationName),
		readObject(fields.of("variables"), "variables", &p.Variables),
		readObject(fields.of("extensions"), "extensions", &p.Extensions),
		readDocumentID(p, fields.text),
	)
}

// field is one of a JSON object's.
type field struct {
	name, value []byte // the value as JSON
}

// object is the fields of a JSON object, each name once.
type object []field

// of gives the value of that name, or nil.
func (o object) of(name string) []byte {
	for _, f := range o {
		if string(f.name) == name {
			return f.value
		}
	}
	return nil
}

// has reports whether there is a value of that name that is not null.
func (o object) has(name string) bool {
	raw := o.of(name)
	return raw != nil && string(raw) != "null"
}

// text gives the text of that name, or "".
func (o object) text(name string) (text string, err error) {
	err = readString(o, name, &text)
	return text, err
}

// anOperation is an example of an object that asks for one.
const anOperation = `{"query": "{ __typename }"}`

// readFields takes what is to be a JSON object, such as the example, apart, in one pass. It
// puts the fields behind those given, for which there may be room.
func readFields(fields object, text []byte, what, example string) (object, error) {
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

// decoder reads JSON: names given twice, and text that is not UTF-8, are mistakes.
type decoder struct {
	jsontext.Decoder
	text bytes.Buffer
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

func (d *decoder) reset(text []byte) {
	d.text = *bytes.NewBuffer(text)
	d.Reset(&d.text)
}

// done gives the decoder back, without the text.
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

// raw reads a value as it stands in the text: the decoder's own slice is good up to its
// next step.
func (d *decoder) raw(text []byte) ([]byte, error) {
	value, err := d.ReadValue()
	end := d.InputOffset()
	return text[end-int64(len(value)) : end], err
}

// value reads any value, numbers as [number] has them.
func (d *decoder) value() (any, error) {
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

// number gives a number as it is written, so that whole numbers of 64 bits stay exact. A whole number that is written
// with a fraction or an exponent, such as 2.0 or 1e1, becomes 2 or 10: clients may write either (GraphQL specification,
// 3.5.1).
func number(written string) json.Number {
	if strings.ContainsAny(written, ".eE") {
		const exact = 1 << 53 // up to here a float64 is a whole number exactly
		if f, err := strconv.ParseFloat(written, 64); err == nil && f == math.Trunc(f) && math.Abs(f) <= exact {
			return json.Number(strconv.FormatInt(int64(f), 10))
		}
	}
	return json.Number(written)
}

// rest reads an object behind its brace.
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

// readDocumentID puts the id of a document among the extensions. The names id and
// doc_id may mean something else to whoever sends them: they count where there is no
// query.
func readDocumentID(p *graphql.RawParams, read func(name string) (string, error)) error {
	id, err := read(documentID)
	if err != nil {
		return err
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

func wanted(p *graphql.RawParams) error {
	if strings.TrimSpace(p.Query) == "" && !named(p) {
		return refuse(http.StatusBadRequest, `the request has no "query": the text of a GraphQL document`)
	}
	return nil
}

// jsonProblem says where a text stops being one JSON value, without repeating it. A
// name given twice is a problem, as readers differ in which of the two they take.
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
		return fmt.Sprintf("an object gives a name twice before byte %d", d.InputOffset()+1)
	case errors.As(err, &s):
		return fmt.Sprintf("it goes wrong at byte %d", s.ByteOffset+1)
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "it ends too early"
	}
	return fmt.Sprintf("it goes on at byte %d, behind its end", d.InputOffset()+1)
}

func readString(fields object, name string, to *string) error {
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

// unquoted is a string of a text that is JSON.
func unquoted(raw []byte) []byte {
	if plain := raw[1 : len(raw)-1]; bytes.IndexByte(plain, '\\') < 0 {
		return plain
	}
	text, _ := jsontext.AppendUnquote(nil, raw) // without an error, as the text has been read
	return text
}

// readObject reads an object, or null, of a text that is JSON.
func readObject(raw []byte, name string, to *map[string]any) error {
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
	*to, err = d.rest()
	return err
}
