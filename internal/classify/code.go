package classify

import (
	"strconv"
	"strings"
)

// code is an enhanced status code (RFC 3463), such as 5.1.1, or an SMTP reply code, such
// as 552, which is stored as {5, isReply, 552}.
type code struct{ class, subject, detail int }

const (
	isReply = -1 // the subject of a reply code
	anyPart = -2 // of a pattern
)

// parseCode parses the code at the beginning of s and returns its length, or 0 if there
// is no code.
func parseCode(s string) (c code, n int) {
	if s == "" || s[0] != '2' && s[0] != '4' && s[0] != '5' {
		return code{}, 0
	}
	digits := func(from int) (value, end int) {
		for end = from; end < len(s) && end < from+3 && s[end] >= '0' && s[end] <= '9'; end++ {
			value = value*10 + int(s[end]-'0')
		}
		return value, end
	}
	c.class = int(s[0] - '0')
	if reply, end := digits(0); end == 3 {
		if c.class == 2 || partOfNumber(s, end) {
			return code{}, 0
		}
		return code{c.class, isReply, reply}, end
	}
	if len(s) < 5 || s[1] != '.' {
		return code{}, 0
	}
	subject, end := digits(2)
	if end == 2 || end >= len(s) || s[end] != '.' {
		return code{}, 0
	}
	detail, last := digits(end + 1)
	if last == end+1 || partOfNumber(s, last) {
		return code{}, 0
	}
	c.subject, c.detail = subject, detail
	return c, last
}

// partOfNumber reports whether the code that ends at i is only the beginning of a longer
// number, word or IP address.
func partOfNumber(s string, i int) bool {
	return i < len(s) && (alphanumeric(s[i]) || s[i] == '.' && i+1 < len(s) && alphanumeric(s[i+1]))
}

func alphanumeric(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// codePattern matches codes. Its parts may be anyPart.
type codePattern code

// parseCodePattern parses a code pattern, such as 5.1.1, *.2.2, 5.7.* or 552.
func parseCodePattern(s string) (codePattern, bool) {
	if c, n := parseCode(s); n > 0 && n == len(s) {
		return codePattern(c), true
	}
	parts := strings.Split(s, ".")
	if len(parts) != 3 {
		return codePattern{}, false
	}
	var numbers [3]int
	for i, part := range parts {
		if part == "*" {
			numbers[i] = anyPart
			continue
		}
		n, err := strconv.ParseUint(part, 10, 9)
		if err != nil {
			return codePattern{}, false
		}
		numbers[i] = int(n)
	}
	class := numbers[0]
	return codePattern{class, numbers[1], numbers[2]}, class == anyPart || class == 4 || class == 5
}

func (p codePattern) matches(c code) bool {
	if p.subject == isReply || c.subject == isReply {
		return codePattern(c) == p
	}
	return (p.class == anyPart || p.class == c.class) && (p.subject == anyPart || p.subject == c.subject) &&
		(p.detail == anyPart || p.detail == c.detail)
}

// String returns the code in its usual form.
func (c code) String() string {
	if c.subject == isReply {
		return strconv.Itoa(c.detail)
	}
	return strconv.Itoa(c.class) + "." + strconv.Itoa(c.subject) + "." + strconv.Itoa(c.detail)
}
