package syslog

import (
	"strconv"
	"time"

	"deliverygraph/upstream/embedded/importer/format"
)

// clock finds the years of times that have none.
type clock struct {
	loc  *time.Location
	most int64      // the latest possible time of a line, in milliseconds since 1970
	year int        // of the first line
	last time.Time  // the minute of the line before; zero before the first
	keep *time.Time // is set to last; may be nil
	late bool       // a line was later than most, so the year of the first line is wrong
}

// slack is how much later than the file itself a line may be, because the log may be in another time zone than the
// options say.
const slack = 14 * time.Hour

// newClock returns the clock for a file that was last written at a time, which is zero if it is unknown.
func newClock(o format.Options, written time.Time) clock {
	latest := o.Now
	if latest.IsZero() {
		latest = time.Now()
	}
	if !written.IsZero() && written.Before(latest) {
		latest = written
	}
	loc := o.Location
	if loc == nil {
		loc = time.UTC
	}
	latest = latest.Add(slack).In(loc)
	return clock{loc: loc, most: latest.UnixMilli(), year: latest.Year()}
}

// The limits of how much earlier or later than the line before a line may be. Lines are nearly in order, but a file may
// consist of several that were joined in the wrong order.
const (
	maxBack    = 92 * 24 * time.Hour
	maxForward = 366*24*time.Hour - maxBack
)

// minute returns the beginning of a minute such as "Jan 25 21:25".
func (c *clock) minute(text []byte) (millis int64, ok bool) {
	month, ok := months[string(text[:3])]
	if text[3] != ' ' || text[6] != ' ' || text[9] != ':' || !ok {
		return 0, false
	}
	day, dayOK := number(text[4:6])
	hour, hourOK := number(text[7:9])
	minute, minuteOK := number(text[10:12])
	if !dayOK || !hourOK || !minuteOK || day < 1 || day > 31 || hour > 23 || minute > 59 {
		return 0, false
	}
	in := func(year int) (time.Time, bool) {
		t := time.Date(year, month, day, hour, minute, 0, 0, c.loc)
		return c.unambiguous(t), t.Day() == day // there is no 29 February in most years
	}
	t, ok := c.find(in)
	if !ok {
		return 0, false
	}
	c.last = t
	if c.keep != nil {
		*c.keep = t
	}
	return t.UnixMilli(), true
}

// find chooses the year of a time.
func (c *clock) find(in func(year int) (time.Time, bool)) (t time.Time, ok bool) {
	if c.last.IsZero() {
		for year := c.year; year > c.year-9; year-- {
			if t, ok = in(year); ok && t.UnixMilli() <= c.most {
				return t, true
			}
		}
		return t, false
	}
	year := c.last.Year()
	for _, y := range [...]int{year, year + 1, year - 1} {
		if t, ok = in(y); ok && t.Sub(c.last) > -maxBack && t.Sub(c.last) <= maxForward {
			break
		}
	}
	if ok && t.UnixMilli() > c.most {
		c.late = true
		return in(t.Year() - 1)
	}
	return t, ok
}

// unambiguous resolves a time of day that occurs twice, because summer time ends. It returns the earlier one, unless
// the log is past it.
func (c *clock) unambiguous(t time.Time) time.Time {
	early := t
	if before := t.Add(-time.Hour); before.Hour() == t.Hour() {
		early = before
	}
	if after := early.Add(time.Hour); after.Hour() == early.Hour() && c.last.Sub(early) > 10*time.Minute &&
		c.last.Sub(early) < 2*time.Hour {
		return after
	}
	return early
}

var months = func() map[string]time.Month {
	m := map[string]time.Month{}
	for month := time.January; month <= time.December; month++ {
		m[month.String()[:3]] = month
	}
	return m
}()

// number parses two digits, the first of which may be a space.
func number(text []byte) (int, bool) {
	if text[0] == ' ' {
		text = text[1:]
	}
	n, err := strconv.ParseUint(string(text), 10, 7)
	return int(n), err == nil
}
