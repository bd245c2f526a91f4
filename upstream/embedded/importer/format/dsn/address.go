package dsn

import (
	"regexp"
	"strconv"
	"strings"

	"deliverygraph/upstream/embedded/importer/format"
)

// address matches an address. It is more lenient than net/mail, which rejects addresses
// that exist, such as "a..b@example.com", and removes the quotes of a local part.
var address = regexp.MustCompile(
	`(?:"(?:[^"\\\r\n]|\\.){1,64}"|[^\s<>()\[\]{},;:"'|\\@]+)@(?:\[[0-9A-Fa-f.:IPv]+\]|[^\s<>()\[\]{},;:"'|\\@]+)`)

// findAddress returns the first address in s and its position.
func findAddress(s string) (found string, start, end int) {
	at := address.FindStringIndex(s)
	if at == nil {
		return "", 0, 0
	}
	start = at[0]
	if i := strings.Index(s[start:at[1]], "SMTP="); i >= 0 { // Exchange: "c=US;a= ;p=X;dda:SMTP=user@example.com"
		start += i + len("SMTP=")
	}
	found = strings.TrimRight(s[start:at[1]], ".!?*=")
	return found, start, start + len(found)
}

// findAddresses returns all addresses in s.
func findAddresses(s string) []string {
	var all []string
	for _, a := range address.FindAllString(s, -1) {
		all = append(all, strings.TrimRight(a, ".!?*="))
	}
	return all
}

// addressOf returns the address of a field such as From.
func addressOf(value string) string {
	found, _, _ := findAddress(format.Address(comment.ReplaceAllLiteralString(value, " ")))
	if found == "" {
		found, _, _ = findAddress(value)
	}
	return found
}

// typedAddress returns the address in an RFC 3464 field such as "rfc822; user@example.com".
func typedAddress(value string) string {
	kind, rest, ok := strings.Cut(value, ";")
	if !ok {
		kind, rest = "", value
	}
	rest = strings.TrimSpace(rest)
	if strings.EqualFold(strings.TrimSpace(kind), "utf-8") {
		rest = unescapeUnicode(rest)
	}
	if at := strings.LastIndexByte(rest, '<'); at >= 0 {
		if end := strings.IndexByte(rest[at:], '>'); end > 0 {
			rest = rest[at+1 : at+end]
		}
	} else if !strings.Contains(rest, `"`) {
		rest = comment.ReplaceAllLiteralString(rest, " ")
	}
	rest = strings.TrimSpace(rest)
	if word, _, ok := strings.Cut(rest, " "); ok && !strings.Contains(rest, `"`) && strings.Contains(word, "@") {
		rest = word
	}
	return strings.Trim(rest, "<>")
}

// unescapeXtext decodes the two characters of an original recipient that xtext (RFC 3461)
// must encode. Other encoded characters look like part of an address such as
// user+20@example.com and are kept.
func unescapeXtext(s string) string {
	return strings.NewReplacer("+2B", "+", "+3D", "=").Replace(s)
}

var escaped = regexp.MustCompile(`\\x\{([0-9A-Fa-f]{2,6})\}`)

// unescapeUnicode decodes escapes such as \x{1F600} in addresses of type utf-8 (RFC 6533).
func unescapeUnicode(s string) string {
	return escaped.ReplaceAllStringFunc(s, func(e string) string {
		n, err := strconv.ParseInt(e[3:len(e)-1], 16, 32)
		if err != nil {
			return e
		}
		return string(rune(n))
	})
}

// verp returns the recipient that is encoded in a return path such as
// "bounces+user=example.com@lists.example.com", or "".
func verp(returnPath string) string {
	local, _, _ := strings.Cut(returnPath, "@")
	at := strings.LastIndexByte(local, '=')
	if at <= 0 || !strings.Contains(local[at:], ".") {
		return ""
	}
	user, domain := local[:at], local[at+1:]
	if plus := strings.IndexByte(user, '+'); plus >= 0 {
		user = user[plus+1:]
	} else {
		user = user[strings.LastIndexByte(user, '-')+1:]
	}
	if user == "" || strings.ContainsAny(user, "=") {
		return ""
	}
	return user + "@" + domain
}

// split splits an address at its last @.
func split(address string) (local, domain string, ok bool) {
	at := strings.LastIndexByte(address, '@')
	if at <= 0 || at == len(address)-1 {
		return "", "", false
	}
	return address[:at], address[at+1:], true
}
