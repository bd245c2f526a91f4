package upstream

// Envelope is what the API puts around the detail of a bounce, beside its data.
type Envelope struct {
	ProcessingTime float64 // seconds that the answer took
	RecvTime       float64 // when the request came, Unix seconds
	RespTime       float64 // when the answer was ready, Unix seconds
	APIHost        string  // who answered
}

// decodeRow reads a text that is one row, by read.
func decodeRow[T any](body string, read func(*lexer, *T)) (row T, err error) {
	l := newLexer(body)
	read(l, &row)
	if err := l.end(); err != nil {
		var none T
		return none, err
	}
	return row, nil
}

// decodeRows reads an answer that is an array, each element by read.
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
				// Room for a page, going by what the first row took. A body that
				// makes more rows of the rest pays for them as they come.
				n := min(PageSize, 1+(len(l.s)-l.i)/max(1, l.i-start)*9/8)
				rows = append(make([]T, 0, n), rows...)
				each := max(1, l.arena.last)
				l.arena.room, l.arena.page = min(n, maxMet)*each, n*each // for lists that rows share, and for those of each row
			}
		}
		l.row = -1
	})
	if err := l.end(); err != nil {
		return nil, err
	}
	return rows, nil
}

// payload calls decode at the array that an answer is about: the answer itself,
// or the data of its envelope. Only in an envelope may it be null, which is how a
// server says that there is nothing, as the document's xheaders do; an error
// beside it means that something went wrong.
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

// objectPayload is payload for answers that are objects themselves. Whether
// there is an envelope it learns by looking ahead for data, which none of those
// objects has among its keys.
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

// need refuses an answer, or a row of it, without one of its fields.
func (l *lexer) need(field string, given bool) {
	if !given {
		l.fail(field, "is missing")
	}
}

// array opens the array that what should be.
func (l *lexer) array(what string) bool {
	if l.peek() != '[' {
		l.mistyped(what, "an array")
		return false
	}
	return l.begin('[')
}

// object opens the object that what should be.
func (l *lexer) object(what string) bool {
	if l.peek() != '{' {
		l.mistyped(what, "an object")
		return false
	}
	return l.begin('{')
}
