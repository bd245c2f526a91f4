package store

import (
	"fmt"
	"strings"

	"deliverygraph/upstream"
)

// escapes are the characters that JSON escapes, each followed by how EncodeHeaders writes it.
var escapes = func() []string {
	list := []string{`\`, `\\`, `"`, `\"`}
	for c := range ' ' {
		list = append(list, string(c), fmt.Sprintf(`\u%04x`, c))
	}
	return list
}()

var (
	escape = strings.NewReplacer(escapes...)
	// unescape undoes escape, except that quotes are written as by hideQuotes.
	unescape = func() *strings.Replacer {
		pairs := []string{`\u0022`, `"`}
		for i := 0; i < len(escapes); i += 2 {
			pairs = append(pairs, escapes[i+1], escapes[i])
		}
		return strings.NewReplacer(pairs...)
	}()
	// hideQuotes leaves no quotes in JSON but those around strings.
	hideQuotes = strings.NewReplacer(`\\`, `\\`, `\"`, `\u0022`)
)

// EncodeHeaders formats headers as a JSON object, in the order sent. Names may repeat. Bytes that are not UTF-8 stay as
// they are, so that nothing is lost.
func EncodeHeaders(hs []upstream.Header) string {
	b := make([]byte, 0, 128)
	for i, h := range hs {
		before := `,"`
		if i == 0 {
			before = `{"`
		}
		b = append(append(b, before...), escape.Replace(h.Name)...)
		b = append(append(append(b, `":"`...), escape.Replace(h.Value)...), '"')
	}
	if len(hs) == 0 {
		return "{}"
	}
	return string(append(b, '}'))
}

// DecodeHeaders parses the output of EncodeHeaders. The headers share the memory of s.
func DecodeHeaders(s string) ([]upstream.Header, error) {
	escaped := strings.Contains(s, `\`)
	if escaped {
		s = hideQuotes.Replace(s)
	}
	hs := make([]upstream.Header, 0, 4)
	for before := "{"; s != "}" && s != "{}"; before = "," {
		start, rest, _ := strings.Cut(s, `"`)
		name, rest, _ := strings.Cut(rest, `":"`)
		value, rest, ok := strings.Cut(rest, `"`)
		if !ok || start != before {
			return nil, ErrDamaged
		}
		if escaped {
			name, value = unescape.Replace(name), unescape.Replace(value)
		}
		hs, s = append(hs, upstream.Header{Name: name, Value: value}), rest
	}
	return hs, nil
}

// FoldHeader returns the same spelling for names of headers that differ only in case.
func FoldHeader(name string) string { return strings.ToUpper(strings.ToLower(name)) }
