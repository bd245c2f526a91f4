package services

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"deliverygraph/upstream/embedded/importer/format"
)

func setOf(names string) map[string]bool {
	set := map[string]bool{}
	for name := range strings.FieldsSeq(names) {
		set[name] = true
	}
	return set
}

// beginning holds the members of the first object of a file, by which formats are recognised. An array or an object is
// "[" or "{".
type beginning map[string]string

// has reports whether there are members with all of some names.
func (b beginning) has(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { _, ok := b[name]; return !ok })
}

// firstObject returns the members that the first bytes of a file have, as far as they can be read. It returns nil if
// the file begins neither with an object nor with an array of objects.
func firstObject(head []byte) beginning {
	start := 0
	for start < len(head) && separator(head[start]) {
		start++
	}
	if start == len(head) || head[start] != '{' {
		return nil
	}
	d := jsontext.NewDecoder(bytes.NewBuffer(head[start:]), lenient)
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

// eachObject calls visit with each object of a file, and with the number, from 1, of the line where it begins. An
// object is valid until visit returns. Anything else is reported to the sink. Errors are those of reading, of ctx, of
// the sink and of visit.
func eachObject(ctx context.Context, f format.File, s format.Sink, visit func(line int, object []byte) error) error {
	in := stream{in: f, line: 1}
	lost := false // after something that is not an object
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
