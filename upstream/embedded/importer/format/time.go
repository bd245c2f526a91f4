package format

import (
	"strconv"
	"strings"
	"time"

	"deliverygraph/upstream"
)

// timeLayouts are the supported forms of times, without fractions of a second.
var timeLayouts = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07", "2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z0700", "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05",
	"2006-01-02 15:04:05 Z07:00", "2006-01-02 15:04:05 Z0700",
}

// ParseTime parses a time as mail servers and delivery services write it: Unix seconds, or a date and a time of day. If
// the time has no offset from UTC, it is in loc; nil means UTC. A fraction of a second is cut off, because rows have
// whole seconds. Times before 1970 and the time 0 are invalid.
func ParseTime(s string, loc *time.Location) (t upstream.Time, ok bool) {
	s = strings.TrimSpace(s)
	if whole, fraction, _ := strings.Cut(s, "."); digits(whole) && (fraction == "" || digits(fraction)) {
		n, err := strconv.ParseInt(whole, 10, 64)
		return upstream.Time(n), err == nil && n > 0 && n <= maxUnix
	}
	if loc == nil {
		loc = time.UTC
	}
	if utc, named := strings.CutSuffix(s, " UTC"); named {
		s, loc = utc, time.UTC
	}
	for _, layout := range timeLayouts {
		if len(s) <= 10 || layout[10] != s[10] {
			continue
		}
		if at, err := time.ParseInLocation(layout, s, loc); err == nil {
			return upstream.Time(at.Unix()), at.Unix() > 0
		}
	}
	return 0, false
}

// maxUnix is the end of the year 9999. Larger numbers are usually milliseconds.
const maxUnix = 253402300799

// digits reports whether s consists of decimal digits and is not empty.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
