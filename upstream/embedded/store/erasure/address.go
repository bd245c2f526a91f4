// Package erasure finds a recipient's address in rows and texts, however it is written, and removes it.
package erasure

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/net/idna"

	"deliverygraph/upstream"
)

// text replaces an address.
const text = "erased"

// Address is an address to be erased from rows and texts.
type Address struct {
	Local     string
	spellings []string // spellings of the domain: as given, and in ASCII and Unicode if it is international
	forms     []string // what the pattern matches, without encodings and in lower case
	pattern   *regexp.Regexp

	LocalKey   string   // text without special characters, in lower case, that is in all spellings of the local part
	DomainKeys []string // the same for each spelling of the domain
}

// New returns an address to be erased.
func New(address string) Address {
	address = upstream.LowerAddress(address)
	at := max(strings.LastIndexByte(address, '@'), 0)
	a := Address{Local: address[:at]}
	a.LocalKey = key(a.Local)
	add := func(domain string, err error) {
		if err == nil && !a.IsDomain(domain) {
			a.spellings, a.DomainKeys = append(a.spellings, domain), append(a.DomainKeys, key(domain))
			local, domain := strings.ToLower(a.Local), strings.ToLower(domain)
			a.forms = append(a.forms, local+"@"+domain, local+"="+domain, domain+"="+local)
		}
	}
	domain := strings.TrimPrefix(address[at:], "@")
	add(domain, nil)
	add(idna.Lookup.ToASCII(domain))
	add(idna.Lookup.ToUnicode(domain))
	a.pattern = addressPattern(a.Local, a.spellings)
	return a
}

// IsDomain reports whether a domain is a spelling of the address's domain.
func (a *Address) IsDomain(domain string) bool {
	for _, d := range a.spellings {
		if strings.EqualFold(d, domain) {
			return true
		}
	}
	return false
}

// Is reports whether an address is a spelling of this one.
func (a *Address) Is(address string) bool {
	at := strings.LastIndexByte(address, '@')
	return at >= 0 && strings.EqualFold(address[:at], a.Local) && a.IsDomain(address[at+1:])
}

// key returns the longest part of a text that is only letters and digits of ASCII, in lower case. No encoding of an
// address in headers changes it.
func key(s string) (longest string) {
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		if len(part) > len(longest) {
			longest = part
		}
	}
	return asciiLower(longest)
}

// addressPattern matches an address: plainly, percent-encoded or in quoted-printable, in a return path
// (bounces+local=domain@), or in a forwarder's (SRS0=…=domain=local@).
func addressPattern(local string, domains []string) *regexp.Regexp {
	local = encoded(local)
	var all []string
	for _, d := range domains {
		all = append(all, encoded(d))
	}
	domain := "(?:" + strings.Join(all, "|") + ")"
	at := softBreak + `(?:@|=40|%40|=3D|%3D|=)` + softBreak
	return regexp.MustCompile(`(?i)` + local + at + domain + `|` +
		domain + softBreak + `(?:=3D|%3D|=)` + softBreak + local)
}

// softBreak matches the end of a line in quoted-printable that does not belong to the text.
const softBreak = `(?:=\r?\n)?`

// encoded returns an expression for a text each of whose characters may be encoded, with line breaks between them.
func encoded(text string) string {
	var all []string
	for _, r := range text {
		forms := []string{regexp.QuoteMeta(string(r))}
		for _, c := range []rune{unicode.ToLower(r), unicode.ToUpper(r)} {
			var bytes []string
			for _, b := range []byte(string(c)) {
				bytes = append(bytes, fmt.Sprintf("[=%%]%02X", b))
			}
			if form := strings.Join(bytes, softBreak); forms[len(forms)-1] != form {
				forms = append(forms, form)
			}
		}
		all = append(all, "(?:"+strings.Join(forms, "|")+")")
	}
	return strings.Join(all, softBreak)
}

// mayBeIn reports whether a text may contain the address. It is much faster than the pattern.
func (a *Address) mayBeIn(s string) bool {
	has := func(s string) bool {
		s = strings.ToLower(s)
		return slices.ContainsFunc(a.forms, func(form string) bool { return strings.Contains(s, form) })
	}
	return has(s) || strings.ContainsAny(s, "=%") && has(decoded(s))
}

// decoded undoes quoted-printable and percent-encoding.
func decoded(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c, ok := encodedByte(s[i:]); {
		case ok:
			b.WriteByte(c)
			i += 2
		case strings.HasPrefix(s[i:], "=\r\n"):
			i += 2
		case strings.HasPrefix(s[i:], "=\n"):
			i++
		default:
			b.WriteByte(s[i])
		}
	}
	return b.String()
}

// encodedByte returns the byte that a text begins with in quoted-printable or percent-encoding, if it does.
func encodedByte(s string) (c byte, ok bool) {
	if len(s) < 3 || s[0] != '=' && s[0] != '%' {
		return 0, false
	}
	for _, d := range []byte(s[1:3]) {
		switch {
		case '0' <= d && d <= '9':
			d -= '0'
		case 'A' <= d&^0x20 && d&^0x20 <= 'F':
			d = d&^0x20 - 'A' + 10
		default:
			return 0, false
		}
		c = c<<4 | d
	}
	return c, true
}

// Without returns a text without the address. As part of a longer address, such as jane@example.com in
// mary.jane@example.com, it stays.
func (a *Address) Without(s string) string {
	if !a.mayBeIn(s) {
		return s
	}
	var b strings.Builder
	from := 0
	for _, at := range a.pattern.FindAllStringIndex(s, -1) {
		plain := strings.ContainsRune(s[at[0]:at[1]], '@')
		before, after := strings.TrimSuffix(strings.TrimSuffix(s[:at[0]], "=\r\n"), "=\n"), s[at[1]:]
		after = strings.TrimPrefix(strings.TrimPrefix(after, "=\r\n"), "=\n")
		if after != "" && (after[0] == '.' || after[0] == '-') { // which may end a sentence
			after = after[1:]
		}
		if continues(before, plain) || after != "" && isAddressByte(after[0], false) {
			continue
		}
		b.WriteString(s[from:at[0]])
		b.WriteString(text)
		from = at[1]
	}
	return b.String() + s[from:]
}

// continues reports whether a text ends within an address. An encoded delimiter, such as =3D in
// href=3Djane@example.com, ends the address before it.
func continues(before string, plain bool) bool {
	if before == "" {
		return false
	}
	last := before[len(before)-1]
	if n := len(before) - 3; n >= 0 {
		if c, ok := encodedByte(before[n:]); ok && (c >= 0x80 || strings.IndexByte(" \t\r\n\"'(),:;<=>?[]&/", c) >= 0) {
			last = c
		}
	}
	return isAddressByte(last, plain)
}

// isAddressByte reports whether c continues an address. In return paths an address follows a plus, a minus or an equals
// sign.
func isAddressByte(c byte, plain bool) bool {
	return c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '.' || c == '_' ||
		plain && (c == '+' || c == '-')
}

// asciiLower converts letters to lower case as SQLite does.
func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
