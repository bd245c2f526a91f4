package upstream

import "strconv"

// AppendError writes the body of an answer with an error status. The document
// gives none, so the form is ours:
//
//	{"error":{"code":452,"message":"…","parameter":"…"}}
//
// code is the HTTP status, and parameter is left out where none is at fault. The
// error's cause is not written: it is for logs.
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

// DecodeError reads what [AppendError] wrote: Status and its Code, Message and
// Parameter. Any other body gives a zero Error, since nothing is known of what a
// foreign server puts there.
func DecodeError(body []byte) *Error {
	e := &Error{}
	l := newLexer(body)
	for more := l.object(); more; more = l.next('}') {
		if l.key() != "error" {
			l.skip()
			continue
		}
		for more := l.object(); more; more = l.next('}') {
			switch key := l.key(); key {
			case "code":
				n, _ := l.count(key)
				e.Status = int(n)
			case "message":
				e.Message = l.str(key)
			case "parameter":
				e.Parameter = l.str(key)
			default:
				l.skip()
			}
		}
	}
	if l.end() != nil || e.Status < 100 || e.Status > 599 || e.Message == "" {
		return &Error{}
	}
	e.Code = CodeOfStatus(e.Status)
	return e
}
