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
	if len(s) == len("2006-01-02T15:04:05Z") { // the usual form, for which package time is fast
		if usual, err := time.Parse(time.RFC3339, s); err == nil {
			return Time(usual.Unix()), true
		}
	}
	s = strings.ToUpper(s)
	layout := "20060102"
	if len(s) > 4 && s[4] == '-' {
		layout = time.DateOnly
	}
	leap := false
	if date := len(layout); len(s) > date && (s[date] == 'T' || s[date] == ' ') {
		clock, offset := s[date+1:], ""
		if i := strings.IndexAny(clock, "Z+- "); i >= 0 {
			clock, offset = clock[:i], strings.Replace(clock[i:], " ", "+", 1)
		}
		seconds := len(clock)
		if i := strings.IndexAny(clock, ".,"); i >= 0 {
			seconds = i // package time accepts a fraction after any seconds
		}
		if clockLayouts[seconds] == "" || len(offset) > len("+07") && strings.HasSuffix(offset, "60") {
			return 0, false // package time accepts 60 minutes in an offset
		}
		if leap = seconds > len("15:04") && clock[seconds-2:seconds] == "60"; leap {
			clock = clock[:seconds-2] + "59" + clock[seconds:]
		}
		s = s[:date] + "T" + clock + offset
		layout += "T" + clockLayouts[seconds] + offsetLayouts[len(offset)]
	}
	parsed, err := time.Parse(layout, s)
	if _, offset := parsed.Zone(); err != nil || offset <= -86400 || offset >= 86400 {
		return 0, false
	}
	t = Time(parsed.Unix())
	if leap || parsed.Nanosecond() > 0 && t != maxTime {
		t++
	}
	next := t.UTC() // leap seconds occur only at the end of a month
	return t, !leap || next.Day() == 1 && next.Hour() == 0 && next.Minute() == 0
}

// Layouts of times of day and offsets, by their length. Others are not accepted.
var (
	clockLayouts  = map[int]string{4: "1504", 5: "15:04", 6: "150405", 8: "15:04:05"}
	offsetLayouts = map[int]string{1: "Z07", 3: "Z07", 5: "Z0700", 6: "Z07:00"}
)

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
