package grouped

import (
	"bytes"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Gap replaces what varies.
const Gap = "…"

var gap = []byte(Gap)

// maxPattern is the maximum length of a pattern in bytes.
const maxPattern = 240

// Pattern returns a response without what varies: addresses, host names, numbers, ids and links are replaced by [Gap],
// and so is the local part of the recipient. Reply codes, enhanced status codes and short codes such as S3140 stay. For
// example,
//
//	smtp;550 5.1.1 <jane@example.com>: user 4711 unknown (mx1.example.com)
//
// becomes "550 5.1.1 <…>: user … unknown (…)". Stores keep patterns, so a change of the result needs a migration: see
// sqlite/schema/002_pattern.sql.
func Pattern(response, local string) string {
	_, text, found := strings.Cut(response, ";")
	if kind := response[:len(response)-len(text)]; !found || strings.ContainsAny(kind, " \t") || len(kind) > 16 {
		text = response
	}
	text = without(text, local)
	b := make([]byte, 0, min(len(text), maxPattern)+len(Gap))
	space, first := false, true
	for len(text) > 0 && len(b) < maxPattern {
		n := wordLen(text)
		if n == 0 {
			r, size := utf8.DecodeRuneInString(text)
			switch {
			case unicode.IsSpace(r) || unicode.IsControl(r) || r == utf8.RuneError:
				space = len(b) > 0
			default:
				b = appendSpace(b, space)
				b, space = append(b, text[:size]...), false
				first = first || r == ':' // another server's response may follow
			}
			text = text[size:]
			continue
		}
		word := text[:n]
		text = text[n:]
		tail := word[len(strings.TrimRight(word, ".-/")):] // punctuation
		word = word[:len(word)-len(tail)]
		if strings.HasPrefix(word, "@") { // an address with spaces, quotes or a comment before the @
			b, space = cutWord(b), false
		}
		if word != "" && (varies(word, first) || isLocal(word, text)) {
			word = Gap
			if space && bytes.HasSuffix(b, gap) {
				word, space = "", false
			}
		}
		b = appendSpace(b, space && word+tail != "")
		b = append(append(b, word...), tail...)
		space, first = false, first && word == ""
	}
	if !utf8.Valid(b) {
		b = bytes.ToValidUTF8(b, nil)
	}
	if len(b) > maxPattern {
		b = []byte(strings.ToValidUTF8(string(b[:maxPattern]), "") + Gap)
	}
	return string(b)
}

// cutWord removes the last word, quoted text or word with a comment.
func cutWord(b []byte) []byte {
	b = bytes.TrimRight(b, " ")
	if before, found := bytes.CutSuffix(b, []byte(`"`)); found {
		return before[:max(0, bytes.LastIndexByte(before, '"'))]
	}
	if bytes.HasSuffix(b, []byte(")")) {
		b = bytes.TrimRight(b[:max(0, bytes.LastIndexByte(b, '('))], " ")
	}
	return b[:bytes.LastIndexAny(b, " <>()[]{}\"',;|`")+1]
}

// keys are words that precede a = and a host name without forming an address, as in name=example.com.
var keys = []string{"name", "host", "domain", "mx", "client", "relay", "server", "helo"}

// isLocal reports whether a word is the local part of an address in a return path, such as jane=example.com. Rest is
// what follows the word.
func isLocal(word, rest string) bool {
	domain, found := strings.CutPrefix(rest, "=")
	if !found || slices.Contains(keys, word) {
		return false
	}
	domain = domain[:wordLen(domain)]
	return strings.Contains(domain, ".") && varies(domain, false)
}

// without replaces a local part wherever it is a word, in any case of its letters.
func without(text, local string) string {
	if local == "" {
		return text
	}
	var b strings.Builder
	for from := 0; ; {
		i := indexFold(text[from:], local)
		if i < 0 {
			if from == 0 {
				return text
			}
			b.WriteString(text[from:])
			return b.String()
		}
		start, end := from+i, from+i+len(local)
		b.WriteString(text[from:start])
		if start > 0 && isAlphanumeric(text[start-1]) || end < len(text) && isAlphanumeric(text[end]) {
			b.WriteString(text[start:end])
		} else {
			b.WriteString(Gap)
		}
		from = end
	}
}

// indexFold is like [strings.Index], in any case of letters.
func indexFold(text, word string) int {
	for i := 0; i+len(word) <= len(text); i++ {
		if text[i]|0x20 == word[0]|0x20 && strings.EqualFold(text[i:i+len(word)], word) {
			return i
		}
	}
	return -1
}

func isAlphanumeric(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c >= utf8.RuneSelf
}

func appendSpace(b []byte, space bool) []byte {
	if space && len(b) > 0 {
		b = append(b, ' ')
	}
	return b
}

// Classes of bytes.
const (
	breaks  = 1 << iota // ends a word, and an address or link too
	parts               // ends a word, but may be in an address or link
	special             // marks an address or link
)

var classes = func() (of [256]uint8) {
	for c := range 0x21 {
		of[c] = breaks
	}
	of[0x7f] = breaks
	for _, c := range `<>()[]{}"',;|` + "`" {
		of[c] = breaks
	}
	of['='], of[':'], of['@'] = parts, parts|special, special
	return of
}()

// wordLen returns the length of the word that text begins with. Words end at spaces and punctuation, but addresses and
// links are words.
func wordLen(text string) int {
	word, whole, marked := -1, len(text), false
	for i := range len(text) {
		class := classes[text[i]]
		if class == 0 {
			continue
		}
		if class&breaks != 0 {
			whole = i
			break
		}
		if class&parts != 0 && word < 0 {
			word = i
		}
		marked = marked || class&special != 0
	}
	if word < 0 {
		return whole
	}
	if w := text[:whole]; marked && (strings.Contains(w, "@") || strings.Contains(w, "://") || isIPv6(w)) {
		return whole
	}
	return word
}

func isIPv6(word string) bool {
	return strings.Count(word, ":") > 1 && (word[0] != ':' || word[1] == ':') &&
		strings.Trim(word, "0123456789abcdefABCDEF:.") == ""
}

// varies reports whether a word is not part of the pattern. First is for the first word, which may be a reply code.
func varies(word string, first bool) bool {
	if strings.ContainsAny(word, `@:\`) || strings.HasPrefix(word, "www.") {
		return true
	}
	if isReplyCode(word) && (first || len(word) > 3) {
		return false
	}
	digits, letters, upper, others, dots := 0, 0, 0, 0, 0
	for i := range len(word) {
		switch c := word[i]; {
		case '0' <= c && c <= '9':
			digits++
		case 'A' <= c && c <= 'Z':
			upper++
			letters++
		case 'a' <= c && c <= 'z', c >= utf8.RuneSelf:
			letters++
		case c == '.':
			dots++
		default:
			others++
		}
	}
	switch {
	case dots > 0 && letters > 0: // a host name or a local part; abbreviations such as e.g. have single letters
		return letters > dots+1
	case digits > 0:
		return letters == 0 || upper != letters || digits > 5 || letters > 6 || others > 2
	}
	return letters > 30
}

// isReplyCode reports whether a word is a reply code, such as 550, an enhanced status code, such as 5.1.1, or both,
// such as 550-5.1.1.
func isReplyCode(word string) bool {
	if len(word) >= 3 && strings.IndexByte("245", word[0]) >= 0 && isDigits(word[:3]) {
		if len(word) == 3 {
			return true
		}
		if word[3] != '-' && word[3] != '#' {
			return false
		}
		word = strings.TrimLeft(word[4:], "#-")
		return word == "" || isReplyCode(word) || isPlainWord(word)
	}
	class, rest, _ := strings.Cut(word, ".")
	subject, detail, two := strings.Cut(rest, ".")
	return len(class) == 1 && strings.Contains("245", class) && two && isDigits(subject) && isDigits(detail) &&
		len(subject) <= 3 && len(detail) <= 3
}

func isDigits(s string) bool { return s != "" && strings.Trim(s, "0123456789") == "" }

func isPlainWord(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) }) < 0
}
