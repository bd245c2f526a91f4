package model

import (
	"fmt"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/upstream"
)

// The Append functions append the JSON that the Marshal functions write.

// appended returns a value as gqlgen writes it, by its Append function.
func appended[T any](v T, to func(dst []byte, v T) []byte) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = w.Write(to(make([]byte, 0, 32), v)) })
}

// AppendString appends s as a JSON string, exactly as gqlgen writes it.
func AppendString(dst []byte, s string) []byte {
	if n := plain(s); n < len(s) {
		return appendEscapedFrom(dst, s, n)
	}
	return appendPlain(dst, s)
}

// AppendRowString appends a string of a row. plain is the row's Plain.
func AppendRowString(dst []byte, s string, plain upstream.Plain) []byte {
	if !plain {
		return AppendString(dst, s)
	}
	return appendPlain(dst, s)
}

// appendPlain appends a string that needs no escapes.
func appendPlain(dst []byte, s string) []byte {
	dst = slices.Grow(dst, len(s)+2) // checks capacity only once
	n := len(dst)
	dst = dst[:n+len(s)+2]
	dst[n] = '"'
	copy(dst[n+1:], s)
	dst[len(dst)-1] = '"'
	return dst
}

// appendEscapedFrom appends a string whose first byte to be escaped has the index n.
func appendEscapedFrom(dst []byte, s string, n int) []byte {
	dst = append(dst, '"')
	for n < len(s) {
		dst = appendEscaped(append(dst, s[:n]...), s[n])
		s = s[n+1:]
		n = plain(s)
	}
	return append(append(dst, s...), '"')
}

// plain returns the number of bytes of s before the first that must be escaped: a control character, a quote or a
// backslash. It examines eight bytes at a time; for the last ones, the word overlaps bytes seen before.
func plain(s string) int {
	i := 0
	for ; len(s)-i >= 8; i += 8 {
		if hit := odd(word(s[i:])); hit != 0 {
			return i + bits.TrailingZeros64(hit)/8
		}
	}
	if len(s) >= 8 && odd(word(s[len(s)-8:])) == 0 {
		return len(s)
	}
	for ; i < len(s); i++ {
		if c := s[i]; c < ' ' || c == '"' || c == '\\' {
			break
		}
	}
	return i
}

// word returns the first eight bytes of s in little-endian order.
func word(s string) uint64 {
	_ = s[7]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 | uint64(s[4])<<32 | uint64(
		s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}

// odd sets the top bit of each byte of x that must be escaped. Above the first such byte it may set others.
func odd(x uint64) uint64 {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	quote, slash := x^('"'*ones), x^('\\'*ones)
	return ((x-' '*ones)&^x | (quote-ones)&^quote | (slash-ones)&^slash) & high
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

// AppendKey appends a user or sender number as a JSON string.
func AppendKey(dst []byte, id upstream.ID) []byte {
	return append(strconv.AppendInt(append(dst, '"'), int64(id), 10), '"')
}

// AppendNodeID appends an opaque id.
func AppendNodeID(dst []byte, id NodeID) []byte {
	return append(append(append(dst, '"'), id.String()...), '"')
}

// AppendLong appends a 64-bit number.
func AppendLong(dst []byte, n int64) []byte { return strconv.AppendInt(dst, n, 10) }

// AppendFloat appends a number other than NaN and infinities.
func AppendFloat(dst []byte, f float64) []byte { return fmt.Appendf(dst, "%g", f) }

// AppendBool appends true or false.
func AppendBool(dst []byte, b bool) []byte { return strconv.AppendBool(dst, b) }

// AppendBounceType appends HARD or SOFT.
func AppendBounceType(dst []byte, t upstream.BounceType) []byte {
	if t == upstream.Hard {
		return append(dst, `"HARD"`...)
	}
	return append(dst, `"SOFT"`...)
}

// AppendDateTime appends a moment.
func AppendDateTime(dst []byte, t upstream.Time) []byte { return new(DateTimes).Append(dst, t) }

// DateTimes appends successive moments, which are usually on the same day: it formats the date only once per day. The
// zero value is ready for use.
type DateTimes struct {
	day  upstream.Time // the day's first second
	date [len(`"2006-01-02T`)]byte
}

// Append appends a moment like [AppendDateTime].
func (d *DateTimes) Append(dst []byte, t upstream.Time) []byte {
	t = min(max(t, minTime), maxTime)
	if day := upstream.Day.Floor(t); day != d.day || d.date[0] == 0 {
		d.day = day
		var midnight [len(`"2006-01-02T15:04:05Z"`)]byte
		// Package time formats RFC3339 fastest.
		copy(d.date[:], day.UTC().AppendFormat(append(midnight[:0], '"'), time.RFC3339))
	}
	dst = append(append(dst, d.date[:]...), `00:00:00Z"`...)
	b, second := dst[len(dst)-len(`00:00:00Z"`):], int64(t-d.day)
	twoDigits(b, 0, second/3600)
	twoDigits(b, 3, second/60%60)
	twoDigits(b, 6, second%60)
	return dst
}

func twoDigits(b []byte, at int, n int64) {
	b[at], b[at+1] = '0'+byte(n/10), '0'+byte(n%10)
}
