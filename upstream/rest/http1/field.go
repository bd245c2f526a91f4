package http1

import (
	"net/http"
	"strings"
)

// framing says whether a header's field is this package's own to send: those that say
// where a request ends, and what becomes of its connection. One that came from
// elsewhere would have the server find a second request within the first.
func framing(name string) bool {
	switch http.CanonicalHeaderKey(name) {
	case "Host", "Content-Length", "Transfer-Encoding", "Trailer", "Connection", "Keep-Alive", "Te", "Upgrade", "Expect":
		return true
	}
	return false
}

// token says whether s can be a field's name (RFC 9110, section 5.6.2).
func token(s string) bool {
	for i := range len(s) {
		switch c := s[i]; {
		case 'a' <= c|0x20 && c|0x20 <= 'z', '0' <= c && c <= '9', strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}

// text says whether s can be a field's value: no control characters but tabs.
func text(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return false
		}
	}
	return true
}

// visible says whether s can be a target or a host: neither blanks nor control
// characters.
func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == 0x7f {
			return false
		}
	}
	return true
}
