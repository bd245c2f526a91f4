package model

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/upstream"
)

// MarshalLong writes a 64-bit number as a JSON number.
func MarshalLong(n int64) graphql.Marshaler { return appended(n, AppendLong) }

// UnmarshalLong parses a 64-bit number.
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
	return 0, badInput("a Long must be a whole number of at most 64 bits")
}

// Bounds of the times that RFC 3339 can express: the years 0000 to 9999.
const (
	minTime = -62167219200
	maxTime = 253402300799
)

// MarshalDateTime writes a moment as RFC 3339 in UTC, to the second. A moment that RFC 3339 cannot express becomes the
// nearest one that it can.
func MarshalDateTime(t upstream.Time) graphql.Marshaler { return appended(t, AppendDateTime) }

// momentForms describes the accepted forms of a moment, for messages.
const momentForms = `RFC 3339, such as "2026-11-22T09:30:00Z", as a date, such as "2026-11-22", ` +
	`or as a number of Unix seconds`

// UnmarshalDateTime parses a moment: RFC 3339, a date, which means its midnight in UTC, or a number of Unix seconds.
// Fractions and leap seconds are treated as by [upstream.ParseTime].
func UnmarshalDateTime(v any) (upstream.Time, error) {
	switch v := v.(type) {
	case string:
		t, ok := upstream.ParseISO8601(v)
		if !ok || len(v) != len("2006-01-02") && !isRFC3339(v) { // ISO 8601 has other forms
			return 0, badInput("%q is not a DateTime: write it as "+momentForms, Excerpt(v))
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
	return 0, badInput("a DateTime must be written as " + momentForms)
}

// isRFC3339 reports whether a moment that [upstream.ParseISO8601] accepts has the form of RFC 3339: to the second, with
// an optional fraction after a point, and Z or an offset of hours and minutes.
func isRFC3339(s string) bool {
	n := len(s)
	return n > len("2006-01-02T15:04:05") && s[4] == '-' && s[10] != ' ' && s[16] == ':' && s[19] != ',' &&
		(s[n-1] == 'Z' || s[n-1] == 'z' || (s[n-6] == '+' || s[n-6] == '-') && s[n-3] == ':')
}

func seconds(f float64) (upstream.Time, error) {
	whole := max(minTime-1, min(maxTime+1, math.Floor(f)))
	return inYears(upstream.Time(whole), f > whole)
}

// inYears checks that RFC 3339 can express t, and rounds a fraction up. It does not round the very last second, which
// serves as the end of unbounded windows.
func inYears(t upstream.Time, fraction bool) (upstream.Time, error) {
	if t < minTime || t > maxTime {
		return 0, badInput("a DateTime must be in the years 0 to 9999: give Unix seconds, not milliseconds")
	}
	if fraction && t < maxTime {
		t++
	}
	return t, nil
}

// MarshalBounceType writes HARD or SOFT.
func MarshalBounceType(t upstream.BounceType) graphql.Marshaler { return appended(t, AppendBounceType) }

// UnmarshalBounceType parses HARD or SOFT.
func UnmarshalBounceType(v any) (upstream.BounceType, error) {
	switch v {
	case "HARD":
		return upstream.Hard, nil
	case "SOFT":
		return upstream.Soft, nil
	}
	return "", badInput("a bounce type must be HARD or SOFT")
}

// MarshalInterval writes HOUR or DAY.
func MarshalInterval(i upstream.Interval) graphql.Marshaler {
	if i == upstream.Hour {
		return graphql.MarshalString("HOUR")
	}
	return graphql.MarshalString("DAY")
}

// UnmarshalInterval parses HOUR or DAY.
func UnmarshalInterval(v any) (upstream.Interval, error) {
	switch v {
	case "HOUR":
		return upstream.Hour, nil
	case "DAY":
		return upstream.Day, nil
	}
	return 0, badInput("an interval must be HOUR or DAY")
}

// badInput returns an error that is the caller's fault and is shown to it.
func badInput(format string, args ...any) error {
	return &upstream.Error{Code: upstream.InvalidArgument, Message: fmt.Sprintf(format, args...)}
}

// Excerpt returns the beginning of s, short enough to repeat in a message.
func Excerpt(s string) string {
	const most = 64
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
}
