package model

import (
	"path"
	"sort"
	"sync"
	"time"

	"deliverygraph/upstream"
)

// zones are the time zones used so far.
var zones sync.Map // of *time.Location by name

// ParseZone returns the time zone with a name of the IANA database, such as "Europe/Berlin".
func ParseZone(name string) (*time.Location, error) {
	if known, ok := zones.Load(name); ok {
		return known.(*time.Location), nil
	}
	z, err := time.LoadLocation(name)
	// A name is a path. Other spellings of it, such as "Europe//Berlin", would be kept without end.
	if err != nil || name == "" || name == "Local" || path.Clean(name) != name {
		return nil, badInput("there is no time zone %q: use a name such as \"Europe/Berlin\"", Excerpt(name))
	}
	zones.Store(name, z)
	return z, nil
}

// Days returns when the days of a time zone begin that a window touches. The first may begin before the window.
func Days(w upstream.Window, zone *time.Location) []upstream.Time {
	y, m, d := w.Start.UTC().In(zone).Date()
	var starts []upstream.Time
	for i := 0; ; i++ {
		start := dayStart(y, m, d+i, zone)
		if start >= w.End {
			return starts
		}
		if len(starts) == 0 || start > starts[len(starts)-1] { // some days were skipped altogether
			starts = append(starts, start)
		}
	}
}

// dayStart returns the first second of a day, which need not be midnight where clocks are changed then.
func dayStart(y int, m time.Month, d int, zone *time.Location) upstream.Time {
	noon := time.Date(y, m, d, 12, 0, 0, 0, zone)
	y, m, d = noon.Date()
	on := func(t time.Time) bool {
		ty, tm, td := t.Date()
		return ty == y && tm == m && td == d
	}
	midnight := time.Date(y, m, d, 0, 0, 0, 0, zone)
	if on(midnight) && !on(midnight.Add(-time.Second)) {
		return upstream.Time(midnight.Unix())
	}
	const most = 14 * 3600 // seconds before noon
	earlier := sort.Search(most, func(s int) bool { return !on(noon.Add(-time.Duration(s) * time.Second)) })
	return upstream.Time(noon.Unix() - int64(earlier) + 1)
}
