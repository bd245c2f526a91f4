package model

import (
	"fmt"
	"strconv"
	"time"

	"deliverygraph/upstream"
)

// The Append functions write values as their Marshal functions do, behind one
// another into one buffer.

// AppendString writes s as a JSON string, as gqlgen does.
func AppendString(dst []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	dst = append(dst, '"')
	from := 0
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' { // bytes of longer runes among them
			continue
		}
		dst = append(dst, s[from:i]...)
		switch c {
		case '\t':
			dst = append(dst, '\\', 't')
		case '\r':
			dst = append(dst, '\\', 'r')
		case '\n':
			dst = append(dst, '\\', 'n')
		case '"', '\\':
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, '\\', 'u', '0', '0', hex[c>>4], hex[c&15])
		}
		from = i + 1
	}
	return append(append(dst, s[from:]...), '"')
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
