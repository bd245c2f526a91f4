package model

import (
	"encoding/json"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/upstream"
)

// MarshalLong writes a 64-bit number as a JSON number.
func MarshalLong(n int64) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, strconv.FormatInt(n, 10)) })
}

// UnmarshalLong reads a 64-bit number.
func UnmarshalLong(v any) (int64, error) {
	var err error
	switch v := v.(type) {
	case json.Number:
		var n int64
		if n, err = strconv.ParseInt(string(v), 10, 64); err == nil {
			return n, nil
		}
	case int64:
		return v, nil
	case int:
		return int64(v), nil
	}
	return 0, badInput("a Long is a whole number of 64 bits")
}

// Times that RFC 3339 can write: the years 0000 to 9999.
const (
	minTime = -62167219200
	maxTime = 253402300799
)

// MarshalDateTime writes a moment as RFC 3339 in UTC, to the second. A moment
// that RFC 3339 cannot write becomes the nearest one that it can.
func MarshalDateTime(t upstream.Time) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) {
		var buf [24]byte
		_, _ = w.Write(AppendDateTime(buf[:0], t))
	})
}

// momentForms is what a moment should have looked like, as part of a message.
const momentForms = `RFC 3339, such as "2026-11-22T09:30:00Z", as a date, such as "2026-11-22", or as a number of Unix seconds`

// UnmarshalDateTime reads a moment: RFC 3339, a date, which is its midnight in
// UTC, or a number of Unix seconds. Fractions and leap seconds are those of
// [upstream.ParseTime].
func UnmarshalDateTime(v any) (upstream.Time, error) {
	switch v := v.(type) {
	case string:
		t, ok := upstream.ParseISO8601(v)
		if !ok || !isRFC3339(v) && !written(v, "dddd-dd-dd") { // ISO 8601 has more forms
			return 0, badInput("%q is not a moment: write it as "+momentForms, Excerpt(v))
		}
		return inYears(t, false)
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			f = math.Inf(1)
		}
		return seconds(f)
	case float64:
		return seconds(v)
	case int64:
		return inYears(upstream.Time(v), false)
	case int:
		return inYears(upstream.Time(v), false)
	}
	return 0, badInput("a moment is written as " + momentForms)
}

// isRFC3339 reports whether a moment of ISO 8601 is written as RFC 3339 has it: to the
// second, a fraction behind a point, Z or an offset of hours and minutes. It is asked
// several times for every operation, so it is no regular expression.
func isRFC3339(s string) bool {
	const moment, offset = "dddd-dd-ddTdd:dd:dd", "+dd:dd"
	if len(s) <= len(moment) || !written(s[:len(moment)], moment) {
		return false
	}
	if s = s[len(moment):]; s[0] == '.' {
		zone := strings.TrimLeft(s[1:], "0123456789")
		if len(zone) == len(s)-1 {
			return false
		}
		s = zone
	}
	return s == "Z" || s == "z" || written(s, offset)
}

// written says whether a text is as another one shows: d is a digit, T is t too, and + a
// sign.
func written(s, as string) bool {
	if len(s) != len(as) {
		return false
	}
	for i := range len(s) {
		switch b := s[i]; as[i] {
		case 'd':
			if b < '0' || b > '9' {
				return false
			}
		case '+':
			if b != '+' && b != '-' {
				return false
			}
		default:
			if b != as[i] && !(b == 't' && as[i] == 'T') {
				return false
			}
		}
	}
	return true
}

func seconds(f float64) (upstream.Time, error) {
	whole := max(minTime-1, min(maxTime+1, math.Floor(f)))
	return inYears(upstream.Time(whole), f > whole)
}

// inYears is a second that RFC 3339 can write, rounded up if there is a fraction.
// The last second of all is not rounded: it ends windows that are to have no end.
func inYears(t upstream.Time, fraction bool) (upstream.Time, error) {
	if t < minTime || t > maxTime {
		return 0, badInput("a moment lies in the years 0 to 9999: give Unix seconds, not milliseconds")
	}
	if fraction && t < maxTime {
		t++
	}
	return t, nil
}

// MarshalBounceType writes HARD or SOFT.
func MarshalBounceType(t upstream.BounceType) graphql.Marshaler {
	switch t {
	case upstream.Hard:
		return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, `"HARD"`) })
	case upstream.Soft:
		return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, `"SOFT"`) })
	}
	return graphql.Null // Bounce.Type gives no other
}

// UnmarshalBounceType reads HARD or SOFT.
func UnmarshalBounceType(v any) (upstream.BounceType, error) {
	switch v {
	case "HARD":
		return upstream.Hard, nil
	case "SOFT":
		return upstream.Soft, nil
	}
	return "", badInput("a bounce type is HARD or SOFT")
}

// MarshalInterval writes HOUR or DAY.
func MarshalInterval(i upstream.Interval) graphql.Marshaler {
	if i == upstream.Hour {
		return graphql.MarshalString("HOUR")
	}
	return graphql.MarshalString("DAY")
}

// UnmarshalInterval reads HOUR or DAY.
func UnmarshalInterval(v any) (upstream.Interval, error) {
	switch v {
	case "HOUR":
		return upstream.Hour, nil
	case "DAY":
		return upstream.Day, nil
	}
	return 0, badInput("an interval is HOUR or DAY")
}

// badInput is an error of the caller's: its message is shown to it.
func badInput(format string, args ...any) error {
	return &upstream.Error{Code: upstream.InvalidArgument, Message: fmt.Sprintf(format, args...)}
}

// Excerpt is as much of a text as a message repeats of its input.
func Excerpt(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
}
