package sqlite

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"

	"deliverygraph/upstream"
)

// errDamaged is the cause of errors about files with contradictory content.
var errDamaged = errors.New("the store is damaged")

// encodeHeaders formats headers as a JSON object, in the order sent. Names may repeat. Bytes that are not UTF-8 stay as
// they are, so that nothing is lost.
func encodeHeaders(hs []upstream.Header) string {
	b := make([]byte, 0, 128)
	b = append(b, '{')
	for i, h := range hs {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendJSON(b, h.Name), ':')
		b = appendJSON(b, h.Value)
	}
	return string(append(b, '}'))
}

func appendJSON(b []byte, s string) []byte {
	const hex = "0123456789abcdef"
	b = append(b, '"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b = append(b, '\\', c)
		case c < ' ':
			b = append(b, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		default:
			b = append(b, c)
		}
	}
	return append(b, '"')
}

// decodeHeaders parses the output of encodeHeaders. The headers share the memory of s.
func decodeHeaders(s string) ([]upstream.Header, error) {
	hs := make([]upstream.Header, 0, 4)
	if s == "{}" {
		return hs, nil
	}
	for before := byte('{'); s != "" && s[0] == before; before = ',' {
		name, rest, ok := cutJSON(s[1:])
		if !ok || rest == "" || rest[0] != ':' {
			return nil, errDamaged
		}
		value, rest, ok := cutJSON(rest[1:])
		if !ok {
			return nil, errDamaged
		}
		hs, s = append(hs, upstream.Header{Name: name, Value: value}), rest
	}
	if s != "}" {
		return nil, errDamaged
	}
	return hs, nil
}

// cutJSON parses the JSON string that s begins with.
func cutJSON(s string) (value, rest string, ok bool) {
	if s == "" || s[0] != '"' {
		return "", "", false
	}
	s = s[1:]
	i := strings.IndexAny(s, `"\`)
	if i >= 0 && s[i] == '"' {
		return s[:i], s[i+1:], true
	}
	var b []byte
	for i >= 0 {
		b = append(b, s[:i]...)
		if s = s[i:]; s[0] == '"' {
			return string(b), s[1:], true
		}
		n := 2
		switch {
		case len(s) < 2:
			return "", "", false
		case s[1] == 'u':
			if n = 6; len(s) < n {
				return "", "", false
			}
			b = append(b, unhex(s[4])<<4|unhex(s[5]))
		default:
			b = append(b, s[1])
		}
		s = s[n:]
		i = strings.IndexAny(s, `"\`)
	}
	return "", "", false
}

func unhex(c byte) byte {
	if c >= 'a' {
		return c - 'a' + 10
	}
	return c - '0'
}

// fold returns the same spelling for all names of headers that are equal by [strings.EqualFold]: with the smallest of
// the letters that fold together.
func fold(name string) string {
	return strings.Map(func(r rune) rune {
		if r < utf8.RuneSelf {
			if 'a' <= r && r <= 'z' {
				r -= 'a' - 'A'
			}
			return r
		}
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, name)
}
