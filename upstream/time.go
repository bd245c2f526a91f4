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
// A fraction of a second is rounded up. The API's events have whole seconds, so
// a half-open window keeps its meaning: from 10.5 on is from 11 on, and before
// 10.5 is before 11.
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
		t, ok = parseISO(s)
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

// parseISO reads an ISO 8601 date, alone or with a time of day.
func parseISO(s string) (Time, bool) {
	p := isoReader{rest: s, ok: true}
	year := p.digits(4)
	extended := p.take("-")
	month := p.digits(2)
	if extended {
		p.want("-")
	}
	day := p.digits(2)

	var hour, minute, second, offset, roundUp int
	if p.rest != "" {
		p.want("Tt ")
		hour = p.digits(2)
		extended = p.take(":")
		minute = p.digits(2)
		if extended && p.take(":") || !extended && p.rest != "" && isDigit(p.rest[0]) {
			second = p.digits(2)
			roundUp = p.fraction()
		}
		offset = p.offset()
	}
	if !p.ok || p.rest != "" || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	d := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if d.Day() != day || d.Month() != time.Month(month) {
		return 0, false // such as 30 February, which time.Date takes for 1 March
	}
	return Time(d.Unix() + int64(roundUp-offset)), true
}

// isoReader takes an ISO 8601 time apart from its front; ok turns false at the
// first part that is not there.
type isoReader struct {
	rest string
	ok   bool
}

// digits takes a number of exactly n digits.
func (p *isoReader) digits(n int) int {
	if len(p.rest) < n || !isDigits(p.rest[:n]) {
		p.ok = false
		return 0
	}
	v, _ := strconv.Atoi(p.rest[:n])
	p.rest = p.rest[n:]
	return v
}

// take takes the next byte if it is one of set.
func (p *isoReader) take(set string) bool {
	if p.rest == "" || strings.IndexByte(set, p.rest[0]) < 0 {
		return false
	}
	p.rest = p.rest[1:]
	return true
}

// want takes the next byte, which must be one of set.
func (p *isoReader) want(set string) {
	if !p.take(set) {
		p.ok = false
	}
}

// fraction takes a fraction of a second if there is one: 1 unless it is zero.
func (p *isoReader) fraction() (roundUp int) {
	if !p.take(".,") {
		return 0
	}
	end := 0
	for end < len(p.rest) && isDigit(p.rest[end]) {
		if p.rest[end] != '0' {
			roundUp = 1
		}
		end++
	}
	p.ok = p.ok && end > 0
	p.rest = p.rest[end:]
	return roundUp
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
