package classify

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxText is the number of bytes of a text that are read: many times what a server says.
// The limit keeps hostile input cheap.
const maxText = 16 << 10

// word is a word of a text.
type word struct {
	start, end int    // its place in the text
	folded     []byte // see appendFolded
	begins     bool   // it begins a sentence or a reply, which no phrase crosses
}

// text is a text split into words. Numbers, codes and addresses are left out, so that they
// do not keep a phrase from matching.
type text struct {
	words []word
	codes []code
	fold  []byte // the folded words
	reply bool   // the next word begins a reply
}

// scan splits s into words.
func (t *text) scan(s string) {
	t.words, t.codes, t.fold, t.reply = t.words[:0], t.codes[:0], t.fold[:0], false
	if len(s) > maxText {
		s = s[:maxText]
	}
	begins := false
	for i := 0; i < len(s); {
		if !startsChunk(s, i) {
			i++
			continue
		}
		end := chunkEnd(s, i)
		if i > 0 && s[i-1] == '(' && strings.HasPrefix(s[i:], "in reply to ") { // Postfix adds this to a reply
			t.reply = true
		}
		at := strings.IndexByte(s[i:end], '@')
		host := at < 0 && (hostBefore(s, end) || hostName(s[i:end]) && hostBefore(s, end+1))
		if host {
			t.dropLabel(s, i)
		}
		if host || at > 0 && i+at+1 < end || hostBefore(s, end) || hostName(s[i:end]) || parameter(s[i:end]) {
			i = end
			continue
		}
		begins = t.chunk(s, i, end, begins)
		i = end
	}
}

// delimiters end a chunk, as do spaces and control characters.
const delimiters = `<>()[]{},;:"|`

func delimiter(b byte) bool { return b <= ' ' || strings.IndexByte(delimiters, b) >= 0 }

func startsChunk(s string, i int) bool { return !delimiter(s[i]) }

// chunkEnd returns the end of the chunk that begins at i.
func chunkEnd(s string, i int) int {
	for i < len(s) && !delimiter(s[i]) {
		i++
	}
	return i
}

// hostBefore reports whether an IP address in brackets follows at i, which makes the text
// before it the name of a host, as in "mail.example.com[192.0.2.1]".
func hostBefore(s string, i int) bool {
	return i+1 < len(s) && s[i] == '[' && (s[i+1] >= '0' && s[i+1] <= '9' || s[i+1] == ':' ||
		strings.HasPrefix(s[i+1:], "IPv6"))
}

// parameter reports whether s is a parameter of the MAIL command, such as "SIZE=1024".
func parameter(s string) bool { return strings.HasPrefix(s, "SIZE=") || strings.HasPrefix(s, "BODY=") }

// dropLabel removes the word "host" if it is the label of the host name at i, as in "host
// mail.example.com[192.0.2.1] said", so that no phrase about hosts begins there.
func (t *text) dropLabel(s string, i int) {
	if n := len(t.words) - 1; n >= 0 {
		w := t.words[n]
		if strings.EqualFold(s[w.start:w.end], "host") && strings.TrimSpace(s[w.end:i]) == "" {
			t.words = t.words[:n]
		}
	}
}

// hostName reports whether s looks like the name of a host, such as "mail.example.com".
func hostName(s string) bool {
	s = strings.TrimSuffix(s, ".")
	dot := strings.LastIndexByte(s, '.')
	if dot <= 0 || len(s)-dot < 3 {
		return false
	}
	for i := range len(s) {
		lower := s[i] >= 'a' && s[i] <= 'z'
		if !lower && (i > dot || s[i] != '.' && s[i] != '-' && s[i] != '_' && (s[i] < '0' || s[i] > '9')) {
			return false
		}
	}
	return true
}

// chunk appends the words of s[i:end], which has no spaces and is no address. begins says
// whether a sentence begins there; the result says whether one begins after it.
func (t *text) chunk(s string, i, end int, begins bool) bool {
	for i < end {
		b := s[i]
		if b >= '0' && b <= '9' {
			if n := t.number(s, i, end); n > 0 {
				i += n
				continue
			}
		}
		r, size := rune(b), 1
		if b >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(s[i:end])
		}
		if !wordRune(r) {
			if size == 3 && (r == '。' || r == '！') {
				begins = true
			}
			i += size
			continue
		}
		w := word{start: i, begins: t.reply || begins && !(b >= 'a' && b <= 'z')}
		t.reply = false
		if w.end = i + size; !ideograph(r) {
			w.end = wordEnd(s, i, end)
		}
		from := len(t.fold)
		t.fold = appendFolded(t.fold, s[w.start:w.end])
		w.folded = t.fold[from:]
		t.words = append(t.words, w)
		i = w.end
		// A full stop ends a sentence if a word precedes it and a space follows.
		begins = i < end && (s[i] == '.' || s[i] == '!' || s[i] == '?') && i+1 == end &&
			(end == len(s) || s[end] <= ' ')
	}
	return begins
}

// number returns the length of the number that s[i:end] begins with, or 0 if that is part
// of a word such as "7bit". If the number is a code, it is appended to t.codes.
func (t *text) number(s string, i, end int) int {
	if c, n := parseCode(s[i:end]); n > 0 {
		t.codes = append(t.codes, c)
		t.reply = t.reply || c.subject == isReply && replyBegins(s, i)
		return n
	}
	n := i
	for n < end && (s[n] >= '0' && s[n] <= '9' || s[n] == '.' && n+1 < end && s[n+1] >= '0' && s[n+1] <= '9') {
		n++
	}
	if n < end && alphanumeric(s[n]) {
		return 0
	}
	return n - i
}

// replyBegins reports whether the reply code at i begins a quoted reply, as in "after RCPT
// TO:<user@example.com>: 550 unknown". The code of a continuation line does not.
func replyBegins(s string, i int) bool {
	for i > 0 && s[i-1] <= ' ' {
		i--
	}
	return i > 0 && strings.IndexByte(`:;<>'"([-`, s[i-1]) >= 0
}

// wordEnd returns the end of the word that begins at i. An apostrophe between letters is
// part of the word.
func wordEnd(s string, i, end int) int {
	for i < end {
		r, size := utf8.DecodeRuneInString(s[i:end])
		if r == '\'' || r == '’' {
			next, _ := utf8.DecodeRuneInString(s[i+size : end])
			if !wordRune(next) || ideograph(next) {
				return i
			}
		} else if !wordRune(r) || ideograph(r) {
			return i
		}
		i += size
	}
	return i
}

// ideograph reports whether c belongs to a script without spaces between words. Each such
// character is a word of its own.
func ideograph(c rune) bool {
	return c >= 0x0e00 && unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul,
		unicode.Thai) || c == 'ー'
}

// appendFolded appends a word in the form in which words are compared: lower case, without
// apostrophes.
func appendFolded(dst []byte, w string) []byte {
	for _, r := range w {
		if r != '\'' && r != '’' {
			dst = utf8.AppendRune(dst, unicode.ToLower(r))
		}
	}
	return dst
}
