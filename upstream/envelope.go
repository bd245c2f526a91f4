package upstream

// Envelope holds what the API sends beside the data of a bounce's detail.
type Envelope struct {
	ProcessingTime float64 // time taken to answer, in seconds
	RecvTime       float64 // when the request arrived, in Unix seconds
	RespTime       float64 // when the answer was ready, in Unix seconds
	APIHost        string  // the server that answered
}

// decodeRow decodes a body that consists of one row.
func decodeRow[T any](body string, read func(*lexer, *T)) (row T, err error) {
	l := newLexer(body)
	read(l, &row)
	if err := l.end(); err != nil {
		var none T
		return none, err
	}
	return row, nil
}

// decodeRows decodes an answer that is an array, calling read for each element.
func decodeRows[T any](body string, read func(*lexer, *T)) ([]T, error) {
	var rows []T
	l := newLexer(body)
	l.payload(func() {
		rows, l.arena = nil, headerArena{}
		if l.null() {
			return
		}
		for more := l.array("data"); more; more = l.next(']') {
			l.row = len(rows)
			start := l.i
			rows = append(rows, *new(T))
			read(l, &rows[l.row])
			if l.row == 0 {
				// Make room for a page, judging by the size of the first row. If there turn out to be more rows, append
				// grows the slice.
				n := min(PageSize, 1+(len(l.s)-l.i)/max(1, l.i-start)*9/8)
				rows = append(make([]T, 0, n), rows...)
				each := max(1, l.arena.last)
				// Rows may share a few lists of headers. Once one does not, each row probably has its own.
				l.arena.room, l.arena.page = min(n, maxHeaderLists)*each, n*each
			}
		}
		l.row = -1
	})
	if err := l.end(); err != nil {
		return nil, err
	}
	return rows, nil
}

// payload calls decode at the array that is the answer itself or its envelope's data. Only data may be null, which
// means an empty list, as for xheaders in the document. An error beside it makes the answer invalid.
func (l *lexer) payload(decode func()) {
	switch l.peek() {
	case '[':
		decode()
		return
	case '{':
	default:
		l.mistyped("the answer", "an array or an object")
	}
	found := false
	for more := l.object("the answer"); more; more = l.next('}') {
		switch l.key() {
		case "data":
			found = true
			decode()
		case "error":
			if !l.null() {
				l.fail("", "the answer is an error")
			}
		default:
			l.skip()
		}
	}
	l.need("data", found)
}

// objectPayload is payload for answers that are objects. It looks ahead for the key data, which only envelopes have, to
// find out whether there is an envelope.
func (l *lexer) objectPayload(decode func()) {
	start := *l
	for more := l.object("the answer"); more; more = l.next('}') {
		if l.key() == "data" {
			*l = start
			l.payload(decode)
			return
		}
		l.skip()
	}
	if l.err == nil {
		*l = start
		decode()
	}
}

// need fails unless the field was given.
func (l *lexer) need(field string, given bool) {
	if !given {
		l.fail(field, "is missing")
	}
}

// array opens an array and reports whether it has elements. what names it in the error for any other value.
func (l *lexer) array(what string) bool {
	if l.peek() != '[' {
		l.mistyped(what, "an array")
		return false
	}
	return l.begin('[')
}

// object opens an object and reports whether it has members. what names it in the error for any other value.
func (l *lexer) object(what string) bool {
	if l.peek() != '{' {
		l.mistyped(what, "an object")
		return false
	}
	return l.begin('{')
}
