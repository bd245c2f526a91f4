package services

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"deliverygraph/upstream/embedded/importer/format"
)

// object is what a record says by name: the members of a JSON object, or the values in the columns of a row. It is
// valid as long as the text of the record.
type object struct {
	members []member
	reader  *reader
	path    string // of an object within another, such as "message/headers", for messages
}

// member is a member of an object, or the value in a column. Members of objects that are null are left out.
type member struct {
	name []byte
	json jsontext.Value // nil in a row
	text string         // in a row
}

// lenient accepts what senders get wrong.
var lenient = json.JoinOptions(jsontext.AllowInvalidUTF8(true), jsontext.AllowDuplicateNames(true))

// parse returns what is in a JSON object or array, as kind says: its members or elements, which alias the text. It
// returns false if the text is something else.
func (r *reader) parse(text []byte, kind jsontext.Kind) (list []member, ok bool) {
	d := &r.decoder
	r.text = *bytes.NewBuffer(text)
	d.Reset(&r.text, lenient)
	begin, err := d.ReadToken()
	if err != nil || begin.Kind() != kind {
		return nil, false
	}
	start, named := len(r.members), kind == '{'
	for next := d.PeekKind(); next != '}' && next != ']'; next = d.PeekKind() {
		var name, value jsontext.Value
		if named {
			if name, err = d.ReadValue(); err != nil {
				return nil, false
			}
			name = unquoted(name)
		}
		if value, err = d.ReadValue(); err != nil {
			return nil, false
		}
		if !named || value.Kind() != 'n' {
			r.members = append(r.members, member{name: name, json: value})
		}
	}
	if _, err := d.ReadToken(); err != nil {
		return nil, false
	}
	_, err = d.ReadToken()
	return slices.Clip(r.members[start:]), err == io.EOF
}

// unquoted returns the text of a string. Invalid UTF-8 becomes U+FFFD.
func unquoted(value jsontext.Value) []byte {
	text := value[1 : len(value)-1]
	if bytes.IndexByte(text, '\\') >= 0 || !utf8.Valid(text) {
		text, _ = jsontext.AppendUnquote(nil, value)
	}
	return text
}

// value returns the text of a string or a number, or the JSON of another value.
func (m member) value() string {
	switch m.json.Kind() {
	case 0:
		return m.text
	case '"':
		return string(unquoted(m.json))
	}
	return string(m.json)
}

// scalar returns the text of a string, a number or a boolean, or "".
func (m member) scalar() string {
	switch m.json.Kind() {
	case '{', '[', 'n':
		return ""
	}
	return m.value()
}

// member returns the first member with a name. Names match exactly, as senders may add fields of their own.
func (o object) member(name string) member {
	for i := range o.members {
		if string(o.members[i].name) == name {
			return o.members[i]
		}
	}
	return member{}
}

// has reports whether there is a member with a name.
func (o object) has(name string) bool { return o.member(name).json != nil }

// get returns the text of the string, number or boolean with a name, or "".
func (o object) get(name string) string { return o.member(name).scalar() }

// texts returns the texts in the array with a name, or the only one. It leaves out empty ones.
func (o object) texts(name string) []string { return o.reader.texts(o.member(name)) }

// texts returns the texts in an array, which may itself be in a string, or else the only one.
func (r *reader) texts(m member) (list []string) {
	elements, ok := r.unquote(m, '[')
	if !ok {
		elements = []member{m}
	}
	for _, e := range elements {
		if text := e.scalar(); text != "" {
			list = append(list, text)
		}
	}
	return list
}

// variables returns the members, whose names the sender has chosen, of the object with a name, which may be in a
// string. There are none if it is something else.
func (o object) variables(name string) []member {
	list, _ := o.reader.unquote(o.member(name), '{')
	return list
}

// unquote returns what is in an array or an object, as kind says, which may be in a string.
func (r *reader) unquote(m member, kind jsontext.Kind) (list []member, ok bool) {
	text := m.json
	if text.Kind() != kind {
		text = jsontext.Value(m.scalar())
	}
	if text.Kind() != kind {
		return nil, false
	}
	return r.parse(text, kind)
}

// object returns the object with a name. It has no members if there is none.
func (o object) object(name string) object { return o.open(o.member(name), name) }

// objects returns the objects in the array with a name.
func (o object) objects(name string) (list []object) {
	for i, e := range o.array(name) {
		at := name
		if e.json.Kind() != '{' {
			at += "/" + strconv.Itoa(i)
		}
		list = append(list, o.open(e, at))
	}
	return list
}

// open returns a member that is an object.
func (o object) open(m member, name string) object {
	path := name
	if o.path != "" {
		path = o.path + "/" + name
	}
	return object{o.contents(m, name, '{'), o.reader, path}
}

// array returns the elements of the array with a name.
func (o object) array(name string) []member { return o.contents(o.member(name), name, '[') }

// contents returns what is in an object or an array, as kind says. Another value makes the record bad.
func (o object) contents(m member, name string, kind jsontext.Kind) []member {
	switch m.json.Kind() {
	case 0, 'n':
		return nil
	case kind:
		list, _ := o.reader.parse(m.json, kind) // it is valid
		return list
	}
	o.mistyped(m, name)
	return nil
}

// flag returns the boolean with a name.
func (o object) flag(name string) bool {
	m := o.member(name)
	switch m.json.Kind() {
	case 0, 't', 'f':
	default:
		o.mistyped(m, name)
	}
	return m.json.Kind() == 't'
}

// sender returns the address by which the sender has named itself in fields that it may give a message, or "".
func (o object) sender() string {
	for _, name := range [...]string{"from", "from_email", "sender"} {
		if address := format.Address(o.get(name)); strings.Contains(address, "@") {
			return address
		}
	}
	return ""
}

// mistyped notes that a member is of another type than it must be, so that the record is bad.
func (o object) mistyped(m member, name string) {
	if o.reader.fault == "" {
		o.reader.fault = fmt.Sprintf("%s must not be %s", strings.TrimPrefix(o.path+"/"+name, "/"),
			format.JSONTypes[m.json.Kind()])
	}
}

// read reads a record.
func (r *reader) read(text []byte, read func(*reader, object) error) error {
	r.fault = ""
	defer func(outer int) { r.members = r.members[:outer] }(len(r.members))
	members, ok := r.parse(text, '{')
	if !ok {
		return r.bad("the record is not a JSON object")
	}
	return read(r, object{members, r, ""})
}

// each reads the elements of an array as records, one by one, so that a bad one does not spoil the others.
func (r *reader) each(elements []member, read func(*reader, object) error) error {
	if r.fault != "" {
		return r.bad(r.fault)
	}
	for _, e := range elements {
		if err := r.read(e.json, read); err != nil {
			return err
		}
	}
	return nil
}
