package upstream

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// Bounds of the times that both forms of the API can express: the years 0 to 9999. Other times are mistakes, usually
// milliseconds.
const (
	minTime Time = -62167219200
	maxTime Time = 253402300799
)

// timeForms describes the accepted forms of a time, for messages.
const timeForms = "Unix seconds, such as 1479772800, or ISO 8601, such as 2016-11-22T00:00:00Z"

// ParseTime parses a time as in the API's parameters: Unix seconds, or ISO 8601 (extended or basic, to the minute, the
// second or a fraction of it, or only a date, which means its midnight). Without an offset, the time is in UTC.
//
// A fraction of a second is rounded up, except in the last second of the year 9999. Events have whole seconds, so a
// half-open window keeps its meaning: from 10.5 is from 11, and before 10.5 is before 11. Unix time has no leap
// seconds: 23:59:60 at the end of a month in UTC means the following second, with or without a fraction.
//
// A space is read as the plus sign of an offset, because an unescaped plus sign in a query string becomes a space. The
// error has the code [InvalidArgument] and names no parameter.
func ParseTime(s string) (Time, error) {
	t, problem := parseTime(s)
	if problem != "" {
		return 0, &Error{Code: InvalidArgument, Message: "the time " + problem}
	}
	return t, nil
}

// parseTime returns the time, or what is wrong with it as the end of a sentence.
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

// parseUnix parses decimal seconds with an optional fraction, which is rounded up. Numbers that overflow int64 are
// saturated; they are out of range anyway.
func parseUnix(s string) (Time, bool) {
	whole, fraction, pointed := strings.Cut(s, ".")
	if !isDigits(strings.TrimPrefix(whole, "-")) || pointed && !isDigits(fraction) {
		return 0, false
	}
	n, err := strconv.ParseInt(whole, 10, 64)
	if err == nil && whole[0] != '-' && n < math.MaxInt64 && strings.Trim(fraction, "0") != "" {
		n++ // truncating a negative number rounds it up
	}
	return Time(n), true
}

// ParseISO8601 parses an ISO 8601 date, alone or with a time of day, as described for [ParseTime]. Because of its
// offset, the time may lie up to a day outside the years 0 to 9999.
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
		return 0, false // such as 30 February, which time.Date reads as 1 March
	}
	t = Time(midnight.Unix() + int64(hour*3600+minute*60+second-offset))
	switch {
	case second == 60:
		if next := t.UTC(); next.Day() != 1 || next.Hour() != 0 || next.Minute() != 0 {
			return 0, false // leap seconds occur only at the end of a month
		}
	case fraction && t != maxTime:
		t++
	}
	return t, true
}

// isoReader consumes an ISO 8601 time from its front. ok becomes false when a required part is missing.
type isoReader struct {
	rest string
	ok   bool
}

// digits consumes a number of exactly n digits.
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

// take consumes the next byte if it is in set.
func (p *isoReader) take(set string) bool {
	for i := range len(set) {
		if p.rest != "" && p.rest[0] == set[i] {
			p.rest = p.rest[1:]
			return true
		}
	}
	return false
}

// want consumes the next byte, which must be in set.
func (p *isoReader) want(set string) {
	if !p.take(set) {
		p.ok = false
	}
}

// fraction consumes a fraction of a second, if present, and reports whether it is not zero.
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

// offset consumes Z, ±hh, ±hhmm or ±hh:mm, if present, and returns the seconds ahead of UTC.
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

// isDigits reports whether s consists of one or more digits.
func isDigits(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != ""
}

// Time is a moment in Unix seconds. Rows do not use time.Time, because most times are only printed.
type Time int64

// UTC returns the moment as a time.Time in UTC.
func (t Time) UTC() time.Time { return time.Unix(int64(t), 0).UTC() }

// Window is a half-open span of time: it contains Start but not End, so adjacent windows add up. (Our decision: the
// document does not say.)
type Window struct {
	Start Time
	End   Time
}

// NewWindow returns a window. If start is not before end, it returns an [InvalidArgument] error that names end_time.
func NewWindow(start, end Time) (Window, error) {
	if start >= end {
		return Window{}, &Error{
			Code: InvalidArgument, Parameter: "end_time", Message: "end_time must be later than start_time",
		}
	}
	return Window{start, end}, nil
}

// Contains reports whether t lies in the window.
func (w Window) Contains(t Time) bool { return w.Start <= t && t < w.End }
