package upstream

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// The times that the API's two forms can both say: the years 0 to 9999.
// What lies outside is a mistake, most often milliseconds.
const (
	minTime Time = -62167219200
	maxTime Time = 253402300799
)

// What a time should have looked like, as part of a message.
const timeForms = "Unix seconds, such as 1479772800, or ISO 8601, such as 2016-11-22T00:00:00Z"

// ParseTime reads a time as the API's parameters give it: Unix seconds, or
// ISO 8601 (extended or basic, to the minute, the second or a fraction of it,
// or a date alone, which is its midnight). Without an offset from UTC it is UTC.
//
// A fraction of a second is rounded up, but for that of the last second of the
// year 9999. The API's events have whole seconds, so a half-open window keeps its
// meaning: from 10.5 on is from 11 on, and before 10.5 is before 11. Unix time has
// no leap seconds: 23:59:60, at the end of a month of UTC, is taken for the second
// that follows, with or without a fraction.
//
// A space is taken for the plus sign of an offset, since that is what becomes of
// a plus sign that was not escaped in a query string. The error is an
// [InvalidArgument] that names no parameter.
func ParseTime(s string) (Time, error) {
	t, problem := parseTime(s)
	if problem != "" {
		return 0, &Error{Code: InvalidArgument, Message: "the time " + problem}
	}
	return t, nil
}

// parseTime gives the time, or what is wrong with it as the end of a sentence.
func parseTime(s string) (t Time, problem string) {
	t, ok := parseUnix(s)
	if !ok {
		t, ok = ParseISO8601(s)
	}
	switch {
	case !ok:
		return 0, "is not a time: write " + timeForms
	case t < minTime || t > maxTime:
		return 0, "is outside the years 0 to 9999: write Unix time in seconds, not milliseconds"
	}
	return t, ""
}

// parseUnix reads decimal seconds with an optional fraction, rounded up.
// Numbers too large for an int64 are saturated: they are out of range anyway.
func parseUnix(s string) (Time, bool) {
	whole, fraction, pointed := strings.Cut(s, ".")
	if !isDigits(strings.TrimPrefix(whole, "-")) || pointed && !isDigits(fraction) {
		return 0, false
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err == nil && whole[0] != '-' && n < math.MaxInt64 && strings.Trim(fraction, "0") != "" {
		n++ // a negative number is rounded up by cutting it short
	}
	return Time(n), true
}

// ParseISO8601 reads an ISO 8601 date, alone or with a time of day, as [ParseTime]
// describes it. The time may lie a day outside the years 0 to 9999, by its offset.
func ParseISO8601(s string) (t Time, ok bool) {
	p := isoReader{rest: s, ok: true}
	year := p.digits(4)
	extended := p.take("-")
	month := p.digits(2)
	if extended {
		p.want("-")
	}
	day := p.digits(2)

	var hour, minute, second, offset int
	fraction := false
	if p.rest != "" {
		p.want("Tt ")
		hour = p.digits(2)
		extended = p.take(":")
		minute = p.digits(2)
		if extended && p.take(":") || !extended && p.rest != "" && isDigit(p.rest[0]) {
			second = p.digits(2)
			fraction = p.fraction()
		}
		offset = p.offset()
	}
	if !p.ok || p.rest != "" || hour > 23 || minute > 59 || second > 60 {
		return 0, false
	}
	midnight := time.Date(year, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	if _, m, d := midnight.Date(); int(m) != month || d != day {
		return 0, false // such as 30 February, which time.Date takes for 1 March
	}
	t = Time(midnight.Unix() + int64(hour*3600+minute*60+second-offset))
	switch {
	case second == 60:
		if next := t.UTC(); next.Day() != 1 || next.Hour() != 0 || next.Minute() != 0 {
			return 0, false // leap seconds are at the end of a month
		}
	case fraction && t != maxTime:
		t++
	}
	return t, true
}

// isoReader takes an ISO 8601 time apart from its front; ok turns false at the
// first part that is not there.
type isoReader struct {
	rest string
	ok   bool
}

// digits takes a number of exactly n digits.
func (p *isoReader) digits(n int) int {
	if len(p.rest) < n {
		p.ok = false
		return 0
	}
	v := 0
	for i := range n {
		p.ok = p.ok && isDigit(p.rest[i])
		v = v*10 + int(p.rest[i]-'0')
	}
	p.rest = p.rest[n:]
	return v
}

// take takes the next byte if it is one of set.
func (p *isoReader) take(set string) bool {
	for i := range len(set) {
		if p.rest != "" && p.rest[0] == set[i] {
			p.rest = p.rest[1:]
			return true
		}
	}
	return false
}

// want takes the next byte, which must be one of set.
func (p *isoReader) want(set string) {
	if !p.take(set) {
		p.ok = false
	}
}

// fraction takes a fraction of a second if there is one, and reports whether it is
// more than zero.
func (p *isoReader) fraction() bool {
	if !p.take(".,") {
		return false
	}
	behind := strings.TrimLeft(p.rest, "0123456789")
	digits := p.rest[:len(p.rest)-len(behind)]
	p.ok = p.ok && digits != ""
	p.rest = behind
	return strings.Trim(digits, "0") != ""
}

// offset takes Z, ±hh, ±hhmm or ±hh:mm if there is one: seconds ahead of UTC.
func (p *isoReader) offset() int {
	if p.rest == "" || p.take("Zz") {
		return 0
	}
	sign := 1
	if p.rest[0] == '-' {
		sign = -1
	}
	p.want("+- ")
	hours, minutes := p.digits(2), 0
	if p.take(":") || p.rest != "" {
		minutes = p.digits(2)
	}
	p.ok = p.ok && hours <= 23 && minutes <= 59
	return sign * (hours*3600 + minutes*60)
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// isDigits says whether s is one digit or more, and nothing else.
func isDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}
