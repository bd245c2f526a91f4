package upstream

import "strings"

// headerArena gives the headers of many rows their room in few allocations. A
// row's headers lie side by side in it, so a row that is being read may have to
// move when the room runs out.
type headerArena struct {
	free []Header // of the newest piece of room
	size int      // of that piece
	room int      // how much the next piece should have at the least
	last int      // how many headers the row before had
}

// add adds a header to those of a row, which begin where free does.
func (a *headerArena) add(row []Header, h Header) []Header {
	if len(row) == cap(row) {
		a.size = max(a.room, 2*a.size, 4)
		row = append(make([]Header, 0, a.size), row...)
	}
	return append(row, h)
}

// keep gives the headers of a row that has all of them, nil if there are none.
func (a *headerArena) keep(row []Header) []Header {
	n := len(row)
	a.last, a.free = n, row[n:]
	if n == 0 {
		return nil
	}
	return row[:n:n]
}

// headers reads a row's xheaders in the order sent: an object, an array of
// objects of one pair each, an array of "name: value" strings, or null. The
// document prints an object, null, and pairs in an array, which is not JSON: the
// two kinds of array are what a server may have meant by it.
func (l *lexer) headers() []Header {
	row := l.arena.free[:0]
	switch l.peek() {
	case '{':
		for m := l.first(&l.names, "xheaders"); m != nil; m = l.after(&l.names) {
			l.odd = l.odd || m.odd
			row = l.arena.add(row, l.header(m.name))
		}
	case '[':
		for more := l.begin('['); more; more = l.next(']') {
			if l.peek() == '"' {
				row = l.arena.add(row, l.headerLine())
				continue
			}
			pairs := 0
			for more := l.object("an element of xheaders"); more; more = l.next('}') {
				name := l.key()
				l.odd = l.odd || !isPlain(name)
				row = l.arena.add(row, l.header(name))
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
	return l.arena.keep(row)
}

// header reads the value of the header of that name.
func (l *lexer) header(name string) Header {
	if name == "" {
		l.fail("xheaders", "has a header without a name")
	}
	if l.peek() != '"' {
		l.mistyped("a header of xheaders", "a string")
		return Header{}
	}
	return Header{name, l.value()}
}

// headerLine reads a "name: value" string, as header does.
func (l *lexer) headerLine() Header {
	name, value, ok := strings.Cut(l.value(), ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok || name == "" {
		l.fail("xheaders", `has a string that is not "name: value"`)
	}
	return Header{name, value}
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
