package upstream

import (
	"math"
	"strconv"
)

// appendData appends {"data": [rows]}, the form of every list, to dst.
func appendData[T any](dst []byte, rows []T, row func([]byte, T) []byte) []byte {
	dst = append(dst, `{"data":[`...)
	for i, r := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = row(dst, r)
	}
	return append(dst, "]}"...)
}

// appendString appends s as a JSON string to dst. Invalid UTF-8 becomes U+FFFD.
func appendString(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	if plainASCII(s, 0) == len(s) {
		return append(append(dst, s...), '"')
	}
	from := 0
	for i, r := range s {
		var escaped string
		switch {
		case r >= ' ' && r != '"' && r != '\\' && r != '\uFFFD':
			continue
		case r == '"':
			escaped = `\"`
		case r == '\\':
			escaped = `\\`
		case r == '\n':
			escaped = `\n`
		case r == '\r':
			escaped = `\r`
		case r == '\t':
			escaped = `\t`
		case r == '\uFFFD':
			if s[i] == 0xEF { // s contains U+FFFD itself
				continue
			}
			escaped = "\uFFFD"
		default:
			escaped = string([]byte{'\\', 'u', '0', '0', hex[r>>4], hex[r&15]})
		}
		dst = append(append(dst, s[from:i]...), escaped...)
		from = i + 1
	}
	return append(append(dst, s[from:]...), '"')
}

func appendInt[T ~int64](dst []byte, key string, v T) []byte {
	return strconv.AppendInt(append(dst, key...), int64(v), 10)
}

func appendText[T ~string](dst []byte, key string, v T) []byte {
	return appendString(append(dst, key...), string(v))
}

// appendSeconds appends seconds with up to four decimal places, as in the document's examples.
func appendSeconds(dst []byte, key string, v float64) []byte {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		v = 0
	}
	return strconv.AppendFloat(append(dst, key...), math.Round(v*1e4)/1e4, 'f', -1, 64)
}

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
