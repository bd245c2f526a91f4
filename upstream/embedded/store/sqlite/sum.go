package sqlite

import (
	"database/sql/driver"
	"slices"

	"deliverygraph/upstream"
)

const (
	hour = upstream.Time(3600)
	day  = 24 * hour
)

// sum adds up the events of a list by two dimensions, and by time. It calls add in any order, and several times for the
// same keys and time. The keys are texts or int64. At is the start of the hour or day, as times asks for it.
type sum struct {
	*listing
	by     [2]upstream.Dimension
	header string            // the name for [upstream.DimensionHeader]
	times  upstream.Interval // by which times are distinguished; 0 is none
	add    func(keys []driver.Value, at upstream.Time, n int64)
}

func (s *sum) run() {
	switch {
	case s.none:
	case s.isCounted():
		s.counted()
	case slices.Contains(s.by[:], upstream.DimensionHeader):
		s.headers()
	default:
		s.scan()
	}
}

// isCounted reports whether event_count has all that is needed.
func (s *sum) isCounted() bool {
	return dimensions[s.by[0]].counted != "" && dimensions[s.by[1]].counted != "" && s.filtersCounted()
}

// counted adds up whole days and hours as they are counted, and the rest by rows.
func (s *sum) counted() {
	rest := func(start, end upstream.Time) {
		if start < end {
			l, part := *s.listing, *s
			l.lo, l.hi = firstID(start), firstID(end)
			part.listing = &l
			part.scan()
		}
	}
	start, end := timeOf(s.lo), timeOf(s.hi)
	firstHour, endHour := upstream.Hour.Ceil(start), upstream.Hour.Floor(end)
	if firstHour > endHour { // within one hour
		rest(start, end)
		return
	}
	firstDay, endDay := upstream.Day.Ceil(firstHour), upstream.Day.Floor(endHour)
	if s.times == upstream.Hour || slices.Contains(s.by[:], upstream.DimensionHour) || firstDay >= endDay {
		firstDay, endDay = endHour, endHour
	}
	rest(start, firstHour)
	s.counts(hourList, firstHour, firstDay)
	s.counts("total", firstDay, endDay)
	s.counts(hourList, endDay, endHour)
	rest(endHour, end)
}

// counts adds up what event_count has from start on and before end: the totals of days, or the hours of hourList.
// Reading all days is faster than having SQLite group them.
func (s *sum) counts(numbers string, start, end upstream.Time) {
	if start >= end {
		return
	}
	byHour := slices.Index(s.by[:], upstream.DimensionHour)
	where, args := s.inCounts(upstream.Day.Floor(start), end)
	for v := range s.Rows("select "+dimensions[s.by[0]].counted+", "+dimensions[s.by[1]].counted+", day, "+numbers+
		" from event_count"+where+" order by day", args...) {
		midnight := upstream.Time(integer(v[2]))
		for h, n := range v[3:] {
			at := midnight + upstream.Time(h)*hour
			if at < start || at >= end || integer(n) == 0 {
				continue
			}
			if byHour >= 0 {
				v[byHour] = int64(at)
			}
			s.add(v[:2], s.floor(at), integer(n))
		}
	}
}

// floor returns the start of the hour or day of a time, if times are distinguished.
func (s *sum) floor(at upstream.Time) upstream.Time {
	if s.times == 0 {
		return 0
	}
	return s.times.Floor(at)
}
