package model

import (
	"fmt"
	"slices"
	"time"

	"deliverygraph/upstream"
)

// Buckets are the hours or days of a window for which a series has points.
type Buckets struct {
	Window upstream.Window
	Asked  upstream.Interval // of the calls: days of a time zone are added up from hours
	Len    int

	days []upstream.Time // when days of a time zone begin; nil for hours and days in UTC
}

// NewBuckets returns the hours or days that a window touches, in UTC if zone is nil. Errors are an [upstream.Error]
// that names the argument.
func NewBuckets(w upstream.Window, interval upstream.Interval, zone *string) (Buckets, error) {
	b := Buckets{Window: w, Asked: interval}
	fail := func(argument, format string, args ...any) (Buckets, error) {
		return b, &upstream.Error{
			Code: upstream.InvalidArgument, Parameter: argument, Message: fmt.Sprintf(format, args...),
		}
	}
	place := time.UTC
	if zone != nil {
		var err error
		if place, err = ParseZone(*zone); err != nil {
			return fail("timeZone", "timeZone: %v", err)
		}
	}
	days := interval == upstream.Day && place != time.UTC
	if days {
		b.Asked = upstream.Hour
	}
	b.Len = int((w.End-b.Asked.Floor(w.Start)-1)/b.Asked.Seconds()) + 1
	switch {
	case b.Len > MaxPoints && days:
		return fail("interval", "days in a time zone are made of hours, of which this window has %d, "+
			"but at most %d are allowed: use a shorter window", b.Len, MaxPoints)
	case b.Len > MaxPoints:
		return fail("interval", "the series would have %d points, but at most %d are allowed: "+
			"use a longer interval or a shorter window", b.Len, MaxPoints)
	case days:
		b.days = Days(w, place)
		b.Len = len(b.days)
	case place != time.UTC && !hasWholeHours(w, place):
		return fail("timeZone", "timeZone: in %s, hours do not begin with those in UTC: "+
			"omit timeZone, or use the interval DAY", place)
	}
	return b, nil
}

// hasWholeHours reports whether a time zone is whole hours from UTC throughout a window.
func hasWholeHours(w upstream.Window, place *time.Location) bool {
	for t := w.Start.UTC().In(place); ; {
		if _, offset := t.Zone(); offset%3600 != 0 {
			return false
		}
		_, end := t.ZoneBounds()
		if end.IsZero() || end.Unix() >= int64(w.End) {
			return true
		}
		if !end.After(t) { // package time ends leap years that it computes by a rule a day early
			end = t.Add(24 * time.Hour)
		}
		t = end
	}
}

// Points returns a point without events for each bucket.
func (b *Buckets) Points() []*StatsPoint {
	all, points := make([]StatsPoint, b.Len), make([]*StatsPoint, b.Len)
	for i := range all {
		points[i] = &all[i]
		if all[i].Start = b.Asked.Floor(b.Window.Start) + upstream.Time(i)*b.Asked.Seconds(); b.days != nil {
			all[i].Start = b.days[i]
		}
	}
	return points
}

// Index returns the index of the bucket in which the interval that starts at a time begins. Other times than the
// starts of intervals are an error: without their counts the series would not add up. In the answer of a remote, the
// first interval may start with the window.
func (b *Buckets) Index(start upstream.Time) (int, error) {
	first := b.Asked.Floor(b.Window.Start)
	if start != b.Window.Start && start != b.Asked.Floor(start) || start < first || start >= b.Window.End {
		return 0, &upstream.Error{Code: upstream.InvalidResponse,
			Message: "the upstream returned a time series whose buckets are not UTC hours or days in the window"}
	}
	if b.days == nil {
		return int((start - first) / b.Asked.Seconds()), nil
	}
	i, begins := slices.BinarySearch(b.days, max(start, b.Window.Start))
	if !begins {
		i--
	}
	return i, nil
}

// Head returns the part of a UTC hour with which bucket i begins. It reports false if the bucket begins with a whole
// hour: only days of some time zones begin within one.
func (b *Buckets) Head(i int) (part upstream.Window, ok bool) {
	if i == 0 || i >= len(b.days) {
		return part, false
	}
	start := b.days[i]
	hour := upstream.Hour.Floor(start)
	return upstream.Window{Start: start, End: min(hour+upstream.Hour.Seconds(), b.Window.End)}, hour != start
}
