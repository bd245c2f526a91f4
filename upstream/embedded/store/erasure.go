package store

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"golang.org/x/net/idna"

	"deliverygraph/upstream"
)

// erased replaces an address.
const erased = "erased"

// Erasure finds a recipient's address in events and texts, however it is written, and removes it.
type Erasure struct {
	Local     string
	spellings []string // spellings of the domain: as given, and in ASCII and Unicode if it is international
	// forms are in lower case: the address plainly, in a return path (bounces+local=domain@), and in a forwarder's
	// (SRS0=…=domain=local@).
	forms []string

	LocalKey   string   // text without special characters, in lower case, that is in all spellings of the local part
	DomainKeys []string // the same for each spelling of the domain
}

// NewErasure returns the erasure of an address.
func NewErasure(address string) Erasure {
	address = upstream.LowerAddress(address)
	at := max(strings.LastIndexByte(address, '@'), 0)
	a := Erasure{Local: address[:at]}
	a.LocalKey = searchKey(a.Local)
	add := func(domain string, err error) {
		if err == nil && !a.IsDomain(domain) {
			a.spellings, a.DomainKeys = append(a.spellings, domain), append(a.DomainKeys, searchKey(domain))
			local, domain := strings.ToLower(a.Local), strings.ToLower(domain)
			a.forms = append(a.forms, local+"@"+domain, local+"="+domain, domain+"="+local)
		}
	}
	domain := strings.TrimPrefix(address[at:], "@")
	add(domain, nil)
	add(idna.Lookup.ToASCII(domain))
	add(idna.Lookup.ToUnicode(domain))
	return a
}

// IsDomain reports whether a domain is a spelling of the address's domain.
func (a *Erasure) IsDomain(domain string) bool {
	for _, d := range a.spellings {
		if strings.EqualFold(d, domain) {
			return true
		}
	}
	return false
}

// Is reports whether an address is a spelling of this one.
func (a *Erasure) Is(address string) bool {
	at := strings.LastIndexByte(address, '@')
	return at >= 0 && strings.EqualFold(address[:at], a.Local) && a.IsDomain(address[at+1:])
}

// searchKey returns the longest part of a text that is only letters and digits of ASCII, in lower case. No encoding of
// an address in headers changes it.
func searchKey(s string) (longest string) {
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r)
	}) {
		if len(part) > len(longest) {
			longest = part
		}
	}
	return asciiLower(longest)
}

// IsRecipient reports whether an event is of the recipient.
func (a *Erasure) IsRecipient(e *Event) bool {
	return a.Is(e.Recipient) || a.IsDomain(e.Domain) && strings.EqualFold(e.Local, a.Local)
}

// Edited returns an event without the address in its texts, and whether they contained it.
func (a *Erasure) Edited(old *Event) (e Event, changed bool) {
	e = *old
	for _, text := range []*string{&e.EmailID, &e.DiagnosticCode, &e.FullContent} {
		*text = a.Without(*text)
	}
	e.XHeaders = slices.Clone(old.XHeaders)
	for i := range e.XHeaders {
		e.XHeaders[i].Value = a.Without(e.XHeaders[i].Value)
	}
	return e, e.EmailID != old.EmailID || !e.Equal(old)
}

// isIn reports whether a text contains the address.
func (a *Erasure) isIn(s string) bool { return a.Without(s) != s }

// Without returns a text without the address, whether it is written plainly, percent-encoded or in quoted-printable. As
// part of a longer address, such as jane@example.com in mary.jane@example.com, it stays.
func (a *Erasure) Without(s string) string {
	for _, signs := range []string{"", "=%", "%"} { // an equals sign may also stand for an at sign
		plain := strings.ToLower(decode(s, signs, nil))
		for _, form := range a.forms {
			if strings.Contains(plain, form) {
				s = without(s, form, signs)
			}
		}
		if !strings.ContainsAny(s, "=%") {
			break
		}
	}
	return s
}

// without removes one form of an address.
func without(s, form, signs string) string {
	var b strings.Builder
	var at []int
	plain := lower(decode(s, signs, &at), &at)
	for from, end := 0, 0; ; {
		start := strings.Index(plain[end:], form)
		if start < 0 {
			return b.String() + s[from:]
		}
		start += end
		end = start + len(form)
		whole, after := strings.ContainsRune(s[at[start]:at[end]], '@'), plain[end:]
		if after != "" && (after[0] == '.' || after[0] == '-') { // which may end a sentence
			after = after[1:]
		}
		if start > 0 && isAddressByte(plain[start-1], whole) || after != "" && isAddressByte(after[0], false) {
			continue
		}
		b.WriteString(s[from:at[start]])
		b.WriteString(erased)
		from = at[end]
	}
}

// decode returns a text without the ends of lines that do not belong to it in quoted-printable, and with the bytes
// decoded that begin with one of the signs. At gets where each byte comes from, and the end.
func decode(s, signs string, at *[]int) string {
	if at == nil && !strings.ContainsAny(s, "=%") {
		return s
	}
	b := make([]byte, 0, len(s))
	for i, n := 0, 1; i < len(s); i += n {
		c := s[i]
		if n = 1; c == '=' || c == '%' {
			if strings.HasPrefix(s[i:], "=\n") {
				n = 2
				continue
			} else if strings.HasPrefix(s[i:], "=\r\n") {
				n = 3
				continue
			} else if strings.IndexByte(signs, c) >= 0 && i+3 <= len(s) {
				if x, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
					c, n = byte(x), 3
				}
			}
		}
		b = append(b, c)
		if at != nil {
			*at = append(*at, i)
		}
	}
	if at != nil {
		*at = append(*at, len(s))
	}
	return string(b)
}

// lower converts a text to lower case, and at to where the bytes of that come from.
func lower(s string, at *[]int) string {
	var b strings.Builder
	var from []int
	for i, r := range s {
		n := b.Len()
		b.WriteString(strings.ToLower(string(r)))
		for ; n < b.Len(); n++ {
			from = append(from, (*at)[i])
		}
	}
	*at = append(from, (*at)[len(s)])
	return b.String()
}

// isAddressByte reports whether c continues an address. In return paths an address follows a plus, a minus or an equals
// sign, unless it is whole, with an at sign.
func isAddressByte(c byte, whole bool) bool {
	return c >= 0x80 || '0' <= c && c <= '9' || 'a' <= c|0x20 && c|0x20 <= 'z' || c == '.' || c == '_' ||
		whole && (c == '+' || c == '-')
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
