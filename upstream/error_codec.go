package upstream

import "strconv"

// AppendError appends the body of an error response to dst. The document does not define one, so the form is ours:
//
//	{"error":{"code":452,"message":"…","parameter":"…"}}
//
// code is the HTTP status; parameter is omitted if empty. The error's cause is not written, because it is for logs
// only.
func AppendError(dst []byte, status int, e *Error) []byte {
	dst = strconv.AppendInt(append(dst, `{"error":{"code":`...), int64(status), 10)
	message := e.Message
	if message == "" {
		message = string(e.Code)
	}
	dst = appendText(dst, `,"message":`, message)
	if e.Parameter != "" {
		dst = appendText(dst, `,"parameter":`, e.Parameter)
	}
	return append(dst, "}}"...)
}

// DecodeError decodes a body written by [AppendError] into Status, Code, Message and Parameter. For any other body it
// returns a zero Error, never nil: error bodies of foreign servers are not interpreted.
func DecodeError(body string) *Error {
	e := &Error{}
	l := newLexer(body)
	for more := l.object("the answer"); more; more = l.next('}') {
		if l.key() == "error" {
			l.errorFields(e)
		} else {
			l.skip()
		}
	}
	if l.end() != nil || e.Status < 300 || e.Status > 599 || e.Message == "" {
		return &Error{}
	}
	e.Code = CodeOfStatus(e.Status)
	return e
}

func (l *lexer) errorFields(e *Error) {
	for more := l.object("error"); more; more = l.next('}') {
		switch key := l.key(); key {
		case "code":
			e.Status = int(l.quantity(key).n)
		case "message":
			e.Message = l.str(key)
		case "parameter":
			e.Parameter = l.str(key)
		default:
			l.skip()
		}
	}
}
