package model

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/upstream"
)

// Duration is an ISO 8601 duration. It keeps calendar parts apart from seconds, because months differ in length.
type Duration struct {
	Years, Months, Days int
	Seconds             int64
}

// Before returns the moment d before t, by the UTC calendar. If the earlier month lacks the day, its last day is used:
// one month before 31 March is the last of February.
func (d Duration) Before(t upstream.Time) upstream.Time {
	u := t.UTC()
	y, m, day := u.Date()
	first := time.Date(y-d.Years, m-time.Month(d.Months), 1, u.Hour(), u.Minute(), u.Second(), 0, time.UTC)
	last := first.AddDate(0, 1, -1).Day()
	return upstream.Time(first.AddDate(0, 0, min(day, last)-1-d.Days).Unix() - d.Seconds)
}

const durationHint = "write it as ISO 8601, such as \"PT6H\", \"P7D\", \"P4W\" or \"P3M\""

// String returns the shortest ISO 8601 form. Equal durations give equal strings.
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

// durationParts returns the digits of a duration's years, months, weeks, days, hours, minutes and seconds, each empty
// if absent. ok is false if s is not a duration.
func durationParts(s string) (parts [7]string, ok bool) {
	s, ok = strings.CutPrefix(s, "P")
	date, clock, timed := strings.Cut(s, "T")
	ok = ok && s != "" && timed == (clock != "") && numbers(date, "YMWD", parts[:4]) && numbers(clock, "HMS", parts[4:])
	return parts, ok
}

// numbers reads numbers that are followed by their units, in the order of the units. It stores the digits in parts, one
// for each unit.
func numbers(s, units string, parts []string) bool {
	for s != "" {
		behind := strings.TrimLeft(s, "0123456789")
		if behind == s || behind == "" {
			return false
		}
		i := strings.IndexByte(units, behind[0])
		if i < 0 {
			return false
		}
		parts[i] = s[:len(s)-len(behind)]
		s, units, parts = behind[1:], units[i+1:], parts[i+1:]
	}
	return true
}

// ParseDuration parses an ISO 8601 duration of whole numbers: PnYnMnWnDTnHnMnS. It must be positive and at most 100
// years.
func ParseDuration(s string) (Duration, error) {
	written, ok := durationParts(s)
	if !ok {
		return Duration{}, badInput("%q is not a duration: "+durationHint, Excerpt(s))
	}
	var parts [7]int64
	total := 0.0
	for i, seconds := range [7]float64{365 * 86400, 30 * 86400, 7 * 86400, 86400, 3600, 60, 1} {
		if written[i] == "" {
			continue
		}
		n, err := strconv.ParseInt(written[i], 10, 64)
		if total += float64(n) * seconds; err != nil || total > 100*366*86400 {
			return Duration{}, badInput("%q is too long: at most 100 years", Excerpt(s))
		}
		parts[i] = n
	}
	if total == 0 {
		return Duration{}, badInput("%q must be positive: "+durationHint, Excerpt(s))
	}
	return Duration{
		Years: int(parts[0]), Months: int(parts[1]), Days: int(7*parts[2] + parts[3]),
		Seconds: 3600*parts[4] + 60*parts[5] + parts[6],
	}, nil
}

// MarshalDuration writes d as a string.
func MarshalDuration(d Duration) graphql.Marshaler { return graphql.MarshalString(d.String()) }

// UnmarshalDuration parses an ISO 8601 duration.
func UnmarshalDuration(v any) (Duration, error) {
	s, ok := v.(string)
	if !ok {
		return Duration{}, badInput("a Duration must be a string: " + durationHint)
	}
	return ParseDuration(s)
}
