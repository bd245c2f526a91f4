package upstream

import "strings"

// headerArena gives the headers of many rows their room in few allocations.
type headerArena struct {
	free []Header // its length is what is in use of the newest piece
}

// cut ends a row's headers, which began at start.
func (a *headerArena) cut(start int) []Header {
	if start == len(a.free) {
		return nil
	}
	return a.free[start:len(a.free):len(a.free)]
}

// add adds a header to the row that began at start, and gives where it begins
// now.
func (a *headerArena) add(start int, h Header) int {
	if len(a.free) == cap(a.free) {
		row := a.free[start:]
		a.free = make([]Header, len(row), max(8, 2*cap(a.free), 2*len(row)))
		copy(a.free, row)
		start = 0
	}
	a.free = append(a.free, h)
	return start
}

// headers reads a row's xheaders in the order sent: an object, an array of
// objects of one pair, an array of "name: value" strings, or null. The document
// prints an object in one place, pairs in an array in others (which is no JSON),
// and null.
func (l *lexer) headers(a *headerArena) []Header {
	const wanted = "an object, an array of pairs or null"
	start := len(a.free)
	switch l.peek() {
	case '{':
		for more := l.begin('{'); more; more = l.next('}') {
			start = l.header(a, start)
		}
	case '[':
		for more := l.begin('['); more; more = l.next(']') {
			switch l.peek() {
			case '{':
				n := 0
				for more := l.begin('{'); more; more = l.next('}') {
					start = l.header(a, start)
					n++
				}
				if n != 1 {
					l.fail("xheaders", "has an object of other than one pair in its array")
				}
			case '"':
				name, value, ok := strings.Cut(l.text(), ":")
				if name = strings.TrimSpace(name); !ok || name == "" {
					l.fail("xheaders", `has a string that is not "name: value"`)
				}
				start = a.add(start, Header{name, strings.TrimSpace(value)})
			default:
				l.mistyped("xheaders", wanted)
			}
		}
	default:
		if !l.null() {
			l.mistyped("xheaders", wanted)
		}
	}
	return a.cut(start)
}

// header reads one pair of an object.
func (l *lexer) header(a *headerArena, start int) int {
	name := l.key()
	if name == "" {
		l.fail("xheaders", "has a header without a name")
	}
	if l.peek() != '"' {
		l.mistyped("xheaders", "all strings")
		return start
	}
	return a.add(start, Header{name, l.text()})
}

// appendHeaders writes headers as an object, and none as null.
func appendHeaders(dst []byte, hs []Header) []byte {
	if len(hs) == 0 {
		return append(dst, "null"...)
	}
	dst = append(dst, '{')
	for i, h := range hs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(appendString(dst, h.Name), ':')
		dst = appendString(dst, h.Value)
	}
	return append(dst, '}')
}
