package upstream

import "strings"

// LowerAddress gives an email address with its domain in lower case: see [LowerDomain].
// The local part stays as it is, since only the domain's own server knows whether case
// matters there.
func LowerAddress(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 0 {
		return address
	}
	lower := LowerDomain(address[at+1:])
	if lower == address[at+1:] {
		return address
	}
	return address[:at+1] + lower
}

// LowerDomain gives a domain with its ASCII letters in lower case, the form in which
// stores keep domains and lists are asked for them: case makes no difference there
// (RFC 4343). Letters beyond ASCII stay as they are.
func LowerDomain(domain string) string {
	isUpper := func(c byte) bool { return 'A' <= c && c <= 'Z' }
	for i := range len(domain) {
		if !isUpper(domain[i]) {
			continue
		}
		lower := []byte(domain)
		for ; i < len(lower); i++ {
			if isUpper(lower[i]) {
				lower[i] += 'a' - 'A'
			}
		}
		return string(lower)
	}
	return domain
}
