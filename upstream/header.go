package upstream

import "strings"

// HeaderNameForm is what a custom header's name must be, for messages: see [IsHeaderName].
const HeaderNameForm = "X- followed by printable ASCII without spaces and colons, such as X-Campaign"

// IsHeaderName says whether name can be a custom header's: X-, in either case, and one or
// more of the characters that a mail header's name may have (RFC 5322, 3.6.8). Imports and
// filters take these alone.
func IsHeaderName(name string) bool {
	if len(name) <= len("X-") || len(name) > MaxFilter || name[0]|0x20 != 'x' || name[1] != '-' {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c > '~' || c == ':' {
			return false
		}
	}
	return true
}

// headerArena gives the headers of many rows their room in few allocations. A
// row's headers lie side by side in it, so a row that is being read may have to
// move when the room runs out.
type headerArena struct {
	free []Header // of the newest piece of room
	size int      // of that piece
	room int      // how much the next piece should have at the least
	page int      // and the piece after it
	last int      // how many headers the row before had
}

// add adds a header to those of a row, which begin where free does.
func (a *headerArena) add(row []Header, h Header) []Header {
	if len(row) == cap(row) {
		a.size, a.room = max(a.room, 2*a.size, 4), a.page
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

// maxMet is how many lists of headers are held against those that follow. If none of them
// is met again meanwhile, the rows share none, and nothing is looked for any more.
const maxMet = 16

// met is lists of headers that rows had, by their text: the emails of a campaign have the
// same, which are read and kept once then. All of their strings are [Plain].
type met struct {
	texts [maxMet]string
	lists [maxMet][]Header
	n     int
	again bool
}

// find gives the list that reads as text.
func (m *met) find(text string) ([]Header, bool) {
	if m.n == maxMet && !m.again {
		return nil, false
	}
	for i, t := range m.texts[:m.n] {
		if t == text {
			m.again = true
			return m.lists[i], true
		}
	}
	return nil, false
}

func (m *met) add(text string, list []Header) {
	if m.n < maxMet {
		m.texts[m.n], m.lists[m.n] = text, list
		m.n++
	}
}

// headers reads a row's xheaders in the order sent: an object, an array of
// objects of one pair each, an array of "name: value" strings, or null. The
// document prints an object, null, and pairs in an array, which is not JSON: the
// two kinds of array are what a server may have meant by it.
func (l *lexer) headers() []Header {
	if l.peek() != '{' {
		return l.headerList()
	}
	if l.met == nil {
		l.met = &met{}
	}
	start := l.i
	text := l.s[start : start+1+strings.IndexByte(l.s[start:], '}')]
	if list, ok := l.met.find(text); ok { // whatever reads as an object did is that object
		l.i += len(text)
		return list
	}
	odd := l.odd
	l.odd = false
	list := l.headerList()
	if l.err == nil && !l.odd && l.i == start+len(text) { // no value has a brace
		l.met.add(text, list)
	}
	l.odd = l.odd || odd
	return list
}

// headerList reads headers of any form.
func (l *lexer) headerList() []Header {
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
