package upstream

import (
	"encoding/json"
	"fmt"
	"math/bits"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxDepth limits the nesting of arrays and objects in an answer. The API's own answers are five deep; the rest is room
// for skipped keys.
const maxDepth = 64

// lexer parses JSON (RFC 8259) in one pass, straight into rows. Decoding pages is most of a gateway's work; reflection
// would cost thousands of allocations per page where this costs a handful.
//
// Strings are slices of the text unless they contain escapes. Each invalid UTF-8 byte and unpaired surrogate becomes
// U+FFFD: real bounce messages contain such bytes, and losing a whole page would be worse. The last of repeated keys
// counts, and null means the same as a missing key.
//
// The first error is stored in err and stops every loop, so callers check err once, at the end. Messages say where the
// error is, and never repeat the text.
type lexer struct {
	s     string // the text
	i     int    // index of the next byte to read
	depth int    // open arrays and objects
	row   int    // index of the current row; -1 outside rows
	odd   bool   // the row has a string that is not [Plain]
	err   *Error

	rows, names memberCache  // of the rows, and of their headers
	arena       headerArena  // allocates the rows' headers
	lists       *headerLists // header lists seen so far
}

func newLexer(text string) *lexer { return &lexer{s: text, row: -1} }

// fail records what is wrong, as the end of a sentence that begins with the place.
func (l *lexer) fail(field, problem string) {
	if l.err != nil {
		return
	}
	at := ""
	if l.row >= 0 {
		at = "row " + strconv.Itoa(l.row) + ": "
	}
	if field != "" {
		problem = field + " " + problem
	}
	l.err = &Error{Code: InvalidResponse, Message: at + problem}
}

// malformed records that the text is not JSON at l.i.
func (l *lexer) malformed() {
	if l.err != nil {
		return
	}
	if l.i >= len(l.s) {
		l.fail("", fmt.Sprintf("the JSON breaks off after %d bytes", len(l.s)))
	} else {
		l.fail("", fmt.Sprintf("not JSON at byte %d", l.i))
	}
}

// peek skips white space and returns the next byte, or 0 at the end.
func (l *lexer) peek() byte {
	for ; l.i < len(l.s); l.i++ {
		if c := l.s[l.i]; c > ' ' || c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return c
		}
	}
	return 0
}

// end requires that only white space follows.
func (l *lexer) end() error {
	if l.peek(); l.i < len(l.s) {
		l.malformed()
	}
	if l.err != nil {
		return l.err
	}
	return nil
}

// begin opens an array or object and reports whether it is not empty:
//
//	for more := l.begin('['); more; more = l.next(']') { … }
func (l *lexer) begin(open byte) bool {
	if l.peek() != open || l.err != nil {
		l.malformed()
		return false
	}
	l.i++
	if l.depth++; l.depth > maxDepth {
		l.fail("", fmt.Sprintf("nested deeper than %d levels", maxDepth))
		return false
	}
	if l.peek() == open+2 { // ']' is '[' + 2, and '}' is '{' + 2
		l.i++
		l.depth--
		return false
	}
	return true
}

// next moves past an element and reports whether there is another.
func (l *lexer) next(shut byte) bool {
	if l.err != nil {
		return false
	}
	switch l.peek() {
	case ',':
		l.i++
		return true
	case shut:
		l.i++
		l.depth--
		return false
	}
	l.malformed()
	return false
}

// key reads an object's key and colon.
func (l *lexer) key() string {
	k := l.text()
	if l.peek() != ':' || l.err != nil {
		l.malformed()
		return ""
	}
	l.i++
	return k
}

// text reads a string that does not belong to a row, such as a key.
func (l *lexer) text() string {
	if l.peek() != '"' || l.err != nil {
		l.malformed()
		return ""
	}
	odd := l.odd
	s := l.value()
	l.odd = odd
	return s
}

// value reads a string of a row, starting at l.i.
func (l *lexer) value() string {
	start := l.i + 1
	end := plainASCII(l.s, start)
	if end < len(l.s) && l.s[end] == '"' {
		l.i = end + 1
		return l.s[start:end]
	}
	l.i = end
	s := l.mixed(start)
	l.odd = l.odd || !isPlain(s)
	return s
}

// plainASCII returns the index of the first byte in s, from i on, that is a quote, a backslash or not printable ASCII.
// It examines eight bytes at a time.
func plainASCII(s string, i int) int {
	const ones, tops = 0x0101010101010101, 0x8080808080808080
	for ; i+8 <= len(s); i += 8 {
		b := s[i : i+8]
		w := uint64(b[0]) | uint64(b[1])<<8 | uint64(b[2])<<16 | uint64(b[3])<<24 | uint64(b[4])<<32 | uint64(
			b[5])<<40 | uint64(b[6])<<48 | uint64(b[7])<<56
		// odd has the top bit set for each such byte, and is exact up to the first. Flipping the second bit turns a
		// quote into a space and leaves control characters below '!', so one subtraction finds both.
		odd := (w | (w ^ 2*ones - '!'*ones) | (w ^ '\\'*ones - ones)) & tops
		if odd != 0 {
			return i + bits.TrailingZeros64(odd)/8
		}
	}
	for i < len(s) && s[i] >= ' ' && s[i] < utf8.RuneSelf && s[i] != '"' && s[i] != '\\' {
		i++
	}
	return i
}

// mixed reads the rest of a string that began at start and is not plain at l.i.
func (l *lexer) mixed(start int) string {
	escaped := false
	for {
		l.i = plainASCII(l.s, l.i)
		switch {
		case l.i >= len(l.s) || l.s[l.i] < ' ':
			l.malformed()
			return ""
		case l.s[l.i] == '\\':
			escaped = true
			l.i += 2
		case l.s[l.i] != '"':
			l.i++
		case !escaped && utf8.ValidString(l.s[start:l.i]):
			l.i++
			return l.s[start : l.i-1]
		default:
			quoted := []byte(l.s[start-1 : l.i+1])
			s, err := jsontext.AppendUnquote(nil, quoted)
			if err == nil {
				l.i++
				return string(s)
			}
			var replaced string // unlike jsontext, json replaces invalid UTF-8 without an error
			if json.Unmarshal(quoted, &replaced) != nil {
				l.i = start - 1
				l.malformed()
			}
			l.i++
			return replaced
		}
	}
}

// number reads a number as text.
func (l *lexer) number() string {
	start := l.i
	n := numberLen(l.s[start:])
	if n == 0 {
		l.malformed()
		return ""
	}
	l.i += n
	return l.s[start:l.i]
}

// numberLen returns the length of the JSON number at the start of s, or 0.
func numberLen(s string) int {
	i := 0
	digits := func() bool {
		from := i
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		return i > from
	}
	if i < len(s) && s[i] == '-' {
		i++
	}
	if i < len(s) && s[i] == '0' {
		i++
	} else if !digits() {
		return 0
	}
	if i < len(s) && s[i] == '.' {
		if i++; !digits() {
			return 0
		}
	}
	if i < len(s) && s[i]|0x20 == 'e' {
		i++
		if i < len(s) && (s[i] == '+' || s[i] == '-') {
			i++
		}
		if !digits() {
			return 0
		}
	}
	return i
}

// literal reads word if it comes next.
func (l *lexer) literal(word string) bool {
	if !strings.HasPrefix(l.s[l.i:], word) {
		return false
	}
	l.i += len(word)
	return true
}

// null reads null if it comes next.
func (l *lexer) null() bool { return l.peek() == 'n' && l.literal("null") }

// skip reads any value.
func (l *lexer) skip() {
	if l.err != nil {
		return
	}
	switch l.peek() {
	case '{':
		for more := l.begin('{'); more; more = l.next('}') {
			l.key()
			l.skip()
		}
	case '[':
		for more := l.begin('['); more; more = l.next(']') {
			l.skip()
		}
	case '"':
		l.text()
	case 't':
		if !l.literal("true") {
			l.malformed()
		}
	case 'f':
		if !l.literal("false") {
			l.malformed()
		}
	case 'n':
		if !l.literal("null") {
			l.malformed()
		}
	default:
		l.number()
	}
}
