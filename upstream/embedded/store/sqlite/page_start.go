package sqlite

import (
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// seek moves the start of the list to its offset: to the end of the page before, or past whole days.
func (l *listing) seek(q *upstream.ListQuery) {
	l.page, l.skip = store.PageOf(l.kind.Kind, l.only, *q), int64(max(q.Offset, 0))
	if last, ok, _ := l.store.places.Find(l.page, l.changed); ok {
		l.lo, l.skip = last+1, 0
	}
	l.choose()
	l.skipDays()
}

// ended remembers the last id of a full page.
func (l *listing) ended(last int64) {
	_ = l.store.places.AddNext(l.page, timeOf(last), last, l.changed)
}

// skipDays moves the start of the list past whole days, as far as rows are to be skipped, if events are counted by all
// filters.
func (l *listing) skipDays() {
	first, end := upstream.Day.Ceil(timeOf(l.lo)), upstream.Day.Floor(timeOf(l.hi))
	if l.skip == 0 || first >= end || !l.filtersCounted() {
		return
	}
	keys, keyArgs := l.keys(l.lo, firstID(first))
	n := l.Number("select count(*) from ("+keys+")", keyArgs...)
	if n > l.skip {
		return
	}
	l.lo, l.skip = firstID(first), l.skip-n
	where, args := l.inCounts(first, end)
	for v := range l.Rows("select day, sum(total) from event_count"+where+" group by day order by day", args...) {
		next, n := upstream.Time(integer(v[0])), integer(v[1])
		if n > l.skip {
			l.lo = firstID(next)
			return
		}
		l.lo, l.skip = firstID(next+day), l.skip-n
	}
}

// filtersCounted reports whether events are counted by all filters.
func (l *listing) filtersCounted() bool {
	return !slices.ContainsFunc(l.filters, func(f *filter) bool { return f.counted == "" })
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
