package sqlite

import (
	"database/sql/driver"
	"iter"
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
	times  upstream.Interval // by which times are told apart; 0 is none
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
	return countedColumn(s.by[0]) != "" && countedColumn(s.by[1]) != "" &&
		!slices.ContainsFunc(s.filters, func(f filter) bool { return f.counted == "" })
}

// countedColumn returns the column of event_count for a dimension, or "". Hours have the column of their day.
func countedColumn(d upstream.Dimension) string {
	switch d {
	case upstream.NoDimension:
		return constant
	case upstream.DimensionType, upstream.DimensionDelivered:
		return "type"
	case upstream.DimensionUser:
		return "user_id"
	case upstream.DimensionSender:
		return "sender_id"
	case upstream.DimensionHour, upstream.DimensionDay:
		return "day"
	}
	return ""
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
	firstHour, endHour := upstream.Hour.Floor(start+hour-1), upstream.Hour.Floor(end)
	if firstHour > endHour { // within one hour
		rest(start, end)
		return
	}
	firstDay, endDay := upstream.Day.Floor(firstHour+day-1), upstream.Day.Floor(endHour)
	if s.times == upstream.Hour || slices.Contains(s.by[:], upstream.DimensionHour) || firstDay >= endDay {
		firstDay, endDay = endHour, endHour
	}
	rest(start, firstHour)
	s.hours(firstHour, firstDay)
	// Reading all days is faster than having SQLite group them.
	for v := range s.counts("total", firstDay, endDay) {
		s.add(v[:2], s.floor(upstream.Time(integer(v[2]))), integer(v[3]))
	}
	s.hours(endDay, endHour)
	rest(endHour, end)
}

// hours adds up whole hours.
func (s *sum) hours(start, end upstream.Time) {
	byHour := slices.Index(s.by[:], upstream.DimensionHour)
	for v := range s.counts(hourList, start, end) {
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

// counts reads the keys, the day and numbers of event_count, from the day of start on and before end, in order of time.
func (s *sum) counts(numbers string, start, end upstream.Time) iter.Seq[[]driver.Value] {
	if start >= end {
		return func(func([]driver.Value) bool) {}
	}
	where, args := s.inCounts(upstream.Day.Floor(start), end)
	return s.Rows("select "+countedColumn(s.by[0])+", "+countedColumn(s.by[1])+", day, "+numbers+" from event_count"+
		where+" order by day", args...)
}

// floor returns the start of the hour or day of a time, if times are told apart.
func (s *sum) floor(at upstream.Time) upstream.Time {
	if s.times == 0 {
		return 0
	}
	return s.times.Floor(at)
}
