package address

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// decoded is a text in which addresses are written plainly, and where each of its bytes stands in the original.
type decoded struct {
	text string
	at   []int // of each byte, and of the end
}

// readings returns the decoded forms of a text in lower case: one in which a folded line continues a word and, if that
// is different, one in which it begins another.
func readings(text string) []string {
	if !encoded.in(text) {
		return []string{strings.ToLower(text)}
	}
	joined, apart := decode(text, ""), decode(text, " ")
	if joined.text == apart.text {
		return []string{joined.text}
	}
	return []string{joined.text, apart.text}
}

// encoded has the ASCII characters with which encodings begin.
var encoded = setOf("%+\\=&\r\n([{<")

// decode decodes the encodings in which parts of addresses are written, even several on top of each other. A line end
// and the spaces after it become fold.
func decode(text, fold string) decoded {
	d := decoded{text: text, at: make([]int, len(text)+1)}
	for i := range d.at {
		d.at[i] = i
	}
	for range 3 { // as in "%2540" and "&amp;#64;"
		next := d.once(fold)
		if next.text == d.text {
			break
		}
		d = next
	}
	return d
}

func (d decoded) once(fold string) decoded {
	b := make([]byte, 0, len(d.text))
	out := decoded{at: make([]int, 0, len(d.at))}
	for i := 0; i < len(d.text); {
		plain, n := unit(d.text[i:], fold)
		if n > 1 && strings.IndexByte("([{<", d.text[i]) >= 0 { // "(at)", which replaces the spaces before it, too
			b = bytes.TrimRight(b, " \t\r\n\f")
			out.at = out.at[:len(b)]
		}
		for range len(plain) {
			out.at = append(out.at, d.at[i])
		}
		b = append(b, plain...)
		i += n
	}
	out.text, out.at = string(b), append(out.at, d.at[len(d.text)])
	return out
}

// escape matches a character that is written as a number.
var escape = regexp.MustCompile(`(?i)^(?:%([0-9a-f]{2})|=(40|2e|3d|2b|25)|\+(40|2b|3d)|` +
	`&#0*([0-9]{1,7});?|&#x0*([0-9a-f]{1,6});?|` +
	`\\u\{?0*([0-9a-f]{2,4})\}?|\\x\{?0*([0-9a-f]{2})\}?)`)

// word matches a character that is written as a word.
var word = regexp.MustCompile(`(?i)^(?:[(\[{<]\s*(at|dot)\s*[)\]}>]\s*|` +
	`&(commat|period|equals|amp|lt|gt|quot|num);?)`)

var named = map[string]string{
	"at": "@", "dot": ".", "commat": "@", "period": ".", "equals": "=", "amp": "&", "lt": "<", "gt": ">", "quot": `"`,
	"num": "#",
}

var softBreak = regexp.MustCompile(`^=?\r?\n[ \t]*`)

// unit decodes the first character of a text, and returns how many bytes it takes.
func unit(text, fold string) (plain string, n int) {
	switch text[0] {
	case '%', '+', '\\', '=', '&', '\r', '\n':
		if s := softBreak.FindString(text); s != "" {
			return fold, len(s)
		}
		if m := escape.FindStringSubmatch(text); m != nil {
			base := 16
			if m[4] != "" {
				base = 10
			}
			code := strings.Join(m[1:], "")
			if r, err := strconv.ParseUint(code, base, 21); err == nil && r >= ' ' {
				return strings.ToLower(string(rune(r))), len(m[0])
			}
		}
		fallthrough
	case '(', '[', '{', '<':
		if m := word.FindStringSubmatch(text); m != nil {
			return named[strings.ToLower(m[1]+m[2])], len(m[0])
		}
	}
	r, n := utf8.DecodeRuneInString(text)
	switch {
	case n == 1:
		return strings.ToLower(text[:1]), 1
	case slices.Contains([]rune("＠﹫"), r):
		return "@", n
	case slices.Contains([]rune("．。｡․"), r):
		return ".", n
	case slices.Contains([]rune("＝﹦"), r):
		return "=", n
	case unicode.IsSpace(r):
		return " ", n
	case unicode.Is(unicode.Cf, r): // invisible
		return "", n
	}
	return strings.ToLower(text[:n]), n
}
