// Package address finds people's addresses in texts that were not meant to hold any:
// ids, headers, and what receiving servers say. It is for callers who may not read
// addresses, so it finds too much rather than too little: what could be an address
// counts as one.
//
// The same rule decides what is masked in answers and what may be asked for: a text that
// [In] or [InEmailID] finds an address in is never shown, and never compared with a
// guess.
//
// Start reading at [In]; decode.go undoes the ways of writing an address, mask.go takes
// addresses out of longer texts.
package address

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"mime"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

var (
	// domainName is a name of at least two labels, the last of which is of letters, as top-level
	// domains are. Where further labels follow it must not look like a hexadecimal number.
	domainName = regexp.MustCompile(`[\p{L}\p{N}]\.(?:` +
		`(?:\p{L}[\p{L}\p{M}]+|xn--[a-z0-9-]+)(?:[^\p{L}\p{N}.]|\.?$|\.[^\p{L}\p{N}])` +
		`|(?:[a-f]+[^\P{L}a-f]|[^\P{L}a-f]\p{L})\p{L}*\.)`)
	// ipDomain is an IP address in the place of a domain, as in "user=192.0.2.1" and "user=[192.0.2.1]".
	ipDomain = regexp.MustCompile(`(?:=|\[(?:ipv6:)?)[0-9a-f]*[.:][0-9a-f]*[.:][0-9a-f.:]+`)
	// embedded is what stands between the two halves of an address in a return path (VERP).
	embedded = regexp.MustCompile(`=[^=\s]*[^=\s.]\.[^=\s.]`)
	// opaque is text that may be an encoding of another one.
	opaque = regexp.MustCompile(`[A-Za-z0-9+/_-]{12,}`)
	// encodedWord is one of RFC 2047.
	encodedWord = regexp.MustCompile(`=\?[^?\s]+\?[BbQq]\?[^?\s]*\?=`)
)

// In says whether a text may hold an address, in whatever way it is written: with an @ or
// another sign in its place, as return paths have it ("user=example.com"), or in one of
// the usual encodings. A domain name alone counts too: the other half of the address may
// stand anywhere beside it.
func In(text string) bool {
	return found(text, func(plain string) bool {
		return strings.Contains(plain, "@") || domainName.MatchString(plain) || ipDomain.MatchString(plain)
	})
}

// found looks for an address in a text, in its readings by the function, and in parts that
// are encoded.
func found(text string, in func(plain string) bool) bool {
	if hasSpecial(text) && slices.ContainsFunc(readings(text), in) {
		return true
	}
	return hidden(text)
}

// InCode says likewise of a text that is a code of some kind, such as a category, where a
// dot means nothing: only both halves of an address count.
func InCode(text string) bool {
	return found(text, func(plain string) bool { return strings.Contains(plain, "@") || embedded.MatchString(plain) })
}

// InSender says likewise of a sender's address, which is no secret itself, but which may be a
// return path that holds a recipient's.
func InSender(sender string) bool {
	if at := strings.LastIndexByte(sender, '@'); at >= 0 {
		sender = sender[:at]
	}
	return InCode(sender)
}

// InEmailID says likewise of an email's id, by the local part of its recipient's address where
// that is known. Most ids look like an address themselves: a time, a number, an @ and a
// host. An id is harmless if what stands before the @ is a number, or a long hexadecimal one
// and the host has no dot, unless the local part is in it.
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
	return own || strings.Contains(host, ".") || hidden(head)
}

const (
	// shortestNumber is how many digits a local part has at least that is looked for in
	// numbers, such as that of a telephone: shorter ones are in many.
	shortestNumber = 6
	// shortestHex is the least length of a hexadecimal number that is taken for one.
	shortestHex = 8
)

// TimeOf is the beginning of an email's id that tells no more than when the email was
// processed: YYYYMMDDhhmmss and a dot, or nothing.
func TimeOf(id string) string {
	const digits = len("20060102150405")
	if len(id) <= digits || id[digits] != '.' || strings.Trim(id[:digits], "0123456789") != "" {
		return ""
	}
	return id[:digits+1]
}

// Of says whether a text holds both halves of one address, wherever they stand.
func Of(text, local, domain string) bool {
	if local == "" || len(text) < len(local)+len(domain) {
		return false
	}
	local, domain = strings.ToLower(local), strings.ToLower(domain)
	return slices.ContainsFunc(append(readings(text), strings.ToLower(text)), func(plain string) bool {
		if domain == "" {
			return plain == local
		}
		return strings.Contains(plain, domain) && strings.Contains(plain, local)
	})
}

// IsDomain says whether a text can be shown as a domain: it is made of letters, digits
// and what else domains and their literals are made of.
func IsDomain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool {
		usual := unicode.In(r, unicode.Letter, unicode.Mark, unicode.Digit) || strings.ContainsRune(".-_[]:", r)
		return r == utf8.RuneError || !usual
	})
}

// hasSpecial says whether a text has a character without which no address is written,
// but for encodings of the whole.
func hasSpecial(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= utf8.RuneSelf || special[c] {
			return true
		}
	}
	return false
}

var special = func() (is [utf8.RuneSelf]bool) {
	for _, c := range `@.%&=+\([{` {
		is[c] = true
	}
	return is
}()

// hidden says whether a part of the text is the encoding of one that holds an address.
func hidden(text string) bool {
	if strings.Contains(text, "=?") {
		for _, word := range encodedWord.FindAllString(text, -1) {
			if plain, err := new(mime.WordDecoder).Decode(word); err != nil || In(plain) {
				return true
			}
		}
	}
	if len(text) < shortest || !strings.ContainsFunc(text, unicode.IsLetter) { // every code of a dot has a letter
		return false
	}
	return slices.ContainsFunc(opaque.FindAllString(text, -1), decodesToAddress)
}

// shortest is the length of the shortest code that is looked at, in characters.
const shortest = 12

// decodesToAddress says whether a text is the base64 or the hexadecimal form of another
// one that holds an address, or a path with such a form in it.
func decodesToAddress(code string) bool {
	if b, err := hex.DecodeString(code); err == nil && isText(b) && In(string(b)) {
		return true
	}
	for _, form := range append(strings.Split(code, "/"), code) {
		if len(form) < shortest {
			continue
		}
		if len(form)%4 == 1 { // a character of something else stands behind it
			form = form[:len(form)-1]
		}
		b, err := base64.RawStdEncoding.DecodeString(urlSafe.Replace(form))
		if err == nil && isText(b) && In(string(b)) {
			return true
		}
	}
	return false
}

var urlSafe = strings.NewReplacer("-", "+", "_", "/")

func isText(b []byte) bool { return utf8.Valid(b) && !bytes.ContainsFunc(b, unicode.IsControl) }
