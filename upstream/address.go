package upstream

import "strings"

// LowerAddress returns an email address with its domain in lower case; see [LowerDomain]. The local part is kept,
// because only the domain's own server knows whether case matters there.
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

// LowerDomain returns a domain with its ASCII letters in lower case, which is the form used for storing and filtering,
// because domains are case-insensitive (RFC 4343). Other letters are kept.
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
