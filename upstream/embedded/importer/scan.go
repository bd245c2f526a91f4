package importer

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// scanner finds the members of the JSON object in a line. It does not check the values; the codec that reads them does.
type scanner struct {
	text []byte
	i    int
}

// members calls visit with each key and the text of its value. It returns what is wrong with the line, or what visit
// returns.
func (s *scanner) members(visit func(key, value []byte) (problem string)) (problem string) {
	switch s.peek() {
	case '{':
	case '[':
		return "the line begins an array: write one row per line, without brackets around them or commas between them"
	default:
		return `the line is no JSON object: write one row per line, such as {"kind": "email", …}`
	}
	s.i++
	if s.peek() == '}' {
		s.i++
		return s.end()
	}
	for {
		key, ok := s.key()
		if !ok || s.peek() != ':' {
			return s.malformed()
		}
		s.i++
		s.peek()
		from := s.i
		if !s.skip() {
			return s.malformed()
		}
		if problem := visit(key, s.text[from:s.i]); problem != "" {
			return problem
		}
		switch s.peek() {
		case ',':
			s.i++
		case '}':
			s.i++
			return s.end()
		default:
			return s.malformed()
		}
	}
}

// end checks that the line ends here.
func (s *scanner) end() string {
	switch s.peek() {
	case 0:
		if s.i == len(s.text) {
			return ""
		}
	case ',':
		return "a comma follows the row: write one row per line, without commas between them"
	case '{', "\ufeff"[0]: // two files were joined, the first without a final line break
		return "another row begins in the same line: write one row per line"
	}
	return fmt.Sprintf("the row ends at byte %d, but the line goes on", s.i)
}

// malformed returns the message for a line that is not valid JSON from here on.
func (s *scanner) malformed() string {
	if s.i >= len(s.text) {
		return fmt.Sprintf("the JSON is cut off after %d bytes", len(s.text))
	}
	return fmt.Sprintf("not JSON at byte %d", s.i)
}

// peek skips white space and returns the next byte, or 0 at the end.
func (s *scanner) peek() byte {
	for ; s.i < len(s.text); s.i++ {
		switch c := s.text[s.i]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// key reads a key and resolves its escapes.
func (s *scanner) key() (key []byte, ok bool) {
	if s.peek() != '"' {
		return nil, false
	}
	from := s.i
	if !s.str() {
		return nil, false
	}
	key = s.text[from+1 : s.i-1]
	if bytes.IndexByte(key, '\\') >= 0 {
		var plain string
		if json.Unmarshal(s.text[from:s.i], &plain) != nil {
			s.i = from
			return nil, false
		}
		key = []byte(plain)
	}
	return key, true
}

// str skips a string.
func (s *scanner) str() bool {
	s.i++
	for {
		quote := bytes.IndexByte(s.text[s.i:], '"')
		if quote < 0 {
			s.i = len(s.text)
			return false
		}
		end := s.i + quote
		slashes := 0
		for end-slashes > s.i && s.text[end-slashes-1] == '\\' {
			slashes++
		}
		s.i = end + 1
		if slashes%2 == 0 {
			return true
		}
	}
}

// skip skips a value.
func (s *scanner) skip() bool {
	for depth := 0; s.i < len(s.text); {
		switch s.text[s.i] {
		case '"':
			if !s.str() {
				return false
			}
		case '{', '[':
			depth++
			s.i++
			continue
		case '}', ']':
			if depth == 0 {
				return false
			}
			depth--
			s.i++
		default:
			if depth > 0 { // the codec checks commas, colons and the rest
				s.i++
				continue
			}
			return s.word()
		}
		if depth == 0 {
			return true
		}
	}
	return false
}

// word skips a number or a literal.
func (s *scanner) word() bool {
	from := s.i
	for s.i < len(s.text) && bytes.IndexByte([]byte(",:{}[]\" \t\r\n"), s.text[s.i]) < 0 {
		s.i++
	}
	return s.i > from
}
