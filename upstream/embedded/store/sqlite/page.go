package sqlite

import (
	"fmt"
	"slices"
	"time"

	"deliverygraph/upstream"
)

// page is where a page of a list begins.
type page struct {
	list   string // the kind, the visible users and the filters
	offset int
}

// place is the last row before a page. It is right as long as older events do not change.
type place struct {
	last       int64 // its id
	age        int64 // of such changes, in seconds: see the change table
	generation int64 // of the last one
}

// maxPages is the number of pages after which their places are forgotten.
const maxPages = 8192

// seek moves the start of the list to its offset: to the end of the page before, or past whole days.
func (l *listing) seek(only []upstream.ID, q upstream.ListQuery) {
	l.skip = max(int64(q.Offset), 0)
	q.Offset = 0
	l.page = page{list: fmt.Sprint(l.kind.table, only, q.Encode(l.kind.Kind)), offset: int(l.skip)}
	if l.skip > 0 {
		found, _ := l.store.places.Load(l.page)
		if at, ok := found.(place); ok && l.changed(at.age) == at.generation {
			l.lo, l.skip = at.last+1, 0
		}
	}
	l.choose()
	l.skipDays()
}

// ended remembers the last id of a full page. Clocks of other processes may be an hour behind.
func (l *listing) ended(last int64) {
	next := l.page
	next.offset += upstream.PageSize
	age := max(0, time.Now().Unix()-int64(timeOf(last)+hour))
	if l.store.pages.Add(1)%maxPages == 0 {
		l.store.places.Clear()
	}
	l.store.places.Store(next, place{last, age, l.changed(age)})
}

// changed returns the number of the last change of events of an age.
func (r *reader) changed(age int64) int64 { return r.number(changeOf, age) }

// Queries for the number of the last change, and of the last one of events of an age. There may be a row for each batch
// of an import, but the lower the age, the higher the number.
const (
	lastChange = "select generation from change order by age limit 1"
	changeOf   = "select generation from change where age >= ? order by age limit 1"
)

// skipDays moves the start of the list past whole days, as far as rows are to be skipped, if events are counted by all
// filters.
func (l *listing) skipDays() {
	first, end := upstream.Day.Floor(timeOf(l.lo)+day-1), upstream.Day.Floor(timeOf(l.hi))
	if l.skip == 0 || first >= end {
		return
	}
	if slices.ContainsFunc(l.filters, func(f filter) bool { return f.counted == "" }) {
		return
	}
	keys, keyArgs := l.keys(l.along, true, l.lo, firstID(first))
	n := l.number("select count(*) from ("+keys+")", keyArgs...)
	if n > l.skip {
		return
	}
	l.lo, l.skip = firstID(first), l.skip-n
	where, args := l.inCounts(first, end)
	for v := range l.rows("select day, sum(total) from event_count"+where+" group by day order by day", args...) {
		next, n := upstream.Time(integer(v[0])), integer(v[1])
		if n > l.skip {
			l.lo = firstID(next)
			return
		}
		l.lo, l.skip = firstID(next+day), l.skip-n
	}
}

// inCounts returns the condition on event_count for days from first on and before end. All filters must be counted.
func (l *listing) inCounts(first, end upstream.Time) (where string, args []any) {
	where, args = " where kind = ? and day >= ? and day < ?", []any{l.kind.table, int64(first), int64(end)}
	for _, f := range l.filters {
		where += " and " + f.counted
		args = append(args, f.args...)
	}
	return where, args
}
