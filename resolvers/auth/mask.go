package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"hash"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"deliverygraph/upstream"
)

// Mask makes pseudonyms of recipients' addresses, for callers who may not read them:
// "***" and some letters in the place of the local part, the domain as it is. An
// address has one pseudonym, so that rows can be told apart and counted by recipient;
// without the mask's secret nobody can tell which address it is of, not even by trying
// addresses out.
type Mask struct{ secret [sha256.Size]byte }

// NewMask makes the mask of a secret. Gateways of one secret make the same pseudonyms,
// and so find each other's ids. Without a secret it is a random one.
func NewMask(secret string) Mask {
	if secret == "" {
		secret = rand.Text()
	}
	return Mask{sha256.Sum256([]byte("deliverygraph mask\x00" + secret))}
}

const (
	masked       = "***" // begins what is masked, and is all of it where a pseudonym is of no use
	pseudonymLen = 12    // letters behind it: 60 bits
)

var pseudonyms = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// masker masks the rows of one answer. It is not for concurrent use.
type masker struct{ mac hash.Hash }

func (m Mask) masker() masker { return masker{hmac.New(sha256.New, m.secret[:])} }

// address gives the pseudonym of an address, and its local part.
func (m masker) address(address string) (pseudonym, local string) {
	m.mac.Reset()
	m.mac.Write([]byte(address))
	var sum [sha256.Size]byte
	local = masked + pseudonyms.EncodeToString(m.mac.Sum(sum[:0])[:8])[:pseudonymLen]
	if at := strings.LastIndexByte(address, '@'); at >= 0 {
		return local + address[at:], local
	}
	return local, local
}

// IsMasked says whether an address is a pseudonym: by its form alone.
func IsMasked(address string) bool {
	rest, ok := strings.CutPrefix(address, masked)
	return ok && len(rest) >= pseudonymLen && (len(rest) == pseudonymLen || rest[pseudonymLen] == '@') &&
		!strings.ContainsFunc(rest[:pseudonymLen], func(r rune) bool { return (r < 'a' || r > 'z') && (r < '2' || r > '7') })
}

// atForms are the ways in which an @ is written in headers and in return paths.
const atForms = `@|＠|%40|=40|&#64;|&#x40;`

var atSign = regexp.MustCompile(`(?i)` + atForms)

// addresses are what looks like an address within a text.
var addresses = regexp.MustCompile(`(?i)("[^"\r\n]*"|[^\s<>"'(),;:\[\]]+)(?:` + atForms + `)[^\s<>"'(),;:\[\]]+`)

// hasAt says whether an @ is written in a text, in whatever way.
func hasAt(text string) bool {
	maybe := false
	for i := range len(text) {
		switch text[i] {
		case '@':
			return true
		case '%', '=', '&', "＠"[0]:
			maybe = true
		}
	}
	return maybe && atSign.MatchString(text)
}

// holds says whether a text has an address in it, or that of the recipient in whatever
// form return paths give it, such as "bounce-omar=example.com".
func holds(text, local, domain string) bool {
	if hasAt(text) {
		return true
	}
	if local == "" || domain == "" || len(text) < len(local)+len(domain) {
		return false
	}
	text = strings.ToLower(text)
	return strings.Contains(text, strings.ToLower(domain)) && strings.Contains(text, strings.ToLower(local))
}

// headers masks the values (and odder still, names) that hold an address: wholly, since
// a name may stand beside it. The given ones are not written to.
func headers(given []upstream.Header, local, domain string) []upstream.Header {
	var out []upstream.Header
	for i, h := range given {
		name, value := holds(h.Name, local, domain), holds(h.Value, local, domain)
		if !name && !value {
			continue
		}
		if out == nil {
			out = append(out, given...)
		}
		if name {
			out[i].Name = "X-" + masked
		}
		if value {
			out[i].Value = masked
		}
	}
	if out == nil {
		return given
	}
	return out
}

// text masks all addresses in what a receiving server said, and the recipient's local
// part wherever it stands alone.
func text(s, local, domain string) string {
	if local != "" && domain != "" {
		own := regexp.MustCompile(`(?i)"?` + regexp.QuoteMeta(local) + `"?(?:` + atForms + `|=)` + regexp.QuoteMeta(domain))
		s = own.ReplaceAllLiteralString(s, masked)
	}
	s = addresses.ReplaceAllLiteralString(s, masked)
	if local == "" {
		return s
	}
	return maskWord(s, local)
}

func word(r rune) bool { return r != utf8.RuneError && (unicode.IsLetter(r) || unicode.IsDigit(r)) }

// maskWord masks a word, in any case, where it is not a part of another.
func maskWord(s, wanted string) string {
	var b strings.Builder
	last := 0
	for _, found := range regexp.MustCompile(`(?i)`+regexp.QuoteMeta(wanted)).FindAllStringIndex(s, -1) {
		before, _ := utf8.DecodeLastRuneInString(s[:found[0]])
		after, _ := utf8.DecodeRuneInString(s[found[1]:])
		if !word(before) && !word(after) {
			b.WriteString(s[last:found[0]] + masked)
			last = found[1]
		}
	}
	return b.String() + s[last:]
}
