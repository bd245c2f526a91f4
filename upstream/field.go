package upstream

import (
	"math"
	"strconv"
)

// mistyped fails because a field's value has another type than wanted, or is not JSON.
func (l *lexer) mistyped(field, wanted string) {
	if l.err == nil {
		l.skip()
	}
	l.fail(field, "is not "+wanted)
}

// str reads a string field; null is empty.
func (l *lexer) str(field string) string {
	if l.peek() == '"' {
		return l.value()
	}
	if !l.null() {
		l.mistyped(field, "a string")
	}
	return ""
}

// flag reads a boolean field; null is not given.
func (l *lexer) flag(field string) (value, given bool) {
	switch l.peek() {
	case 't':
		if l.literal("true") {
			return true, true
		}
	case 'f':
		if l.literal("false") {
			return false, true
		}
	}
	if !l.null() {
		l.mistyped(field, "true or false")
	}
	return false, false
}

// digits reads a number, or a string that contains one, as text; null is empty.
func (l *lexer) digits(field, wanted string) string {
	switch c := l.peek(); {
	case c == '-' || isDigit(c):
		return l.number()
	case c == '"':
		if s := l.text(); s != "" && numberLen(s) == len(s) {
			return s
		}
		l.fail(field, "is a string, not "+wanted)
	case !l.null():
		l.mistyped(field, wanted)
	}
	return ""
}

// short reads a whole number of at most 18 digits, which nearly every number is. Otherwise it reads nothing.
func (l *lexer) short() (n int64, ok bool) {
	l.peek()
	s, i := l.s, l.i
	for ; i < len(s) && isDigit(s[i]); i++ {
		n = n*10 + int64(s[i]-'0')
	}
	if size := i - l.i; size == 0 || size > 18 || i == len(s) || size > 1 && s[l.i] == '0' {
		return 0, false
	}
	switch s[i] {
	case '.', 'e', 'E':
		return 0, false
	}
	l.i = i
	return n, true
}

// integer reads a whole number; any other number is -1. Null is not given.
func (l *lexer) integer(field, wanted string) (n int64, given bool) {
	if n, ok := l.short(); ok {
		return n, true
	}
	s := l.digits(field, wanted)
	if s == "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		n = -1
	}
	return n, true
}

// id reads an id, which is positive; null is 0.
func (l *lexer) id(field string) ID {
	n, given := l.integer(field, "an id")
	if given && n <= 0 {
		l.fail(field, "is not a positive whole number")
	}
	return ID(n)
}

// quantity reads a number of events; null is not given.
func (l *lexer) quantity(field string) quantity {
	n, given := l.integer(field, "a number of events")
	if n < 0 {
		l.fail(field, "is not a whole number, 0 or more")
	}
	return quantity{n, given}
}

// time reads Unix seconds. A fraction is cut off, which leaves the second in which the event happened; null is 0.
func (l *lexer) time(field string) Time {
	n, ok := l.short()
	t := Time(n)
	if !ok {
		s := l.digits(field, "a time in Unix seconds")
		if s == "" {
			return 0
		}
		t = floorTime(s)
	}
	if t < minTime || t > maxTime {
		l.fail(field, "is not a time in Unix seconds")
	}
	return t
}

// floorTime rounds the JSON number s down to a whole second. Numbers that are too large for a time stay too large.
func floorTime(s string) Time {
	f, _ := strconv.ParseFloat(s, 64) // infinite if too large
	return Time(max(math.MinInt64/2, min(math.MaxInt64/2, math.Floor(f))))
}
