package model

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/upstream"
)

// MarshalLong writes a 64-bit number as a JSON number.
func MarshalLong(n int64) graphql.Marshaler {
	return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, strconv.FormatInt(n, 10)) })
}

// UnmarshalLong reads a 64-bit number.
func UnmarshalLong(v any) (int64, error) { return graphql.UnmarshalInt64(v) }

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
		b := append(buf[:0], '"')
		b = min(max(t, minTime), maxTime).UTC().AppendFormat(b, time.RFC3339)
		_, _ = w.Write(append(b, '"'))
	})
}

// UnmarshalDateTime reads a moment: RFC 3339, or a number of Unix seconds.
// Rows' times are whole seconds and windows are half-open, so a fraction is
// rounded up: what lies at or after 10.5 s lies at or after 11 s.
func UnmarshalDateTime(v any) (upstream.Time, error) {
	switch v := v.(type) {
	case string:
		t, err := time.Parse(time.RFC3339Nano, v)
		if err != nil {
			return 0, badInput("%q is not a moment: write it as RFC 3339, such as \"2026-11-22T09:30:00Z\", or as a number of Unix seconds", clip(v))
		}
		s := t.Unix()
		if t.Nanosecond() > 0 {
			s++
		}
		return upstream.Time(s), nil
	case json.Number:
		f, err := v.Float64()
		if err != nil {
			return 0, errDateTime
		}
		return secondsOf(f)
	case float64:
		return secondsOf(v)
	case int64:
		return secondsOf(float64(v))
	case int:
		return secondsOf(float64(v))
	}
	return 0, errDateTime
}

var errDateTime = badInput("a moment is written as RFC 3339, such as \"2026-11-22T09:30:00Z\", or as a number of Unix seconds")

func secondsOf(f float64) (upstream.Time, error) {
	if s := math.Ceil(f); s >= minTime && s <= maxTime {
		return upstream.Time(s), nil
	}
	return 0, badInput("a moment lies in the years 0 to 9999: give Unix seconds, not milliseconds")
}

// MarshalBounceType writes HARD or SOFT.
func MarshalBounceType(t upstream.BounceType) graphql.Marshaler {
	switch t {
	case upstream.Hard:
		return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, `"HARD"`) })
	case upstream.Soft:
		return graphql.WriterFunc(func(w io.Writer) { _, _ = io.WriteString(w, `"SOFT"`) })
	}
	return graphql.Null // gqlgen makes an error of it: resolvers refuse such rows before
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
	return graphql.MarshalString(map[upstream.Interval]string{upstream.Hour: "HOUR", upstream.Day: "DAY"}[i])
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

// Duration is a length of time as ISO 8601 writes it: calendar parts and seconds,
// since a month is no fixed number of seconds.
type Duration struct {
	Years, Months, Days int
	Seconds             int64
}

// Before is the moment that lies the duration before t, by the calendar of UTC.
// A day that the earlier month does not have is its last day: one month before
// the 31st of March is the last of February.
func (d Duration) Before(t upstream.Time) upstream.Time {
	u := t.UTC()
	y, m, day := u.Date()
	first := time.Date(y-d.Years, m-time.Month(d.Months), 1, u.Hour(), u.Minute(), u.Second(), 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return upstream.Time(first.AddDate(0, 0, min(day, last)-1-d.Days).Unix() - d.Seconds)
}

const durationHint = "write it as ISO 8601, such as \"PT6H\", \"P7D\", \"P4W\" or \"P3M\""

// String is the duration in its shortest ISO 8601 form; equal durations are equal texts.
func (d Duration) String() string {
	var b bytes.Buffer
	b.WriteByte('P')
	for _, p := range []struct {
		n    int
		unit byte
	}{{d.Years, 'Y'}, {d.Months, 'M'}, {d.Days, 'D'}} {
		if p.n > 0 {
			b.WriteString(strconv.Itoa(p.n))
			b.WriteByte(p.unit)
		}
	}
	if d.Seconds > 0 {
		fmt.Fprintf(&b, "T%dS", d.Seconds)
	}
	return b.String()
}

var durationForm = regexp.MustCompile(`^P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?$`)

// ParseDuration reads an ISO 8601 duration of whole numbers: PnYnMnWnDTnHnMnS.
// It is more than nothing and at most 100 years.
func ParseDuration(s string) (Duration, error) {
	m := durationForm.FindStringSubmatch(s)
	if m == nil || s[len(s)-1] == 'T' || s == "P" {
		return Duration{}, badInput("%q is not a length of time: "+durationHint, clip(s))
	}
	var parts [7]int64
	total := 0.0
	for i, seconds := range [7]float64{365 * 86400, 30 * 86400, 7 * 86400, 86400, 3600, 60, 1} {
		if m[i+1] == "" {
			continue
		}
		n, err := strconv.ParseInt(m[i+1], 10, 64)
		if total += float64(n) * seconds; err != nil || total > 100*366*86400 {
			return Duration{}, badInput("%q is too long: at most 100 years", clip(s))
		}
		parts[i] = n
	}
	if total == 0 {
		return Duration{}, badInput("%q is no time at all: "+durationHint, clip(s))
	}
	return Duration{
		Years: int(parts[0]), Months: int(parts[1]), Days: int(7*parts[2] + parts[3]),
		Seconds: 3600*parts[4] + 60*parts[5] + parts[6],
	}, nil
}

// MarshalDuration writes the duration as a string.
func MarshalDuration(d Duration) graphql.Marshaler { return graphql.MarshalString(d.String()) }

// UnmarshalDuration reads an ISO 8601 duration.
func UnmarshalDuration(v any) (Duration, error) {
	s, ok := v.(string)
	if !ok {
		return Duration{}, badInput("a length of time is a string: " + durationHint)
	}
	return ParseDuration(s)
}
