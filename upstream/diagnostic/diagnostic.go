// Package diagnostic finds what the responses of mail servers have in common. Servers put addresses, host names, ids and
// numbers into them, so that hardly any two are equal.
package diagnostic

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Gap replaces what varies.
const Gap = "…"

// maxPattern is the maximum length of a pattern in bytes.
const maxPattern = 240

// Pattern returns a response without what varies: addresses, host names, numbers, ids and links are replaced by [Gap],
// and so is the local part of the recipient. Reply codes, enhanced status codes and short codes such as S3140 stay. For
// example,
//
//	smtp;550 5.1.1 <jane@example.com>: user 4711 unknown (mx1.example.com)
//
// becomes "550 5.1.1 <…>: user … unknown (…)".
func Pattern(response, local string) string {
	_, text, found := strings.Cut(response, ";")
	if kind := response[:len(response)-len(text)]; !found || strings.ContainsAny(kind, " \t") || len(kind) > 16 {
		text = response
	}
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
		if word != "" && varies(word, local, first) {
			word = Gap
			if space && strings.HasSuffix(string(b), Gap) {
				word, space = "", false
			}
		}
		b = appendSpace(b, space && word+tail != "")
		b = append(append(b, word...), tail...)
		space, first = false, first && word == ""
	}
	if len(b) > maxPattern {
		b = []byte(strings.ToValidUTF8(string(b[:maxPattern]), "") + Gap)
	}
	return string(b)
}

func appendSpace(b []byte, space bool) []byte {
	if space && len(b) > 0 {
		b = append(b, ' ')
	}
	return b
}

// wordLen returns the length of the word that text begins with. Words end at spaces and punctuation, but addresses and
// links are words.
func wordLen(text string) int {
	if whole := nextWord(text); strings.Contains(whole, "@") || strings.Contains(whole, "://") || isIPv6(whole) {
		return len(whole)
	}
	for i, r := range text {
		switch r {
		case '<', '>', '(', ')', '[', ']', '{', '}', '"', '\'', ',', ';', ':', '=', '|', '`', utf8.RuneError:
			return i
		}
		if unicode.IsSpace(r) || unicode.IsControl(r) {
			return i
		}
	}
	return len(text)
}

// nextWord returns what text begins with, up to a space or bracket.
func nextWord(text string) string {
	if i := strings.IndexAny(text, " \t\r\n<>()[]{}\"',;"); i >= 0 {
		return text[:i]
	}
	return text
}

func isIPv6(word string) bool {
	return strings.Count(word, ":") > 1 && (word[0] != ':' || word[1] == ':') && strings.Trim(word, "0123456789abcdefABCDEF:.") == ""
}

// varies reports whether a word is not part of the pattern. First is for the first word, which may be a reply code.
func varies(word, local string, first bool) bool {
	if strings.Contains(word, "@") || strings.Contains(word, "://") || strings.HasPrefix(word, "www.") ||
		local != "" && strings.EqualFold(word, local) {
		return true
	}
	if isReplyCode(word) && (first || len(word) > 3) {
		return false
	}
	digits, letters, upper, others, dots := 0, 0, 0, 0, 0
	for _, r := range word {
		switch {
		case '0' <= r && r <= '9':
			digits++
		case 'A' <= r && r <= 'Z':
			upper++
			letters++
		case unicode.IsLetter(r):
			letters++
		case r == '.':
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

// isReplyCode reports whether a word is a reply code, such as 550, an enhanced status code, such as 5.1.1, or both, such
// as 550-5.1.1.
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
