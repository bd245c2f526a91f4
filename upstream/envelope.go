package upstream

import (
	"math"
	"strconv"
)

// Envelope is what the API puts around the detail of a bounce, beside its data.
type Envelope struct {
	ProcessingTime float64 // seconds that the answer took
	RecvTime       float64 // when the request came, Unix seconds
	RespTime       float64 // when the answer was ready, Unix seconds
	APIHost        string  // who answered
}

// payload calls decode at the array that an answer is about: the answer itself,
// or the "data" of its envelope. Where null is given for it there is nothing to
// decode, as a server that knows no empty array says it.
func (l *lexer) payload(decode func()) {
	switch l.peek() {
	case '[':
		decode()
	case '{':
		found := false
		for more := l.begin('{'); more; more = l.next('}') {
			switch l.key() {
			case "data":
				found = true
				if !l.null() {
					decode()
				}
			case "error":
				if !l.null() {
					l.fail("", "an error in place of data")
				}
			default:
				l.skip()
			}
		}
		if !found {
			l.fail("", "no data in it")
		}
	default:
		l.mistyped("it", "an array or an object")
	}
}

// objectPayload is payload for answers that are themselves objects. It looks
// ahead for "data", which none of them has among its keys.
func (l *lexer) objectPayload(decode func()) {
	if l.peek() != '{' {
		l.mistyped("it", "an object")
		return
	}
	at := *l
	for more := l.begin('{'); more; more = l.next('}') {
		if k := l.key(); k == "data" && l.err == nil {
			*l = at
			l.payload(decode)
			return
		}
		l.skip()
	}
	if l.err == nil {
		*l = at
		decode()
	}
}

// appendString writes s as a JSON string; invalid UTF-8 becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	from := 0
	for i, r := range s {
		var escaped string
		switch {
		case r >= ' ' && r != '"' && r != '\\' && r != '\uFFFD':
			continue
		case r == '"':
			escaped = `\"`
		case r == '\\':
			escaped = `\\`
		case r == '\n':
			escaped = `\n`
		case r == '\r':
			escaped = `\r`
		case r == '\t':
			escaped = `\t`
		case r == '\uFFFD':
			if s[i] == 0xEF { // it is in s itself
				continue
			}
			escaped = "\uFFFD"
		default:
			escaped = string([]byte{'\\', 'u', '0', '0', hex[r>>4], hex[r&15]})
		}
		dst = append(append(dst, s[from:i]...), escaped...)
		from = i + 1
	}
	return append(append(dst, s[from:]...), '"')
}

func appendInt[T ~int64](dst []byte, key string, v T) []byte {
	return strconv.AppendInt(append(dst, key...), int64(v), 10)
}

func appendText[T ~string](dst []byte, key string, v T) []byte {
	return appendString(append(dst, key...), string(v))
}

// appendSeconds writes seconds to four places, as the document's examples have.
func appendSeconds(dst []byte, key string, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		v = 0
	}
	return strconv.AppendFloat(append(dst, key...), math.Round(v*1e4)/1e4, 'f', -1, 64)
}
