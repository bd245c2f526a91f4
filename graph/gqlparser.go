package graph

import (
	"cmp"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/vektah/gqlparser/v2/gqlerror"
)

// gqlparser's lexer differs from the GraphQL specification (September 2025):
//
//   - It accepts escapes of half a surrogate pair, which is no character (2.9.4).
//   - It accepts a number with a name or a dot right behind it, as in first:1after (2.9.1, 2.9.2).
//   - It ends a block string at the last three of several quotes, not at the first three, and counts the first
//     line's indentation as common to all lines (2.9.4).
//   - It counts the line feed of CR LF as a column of the next line (2.1.3).
//   - It places a string behind its opening quotes, and a block string on its last line.

// readable returns a document's text in a form that gqlparser reads correctly, and the first error that gqlparser
// misses: one of the above, or a name that is too long.
func readable(text string) (string, *gqlerror.Error) {
	if strings.Contains(text, "\r") { // \r is a line terminator too, also in block strings
		text = strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n")
	}
	s := scanner{text: text, line: 1}
	s.scan()
	if s.copied > 0 {
		text = string(append(s.rewritten, text[s.copied:]...))
	}
	return text, s.problem
}

// placeStrings corrects the locations of errors that gqlparser found at strings.
func placeStrings(text string, errs gqlerror.List) {
	wrong := map[gqlerror.Location][]*gqlerror.Location{}
	for _, e := range errs {
		for i, at := range e.Locations {
			wrong[at] = append(wrong[at], &e.Locations[i])
		}
	}
	s := scanner{text: text, line: 1, found: func(begin, taken gqlerror.Location) {
		for _, at := range wrong[taken] {
			*at = begin
		}
	}}
	if len(wrong) > 0 {
		s.scan()
	}
}

// before reports whether an error is located before another one, or has no location.
func before(a, b *gqlerror.Error) bool {
	if len(a.Locations) == 0 || len(b.Locations) == 0 {
		return len(a.Locations) == 0
	}
	x, y := a.Locations[0], b.Locations[0]
	return cmp.Or(cmp.Compare(x.Line, y.Line), cmp.Compare(x.Column, y.Column)) < 0
}

// scanner scans the tokens of a text whose lines end in \n.
type scanner struct {
	text    string
	at      int
	problem *gqlerror.Error
	// found, if not nil, is called with the location of each string and the location that gqlparser reports for it.
	found func(begin, taken gqlerror.Location)

	line      int
	lineStart int // in characters
	counted   int // how far characters have been counted, in bytes
	runes     int // how many were counted

	rewritten []byte // text[:copied], with block strings rewritten so that gqlparser reads them correctly
	copied    int
}

func (s *scanner) scan() {
	for s.at < len(s.text) && s.problem == nil {
		switch c := s.text[s.at]; {
		case c == '\n':
			s.newline()
		case c == '#':
			s.skip(func(c byte) bool { return c != '\n' })
		case strings.HasPrefix(s.text[s.at:], blockQuote):
			s.blockString()
		case c == '"':
			s.string()
		case c == '-' || isDigit(c):
			s.number()
		case isNameStart(c):
			s.name()
		default:
			s.at++
		}
	}
}

func (s *scanner) newline() {
	s.at++
	s.line++
	s.lineStart = s.count()
}

func (s *scanner) skip(while func(byte) bool) {
	for s.at < len(s.text) && while(s.text[s.at]) {
		s.at++
	}
}

// count returns the number of characters before the scanner's position.
func (s *scanner) count() int {
	s.runes += utf8.RuneCountInString(s.text[s.counted:s.at])
	s.counted = s.at
	return s.runes
}

// location returns the location of a character, counted from the start of the text, on the current line. Columns count
// characters.
func (s *scanner) location(character int) gqlerror.Location {
	return gqlerror.Location{Line: s.line, Column: character - s.lineStart + 1}
}

func (s *scanner) fail(code, format string, args ...any) {
	s.problem = requestError(code, fmt.Sprintf(format, args...))
	s.problem.Locations = []gqlerror.Location{s.location(s.count())}
}

// maxName limits names, in bytes: they appear in messages and are compared with the schema's.
const maxName = 256

func (s *scanner) name() {
	begin := s.at
	s.skip(func(c byte) bool { return isNameStart(c) || isDigit(c) })
	if n := s.at - begin; n > maxName {
		s.at = begin
		s.fail(codeTooExpensive, "a name in the document, %q, is %d bytes long, and at most %d are allowed: shorten it",
			s.text[begin:begin+20]+"…", n, maxName)
	}
}

// number scans a number. gqlparser finds errors within it.
func (s *scanner) number() {
	s.at++
	s.skip(isDigit)
	if rest := s.text[s.at:]; len(rest) > 1 && rest[0] == '.' && isDigit(rest[1]) {
		s.at++
		s.skip(isDigit)
	}
	if rest := s.text[s.at:]; rest != "" && rest[0]|0x20 == 'e' {
		if digits := strings.TrimLeft(rest[1:], "+-"); digits != "" && isDigit(digits[0]) {
			s.at = len(s.text) - len(digits)
			s.skip(isDigit)
		}
	}
	if s.at < len(s.text) && (s.text[s.at] == '.' || isNameStart(s.text[s.at])) {
		s.fail(codeBadUserInput, "a number is directly followed by %q: put a space or a comma between them",
			s.text[s.at])
	}
}

const unicodeEscape = len(`\u0000`)

// string scans a string in single quotes. gqlparser finds errors in it, except for surrogates.
func (s *scanner) string() {
	begin := s.location(s.count())
	s.at++
	s.report(begin, s.location(s.count()))
	for s.at < len(s.text) && s.text[s.at] != '\n' {
		switch c := s.text[s.at]; {
		case c == '"':
			s.at++
			return
		case c != '\\':
			s.at++
			continue
		}
		first, ok := s.escape(s.at)
		switch second, _ := s.escape(s.at + unicodeEscape); {
		case !ok:
			s.at++
			if s.at < len(s.text) && s.text[s.at] != '\n' {
				s.at++
			}
		case !utf16.IsSurrogate(first):
			s.at += unicodeEscape
		case utf16.DecodeRune(first, second) != utf8.RuneError:
			s.at += 2 * unicodeEscape
		default:
			s.fail(codeBadUserInput, `%s is half a surrogate pair: write both halves, as in \uD83D\uDE00, or \u{1F600}`,
				s.text[s.at:s.at+unicodeEscape])
			return
		}
	}
}

// escape returns the code unit of an escape such as \uD83D at a position, if there is one.
func (s *scanner) escape(at int) (rune, bool) {
	if len(s.text) < at+unicodeEscape || s.text[at:at+2] != `\u` {
		return 0, false
	}
	unit, err := strconv.ParseUint(s.text[at+2:at+unicodeEscape], 16, 16)
	return rune(unit), err == nil
}

const blockQuote = `"""`

// blockString scans a block string, whose only escape is \""".
func (s *scanner) blockString() {
	character := s.count()
	begin := s.location(character)
	s.at += len(blockQuote)
	from := s.at
	for s.at < len(s.text) {
		switch rest := s.text[s.at:]; {
		case strings.HasPrefix(rest, `\`+blockQuote):
			s.at += len(`\` + blockQuote)
		case strings.HasPrefix(rest, blockQuote):
			s.rewrite(from, s.at, dedented(s.text[from:s.at]))
			s.at += len(blockQuote)
			if s.at < len(s.text) && s.text[s.at] == '"' {
				s.rewrite(s.at, s.at, " ")
			}
			s.report(begin, s.location(character+len(blockQuote)))
			return
		case rest[0] == '\n':
			s.newline()
		default:
			s.at++
		}
	}
}

// rewrite replaces a part of the text.
func (s *scanner) rewrite(from, to int, with string) {
	if s.text[from:to] != with {
		s.rewritten = append(append(s.rewritten, s.text[s.copied:from]...), with...)
		s.copied = to
	}
}

// dedented returns a block string in which the lines after the first have no more common indentation than the first.
func dedented(block string) string {
	indent := func(line string) int { return len(line) - len(strings.TrimLeft(line, " \t")) }
	lines := strings.Split(block, "\n")
	own, common := indent(lines[0]), len(block)
	for _, line := range lines[1:] {
		if n := indent(line); n < len(line) {
			common = min(common, n)
		}
	}
	if own == len(lines[0]) || own >= common {
		return block
	}
	for i, line := range lines[1:] {
		lines[i+1] = line[min(common-own, len(line)):]
	}
	return strings.Join(lines, "\n")
}

func (s *scanner) report(begin, taken gqlerror.Location) {
	if s.found != nil {
		s.found(begin, taken)
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isNameStart(c byte) bool { return c == '_' || 'a' <= c|0x20 && c|0x20 <= 'z' }
