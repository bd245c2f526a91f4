package upstream

import "strings"

// HeaderNameForm describes a valid custom header name, for messages; see [IsHeaderName].
const HeaderNameForm = "X- followed by printable ASCII without spaces and colons, such as X-Campaign"

// IsHeaderName reports whether name is a valid custom header name: X-, in either case, and one or more of the
// characters that RFC 5322, section 3.6.8 allows. Imports and filters accept only these.
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

// headerArena allocates the headers of many rows together. A row's headers are contiguous, so the row being read may
// have to be moved when the current chunk is full.
type headerArena struct {
	free []Header // the rest of the current chunk
	size int      // of the current chunk
	room int      // minimum size of the next chunk
	page int      // and of those after it
	last int      // number of headers of the previous row
}

// add appends h to the headers of a row, which begin where free does.
func (a *headerArena) add(row []Header, h Header) []Header {
	if len(row) == cap(row) {
		a.size, a.room = max(a.room, 2*a.size, 4), a.page
		row = append(make([]Header, 0, a.size), row...)
	}
	return append(row, h)
}

// keep ends a row and returns its headers, or nil if there are none.
func (a *headerArena) keep(row []Header) []Header {
	n := len(row)
	a.last, a.free = n, row[n:]
	if n == 0 {
		return nil
	}
	return row[:n:n]
}

// maxHeaderLists limits how many lists of headers are remembered. If none of the first ones is repeated, rows are
// assumed not to share headers, and the search stops.
const maxHeaderLists = 16

// headerLists remembers lists of headers by their text. The emails of a campaign have the same headers, which are then
// decoded and stored only once. All their strings are [Plain].
type headerLists struct {
	texts [maxHeaderLists]string
	lists [maxHeaderLists][]Header
	n     int
	again bool
}

// find returns the list that was decoded from text.
func (m *headerLists) find(text string) ([]Header, bool) {
	if m.n == maxHeaderLists && !m.again {
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

func (m *headerLists) add(text string, list []Header) {
	if m.n < maxHeaderLists {
		m.texts[m.n], m.lists[m.n] = text, list
		m.n++
	}
}

// headers reads a row's xheaders in the order sent: an object, an array of objects with one pair each, an array of
// "name: value" strings, or null. The document shows an object, null, and pairs in an array, which is not JSON; the two
// kinds of array are what a server may have meant by it.
func (l *lexer) headers() []Header {
	if l.peek() != '{' {
		return l.headerList()
	}
	if l.lists == nil {
		l.lists = &headerLists{}
	}
	start := l.i
	text := l.s[start : start+1+strings.IndexByte(l.s[start:], '}')]
	if list, ok := l.lists.find(text); ok { // equal text means an equal object, because of the check below
		l.i += len(text)
		return list
	}
	odd := l.odd
	l.odd = false
	list := l.headerList()
	if l.err == nil && !l.odd && l.i == start+len(text) { // no value contains a brace
		l.lists.add(text, list)
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

// header reads the value of the header name.
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

// headerLine reads a "name: value" string.
func (l *lexer) headerLine() Header {
	name, value, ok := strings.Cut(l.value(), ":")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !ok || name == "" {
		l.fail("xheaders", `has a string that is not "name: value"`)
	}
	return Header{name, value}
}

// appendHeaders appends headers to dst as an object, or null if there are none.
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
