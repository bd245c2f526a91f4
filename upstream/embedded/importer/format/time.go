package format

import (
	"strconv"
	"strings"
	"time"

	"deliverygraph/upstream"
)

// timeLayouts are the forms of a time, with its fraction of a second cut off. A layout
// without an offset stands for the form without one.
var timeLayouts = []string{
	"2006-01-02T15:04:05Z07:00", "2006-01-02T15:04:05Z0700", "2006-01-02T15:04:05Z07", "2006-01-02T15:04:05",
	"2006-01-02 15:04:05Z07:00", "2006-01-02 15:04:05Z0700", "2006-01-02 15:04:05Z07", "2006-01-02 15:04:05",
	"2006-01-02 15:04:05 Z07:00", "2006-01-02 15:04:05 Z0700",
}

// ParseTime reads a time as mail servers and delivery services write it: Unix seconds, or a
// date and a time of day with or without an offset from UTC. Without one it is a time in loc,
// which may be nil for UTC. A fraction of a second is cut off, as rows have whole seconds. Times
// before 1970, zero among them, are no times of mail.
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

// maxUnix is the end of the year 9999. What lies beyond is most often milliseconds.
const maxUnix = 253402300799

// digits reports whether s is one decimal digit or more, and nothing else.
func digits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}
