package upstream

// Plain says of a row's strings that in JSON each stands as it is between its quotes: no
// byte of them must be escaped (RFC 8259, section 7), which are control characters, the
// quote and the backslash, and they are valid UTF-8. It spares whoever writes many rows
// to look at each string again.
//
// Decoders set it. False says nothing, so rows made by hand need not have it; who changes
// a string of a row takes it back.
type Plain bool

// Equal is true, as go-cmp asks: it is no part of what a row says.
func (Plain) Equal(Plain) bool { return true }

// isPlain says whether a string in valid UTF-8 is plain.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
