package upstream

// Plain says that all of a row's strings can be copied into JSON unchanged: they are valid UTF-8 and contain no byte
// that must be escaped (RFC 8259, section 7), that is no control character, quote or backslash. It spares encoders from
// examining each string again.
//
// Decoders set it. False is always safe, so rows made by hand need not set it. Code that changes a string of a row must
// reset it.
type Plain bool

// Equal always returns true, for go-cmp: Plain is not part of a row's value.
func (Plain) Equal(Plain) bool { return true }

// isPlain reports whether s, which must be valid UTF-8, is plain.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
