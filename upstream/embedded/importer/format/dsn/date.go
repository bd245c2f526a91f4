package dsn

import (
	"net/mail"
	"regexp"
	"strings"
	"time"

	"deliverygraph/upstream"
)

// zones are the offsets of the time zone names in mails. net/mail silently reads unknown
// names as UTC.
var zones = map[string]string{
	"UT": "+0000", "UTC": "+0000", "GMT": "+0000", "Z": "+0000", "WET": "+0000", "WEST": "+0100",
	"BST": "+0100", "CET": "+0100", "MET": "+0100", "CEST": "+0200", "MEST": "+0200", "MESZ": "+0200", "MEZ": "+0100",
	"EET": "+0200", "EEST": "+0300", "MSK": "+0300", "MSD": "+0400", "SAST": "+0200", "IST": "+0530",
	"EST": "-0500", "EDT": "-0400", "CST": "-0600", "CDT": "-0500", "MST": "-0700", "MDT": "-0600",
	"PST": "-0800", "PDT": "-0700", "AKST": "-0900", "AKDT": "-0800", "HST": "-1000", "BRT": "-0300",
	"JST": "+0900", "KST": "+0900", "HKT": "+0800", "SGT": "+0800", "AWST": "+0800",
	"AEST": "+1000", "AEDT": "+1100", "NZST": "+1200", "NZDT": "+1300",
}

var (
	comment   = regexp.MustCompile(`\([^()]*\)`)
	zoneName  = regexp.MustCompile(`(\d\d:\d\d(?::\d\d)?)\s+([A-Z]{1,4})\b`)
	spaceRuns = regexp.MustCompile(`\s+`)
)

// layouts are the date formats in mails other than that of RFC 5322.
var layouts = []string{
	"Mon Jan 2 15:04:05 2006", "Mon Jan 2 15:04:05 2006 -0700", "Mon Jan 2 15:04:05 -0700 2006",
	"Mon Jan 2 15:04 2006", "Jan 2 15:04:05 2006 -0700", "Mon, Jan 2 2006 15:04:05 -0700",
	"Mon, 2 Jan 2006 15:04:05", "2 Jan 2006 15:04:05",
	time.RFC3339, "2006-01-02T15:04:05-0700", "2006-01-02 15:04:05 -0700", "2006-01-02 15:04:05",
}

// parseDate parses the date of a mail, or returns 0. The default time zone is UTC.
func parseDate(s string) upstream.Time {
	s = comment.ReplaceAllLiteralString(s, " ")
	s = strings.TrimSpace(spaceRuns.ReplaceAllLiteralString(s, " "))
	s = zoneName.ReplaceAllStringFunc(s, func(found string) string {
		at := strings.LastIndexByte(found, ' ')
		if offset, ok := zones[found[at+1:]]; ok {
			return found[:at+1] + offset
		}
		return found
	})
	t, err := mail.ParseDate(s)
	for i := 0; err != nil && i < len(layouts); i++ {
		t, err = time.Parse(layouts[i], s)
	}
	if err != nil || t.Unix() <= 0 {
		return 0
	}
	return upstream.Time(t.Unix())
}

// receivedDate returns the time of a Received field, or 0.
func receivedDate(received string) upstream.Time {
	return parseDate(received[strings.LastIndexByte(received, ';')+1:])
}

// latest returns the time of the topmost Received field, or 0.
func (h header) latest() upstream.Time {
	for _, f := range h {
		if strings.EqualFold(f.name, "Received") {
			if t := receivedDate(f.value); t != 0 {
				return t
			}
		}
	}
	return 0
}

// earliest returns the time of the lowest Received field, or 0.
func (h header) earliest() (t upstream.Time) {
	for _, f := range h {
		if strings.EqualFold(f.name, "Received") {
			if r := receivedDate(f.value); r != 0 {
				t = r
			}
		}
	}
	return t
}
