package format

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"deliverygraph/upstream"
)

// WantAddress is what an address must be, for messages.
const WantAddress = "exactly one address, without a name, brackets or spaces around it"

// RecipientFault returns why no row can have a recipient, or "".
func RecipientFault(address string) string {
	fault := AddressFault(address)
	if fault == "" {
		return ""
	}
	return fmt.Sprintf("the recipient must be %s, such as recipient1@example.com, not %q: %s",
		WantAddress, Clip(address), fault)
}

// AddressFault returns why s is not exactly one address, or "". It accepts what mail systems deliver to, which is more
// than RFC 5321 allows: local parts of any length, dots anywhere, and letters beyond ASCII. Characters with a meaning
// in mail headers must be in quotes, since otherwise two addresses, or a name with an address, would pass as one.
func AddressFault(s string) string {
	if len(s) > upstream.MaxFilter {
		return fmt.Sprintf("it has %d bytes, and at most %d are allowed", len(s), upstream.MaxFilter)
	}
	at := -1
	for i := 0; i < len(s); {
		if plain(s[i]) { // the common case
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case invisible(r):
			return fmt.Sprintf("it contains the character %U", r)
		case at >= 0 && r == '@':
			return "it has more than one @ outside quotes"
		case at >= 0: // part of the domain
		case r == '@':
			at = i
		case r == '"' && (i == 0 || s[i-1] == '.'):
			n, fault := quoted(s[i:])
			if fault != "" {
				return fault
			}
			size = n
		case unicode.IsSpace(r), strings.ContainsRune(`<>()[]:;,\"`, r):
			return fmt.Sprintf("it holds %q outside quotes", r)
		}
		i += size
	}
	switch {
	case at < 0:
		return "it has no @"
	case at == 0:
		return "it has nothing before the @"
	}
	return domainFault(s[at+1:])
}

// quoted returns the length of the quoted string at the beginning of s, which is all or a part of a local part.
func quoted(s string) (n int, fault string) {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			if rest := s[i+1:]; rest != "" && rest[0] != '@' && rest[0] != '.' {
				return 0, "its quotes end in the middle of a part"
			}
			if at := strings.IndexFunc(s[:i], invisible); at >= 0 {
				r, _ := utf8.DecodeRuneInString(s[at:])
				return 0, fmt.Sprintf("it contains the character %U", r)
			}
			return i + 1, ""
		}
	}
	return 0, "its quotes are not closed"
}

// domainFault returns why s is neither a domain nor an address literal such as [192.0.2.1], or "".
func domainFault(s string) string {
	if literal, ok := strings.CutPrefix(s, "["); ok {
		literal, closed := strings.CutSuffix(literal, "]")
		odd := func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune(`[]\`, r) }
		if !closed || literal == "" || strings.ContainsFunc(literal, odd) {
			return "the part after its @ is not an address in brackets, such as [192.0.2.1]"
		}
		return ""
	}
	for _, r := range s {
		if r < utf8.RuneSelf && !plain(byte(r)) || r >= utf8.RuneSelf && unicode.IsSpace(r) {
			return fmt.Sprintf("its domain contains %q", r)
		}
	}
	switch {
	case s == "":
		return "it has nothing after the @"
	case s[0] == '.' || s[len(s)-1] == '.' || strings.Contains(s, ".."):
		return "its domain has an empty part"
	}
	return ""
}

// plain reports whether c may be part of a domain. Then it may be part of a local part as well.
func plain(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '.' || c == '-' || c == '_'
}

// invisible reports whether r is a control character or an invisible one. Such characters get into addresses by
// copying. Joiners are allowed, because some scripts need them.
func invisible(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) && r != '\u200c' && r != '\u200d'
}

// Clip shortens a text that a message quotes from a file.
func Clip(s string) string {
	if len(s) > 64 {
		return strings.ToValidUTF8(s[:64], "") + "…"
	}
	return s
}
