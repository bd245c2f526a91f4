package importer

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json/jsontext"

	"deliverygraph/upstream/embedded/importer/format"
)

// members calls visit with each key of the JSON object in a line, and the text of its value. It returns what is wrong
// with the line, or what visit returns.
func (p *parser) members(line []byte, visit func(key, value []byte) (problem string)) (problem string) {
	switch {
	case bytes.HasPrefix(line, []byte("[")):
		return "the line begins an array: write one row per line, without brackets around them or commas between them"
	case !bytes.HasPrefix(line, []byte("{")):
		return `the line is no JSON object: write one row per line, such as {"kind": "email", …}`
	}
	p.text = *bytes.NewBuffer(line)
	d := &p.decoder
	d.Reset(&p.text, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	_, err := d.ReadToken()
	for err == nil && d.PeekKind() != '}' {
		var key, value jsontext.Value
		if key, err = d.ReadValue(); err != nil {
			break
		}
		name := key[1 : len(key)-1]
		if bytes.IndexByte(name, '\\') >= 0 {
			name, _ = jsontext.AppendUnquote(nil, key) // it is valid
		}
		if value, err = d.ReadValue(); err != nil {
			break
		}
		if problem := visit(name, value); problem != "" {
			return problem
		}
	}
	if err == nil {
		_, err = d.ReadToken()
	}
	if err != nil {
		return malformed(line, err)
	}
	switch rest := bytes.TrimLeft(line[d.InputOffset():], " \t\r\n"); {
	case len(rest) == 0:
		return ""
	case rest[0] == ',':
		return "a comma follows the row: write one row per line, without commas between them"
	case rest[0] == '{', rest[0] == "\ufeff"[0]: // two files were joined, the first without a final line break
		return "another row begins in the same line: write one row per line"
	}
	return fmt.Sprintf("the row ends at byte %d, but the line goes on", d.InputOffset())
}

// malformed returns the message for an error of reading JSON.
func malformed(line []byte, err error) string {
	if e, ok := errors.AsType[*jsontext.SyntacticError](err); ok && !errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Sprintf("not JSON at byte %d, before %q", e.ByteOffset, format.Clip(string(line[e.ByteOffset:])))
	}
	return fmt.Sprintf("the JSON is cut off after %d bytes", len(line))
}
