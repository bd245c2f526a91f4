package upstream

import "strings"

// headerArena gives the headers of many rows their room in few allocations. A
// row's headers lie side by side in it, so a row that is being read may have to
// move when the room runs out.
type headerArena struct {
	newest []Header // the newest piece of room, as long as it is in use
	room   int      // how much the next piece should have at the least
}

// add adds a header to the row that began at start, and gives where it begins
// now.
func (a *headerArena) add(start int, h Header) int {
	if len(a.newest) == cap(a.newest) {
		row := a.newest[start:]
		a.newest = append(make([]Header, 0, max(a.room, 2*cap(a.newest), 4)), row...)
		start = 0
	}
	a.newest = append(a.newest, h)
	return start
}

// since gives the headers of the row that began at start, nil if there are none.
func (a *headerArena) since(start int) []Header {
	end := len(a.newest)
	if start == end {
		return nil
	}
	return a.newest[start:end:end]
}

// headers reads a row's xheaders in the order sent: an object, an array of
// objects of one pair each, an array of "name: value" strings, or null. The
// document prints an object, null, and pairs in an array, which is not JSON: the
// two kinds of array are what a server may have meant by it.
func (l *lexer) headers() []Header {
	start := len(l.arena.newest)
	switch l.peek() {
	case '{':
		for more := l.begin('{'); more; more = l.next('}') {
			start = l.header(start)
		}
	case '[':
		for more := l.begin('['); more; more = l.next(']') {
			if l.peek() == '"' {
				start = l.headerLine(start)
				continue
			}
			pairs := 0
			for more := l.object("an element of xheaders"); more; more = l.next('}') {
				start = l.header(start)
				pairs++
			}
			if pairs != 1 {
				l.fail("xheaders", "is an array of objects that are not one pair each")
			}
		}
	default:
		if !l.null() {
			l.mistyped("xheaders", "an object, an array or null")
		}
	}
	return l.arena.since(start)
}

// header reads a pair of an object for the row whose headers began at start, and
// gives where they begin now.
func (l *lexer) header(start int) int {
	name := l.key()
	if name == "" {
		l.fail("xheaders", "has a header without a name")
	}
	if l.peek() != '"' {
		l.mistyped("a header of xheaders", "a string")
		return start
	}
	return l.arena.add(start, Header{name, l.text()})
}

// headerLine reads a "name: value" string, as header does.
func (l *lexer) headerLine(start int) int {
	name, value, ok := strings.Cut(l.text(), ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok || name == "" {
		l.fail("xheaders", `has a string that is not "name: value"`)
	}
	return l.arena.add(start, Header{name, value})
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
