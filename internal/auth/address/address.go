// Package address finds people's addresses in texts such as ids, headers and the responses of mail servers. It protects
// addresses from callers who may not read them, so it finds too many rather than too few: anything that could be an
// address counts as one.
//
// The same rule decides what is masked in answers and what may be searched for: a text in which [In] or [InEmailID]
// finds an address is never shown, and never compared with a caller's guess.
//
// Start reading at [In]. decode.go undoes encodings of addresses, and mask_text.go removes addresses from texts.
package address

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"iter"
	"mime"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	// domainName matches a name of at least two labels, the last of which consists of letters, as top-level domains do.
	// If more labels follow, it must not look like a hexadecimal number.
	domainName = regexp.MustCompile(`[\p{L}\p{N}]\.(?:` +
		`(?:\p{L}[\p{L}\p{M}]+|xn--[a-z0-9-]+)(?:[^\p{L}\p{N}.]|\.?$|\.[^\p{L}\p{N}])` +
		`|(?:[a-f]+[^\P{L}a-f]|[^\P{L}a-f]\p{L})\p{L}*\.)`)
	// ipDomain matches an IP address in place of a domain, as in "user=192.0.2.1" and "user=[192.0.2.1]".
	ipDomain = regexp.MustCompile(`(?:=|\[(?:ipv6:)?)[0-9a-f]*[.:][0-9a-f]*[.:][0-9a-f.:]+`)
	// embedded matches what separates the two halves of an address in a return path (VERP).
	embedded = regexp.MustCompile(`=[^=\s]*[^=\s.]\.[^=\s.]`)
	// encodedWord matches an encoded word (RFC 2047).
	encodedWord = regexp.MustCompile(`=\?[^?\s]+\?[BbQq]\?[^?\s]*\?=`)
)

// In reports whether a text may contain an address in any form: with an @ or another separator, as in return paths
// ("user=example.com"), or in one of the usual encodings. A domain name alone counts too: the local part may be
// anywhere beside it.
func In(text string) bool { return within(text, mostLayers) }

// mostLayers is how many encodings around each other are undone. What is encoded once more counts as an address: each
// layer is read in several ways, so the time would double with each.
const mostLayers = 3

// within is In with a number of layers that may still be undone.
func within(text string, layers int) bool {
	return found(text, layers, func(plain string) bool {
		return strings.Contains(plain, "@") || domainName.MatchString(plain) || ipDomain.MatchString(plain)
	})
}

// found looks for an address in a text, in the readings of it that the function checks, and in its encoded parts.
func found(text string, layers int, in func(plain string) bool) bool {
	if special.in(text) && slices.ContainsFunc(readings(text), in) {
		return true
	}
	return hidden(text, layers)
}

// InCode is like In for a text that is a code, such as a category, where a dot has no meaning: only both halves of an
// address count.
func InCode(text string) bool {
	return found(text, mostLayers, func(plain string) bool {
		return strings.Contains(plain, "@") || embedded.MatchString(plain)
	})
}

// InSender is like In for a sender's address, which is not secret itself but may be a return path that contains a
// recipient's.
func InSender(sender string) bool {
	if at := strings.LastIndexByte(sender, '@'); at >= 0 {
		sender = sender[:at]
	}
	return InCode(sender)
}

// InEmailID is like In for an email id, given the local part of its recipient's address if that is known. Most ids look
// like an address themselves: a time, a number, an @ and a host. An id is harmless if the part before the @ is a
// number, or a long hexadecimal number with a host without dots, unless the local part occurs in it.
func InEmailID(id, local string) bool {
	id = id[len(TimeOf(id)):]
	head, host := id, ""
	if at := strings.LastIndexByte(id, '@'); at >= 0 {
		head, host = id[:at], id[at+1:]
	}
	const digits, hexDigits, between = "0123456789", "abcdefABCDEF", "._-"
	switch {
	case !IsDomain(host):
		return true
	case strings.Trim(head, digits+between) == "":
		return len(local) >= shortestNumber && strings.Contains(head, local)
	case len(head) < shortestHex, strings.Trim(head, digits+hexDigits+between) != "",
		!strings.ContainsAny(head, digits):
		return true
	}
	own := local != "" && strings.Contains(strings.ToLower(head), strings.ToLower(local))
	return own || strings.Contains(host, ".") || hidden(head, mostLayers)
}

const (
	// shortestNumber is the minimum number of digits of a local part that is searched for in numbers, such as a
	// telephone number: shorter ones occur in many numbers.
	shortestNumber = 6
	// shortestHex is the minimum length of what counts as a hexadecimal number.
	shortestHex = 8
)

// TimeOf returns the beginning of an email id that reveals only when the email was processed, YYYYMMDDhhmmss and a dot,
// or "".
func TimeOf(id string) string {
	const digits = len("20060102150405")
	if len(id) <= digits || id[digits] != '.' || strings.Trim(id[:digits], "0123456789") != "" {
		return ""
	}
	return id[:digits+1]
}

// Of reports whether a text contains both halves of an address, wherever they are.
func Of(text, local, domain string) bool {
	if local == "" || len(text) < len(local)+len(domain) {
		return false
	}
	local, domain = strings.ToLower(local), strings.ToLower(domain)
	both := func(plain string) bool {
		if domain == "" {
			return plain == local
		}
		return strings.Contains(plain, domain) && strings.Contains(plain, local)
	}
	return both(strings.ToLower(text)) || encoded.in(text) && slices.ContainsFunc(readings(text), both)
}

// IsDomain reports whether a text can be shown as a domain: it consists of letters, digits and the other characters of
// domains and their literals.
func IsDomain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		usual := unicode.In(r, unicode.Letter, unicode.Mark, unicode.Digit) || strings.ContainsRune(".-_[]:", r)
		return r == utf8.RuneError || !usual
	})
}

// special has the characters of which every address contains one, apart from encodings of whole addresses.
var special = setOf(`@.%&=+\([{`)

// set is a set of ASCII characters.
type set [utf8.RuneSelf]bool

func setOf(characters string) (s set) {
	for i := range len(characters) {
		s[characters[i]] = true
	}
	return s
}

// in reports whether a text has a character of the set, or one that is not ASCII.
func (s *set) in(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= utf8.RuneSelf || s[c] {
			return true
		}
	}
	return false
}

// hidden reports whether a part of the text is an encoding of a text that contains an address.
func hidden(text string, layers int) bool {
	if strings.Contains(text, "=?") && slices.ContainsFunc(encodedWord.FindAllString(text, -1), func(word string) bool {
		return wordHides(word, layers)
	}) {
		return true
	}
	if len(text) < shortest || !strings.ContainsFunc(text, unicode.IsLetter) { // every code of a dot has a letter
		return false
	}
	for s := range opaque(text) {
		if decodesToAddress(text[s.from:s.to], layers) {
			return true
		}
	}
	return false
}

// wordHides reports whether an encoded word may contain an address.
func wordHides(word string, layers int) bool {
	plain, err := new(mime.WordDecoder).Decode(word)
	return err != nil || layers == 0 || within(plain, layers-1)
}

// opaque yields the parts of a text that may be an encoding of another text.
func opaque(text string) iter.Seq[span] {
	return func(yield func(span) bool) {
		from := 0
		for i := range len(text) + 1 {
			if i < len(text) && text[i] < utf8.RuneSelf && code[text[i]] {
				continue
			}
			if i-from >= shortest && !yield(span{from, i}) {
				return
			}
			from = i + 1
		}
	}
}

// shortest is the minimum length of a code that is checked, in characters.
const shortest = 12

// code has the characters of codes: those of base64, also in the form for URLs.
var code = setOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/_-")

// decodesToAddress reports whether a text is the base64 or hexadecimal form of a text that contains an address, or a
// path that contains such a form.
func decodesToAddress(text string, layers int) bool {
	in := func(b []byte, err error) bool {
		return err == nil && isText(b) && (layers == 0 || within(string(b), layers-1))
	}
	if in(hex.DecodeString(text)) {
		return true
	}
	for _, form := range append(strings.Split(text, "/"), text) {
		if len(form) < shortest {
			continue
		}
		if len(form)%4 == 1 { // the last character belongs to something else
			form = form[:len(form)-1]
		}
		if in(base64.RawStdEncoding.DecodeString(urlSafe.Replace(form))) {
			return true
		}
	}
	return false
}

var urlSafe = strings.NewReplacer("-", "+", "_", "/")

func isText(b []byte) bool { return utf8.Valid(b) && !bytes.ContainsFunc(b, unicode.IsControl) }
