package model

import (
	"fmt"
	"math/bits"
	"strconv"
	"time"

	"deliverygraph/upstream"
)

// The Append functions write values as their Marshal functions do, behind one
// another into one buffer.

// AppendString writes s as a JSON string, as gqlgen does.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for {
		n := plain(s)
		dst = append(dst, s[:n]...)
		if n == len(s) {
			return append(dst, '"')
		}
		dst = appendEscaped(dst, s[n])
		s = s[n+1:]
	}
}

// plain is how many bytes of s come before one that is written as an escape: a control
// character, a quote or a backslash. It looks at eight bytes at once.
func plain(s string) int {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	i := 0
	for ; len(s)-i >= 8; i += 8 {
		w := s[i : i+8]
		x := uint64(w[0]) | uint64(w[1])<<8 | uint64(w[2])<<16 | uint64(w[3])<<24 | uint64(w[4])<<32 | uint64(w[5])<<40 | uint64(w[6])<<48 | uint64(w[7])<<56
		quote, slash := x^('"'*ones), x^('\\'*ones)
		// The top bit of a byte of the sum is set where the byte is one of those, and
		// perhaps in bytes above the first such one.
		if hit := ((x-' '*ones)&^x | (quote-ones)&^quote | (slash-ones)&^slash) & high; hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

func appendEscaped(dst []byte, c byte) []byte {
	const hex = "0123456789ABCDEF"
	switch c {
	case '\t':
		return append(dst, '\\', 't')
	case '\r':
		return append(dst, '\\', 'r')
	case '\n':
		return append(dst, '\\', 'n')
	case '"', '\\':
		return append(dst, '\\', c)
	}
	return append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
}

// AppendKey writes a user's or sender's number.
func AppendKey(dst []byte, id upstream.ID) []byte {
	return append(strconv.AppendInt(append(dst, '"'), int64(id), 10), '"')
}

// AppendNodeID writes an opaque id.
func AppendNodeID(dst []byte, id NodeID) []byte {
	return append(append(append(dst, '"'), id.String()...), '"')
}

// AppendLong writes a 64-bit number.
func AppendLong(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// AppendFloat writes a number that is neither infinite nor none.
func AppendFloat(dst []byte, f float64) []byte { return fmt.Appendf(dst, "%g", f) }

// AppendBool writes true or false.
func AppendBool(dst []byte, b bool) []byte { return strconv.AppendBool(dst, b) }

// AppendBounceType writes HARD or SOFT.
func AppendBounceType(dst []byte, t upstream.BounceType) []byte {
	if t == upstream.Hard {
		return append(dst, `"HARD"`...)
	}
	return append(dst, `"SOFT"`...)
}

// AppendDateTime writes a moment.
func AppendDateTime(dst []byte, t upstream.Time) []byte {
	dst = append(dst, '"')
	return append(min(max(t, minTime), maxTime).UTC().AppendFormat(dst, time.RFC3339), '"')
}
