package clickhouse

import (
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// place is where the rows of a page begin.
type place struct {
	time upstream.Time // of the last row before it
	skip int           // rows of this time that are before it
}

// resume moves the window to where the page before ended, if it was read.
func (l *listing) resume(q *upstream.ListQuery) (err error) {
	l.page = store.PageOf(l.kind.Kind, l.only, *q)
	if l.before, err = l.changes(l.ctx); err != nil {
		return err
	}
	at, ok, err := l.places.Find(l.page, l.changed)
	if ok {
		l.window.Start, l.skip = at.time, at.skip
	}
	return err
}

// seek moves the window to the hours of the page: it counts rows in longer and longer parts of the window until the end
// of the page is found.
func (l *listing) seek() error {
	type hours struct {
		start upstream.Time
		rows  uint64
	}
	before, rest := 0, l.window
	const firstPart = 6 * hour // which is often enough
	for length := firstPart; rest.Start < rest.End; length *= 4 {
		part := upstream.Window{Start: rest.Start, End: min(rest.End, upstream.Hour.Floor(rest.Start+length))}
		rest.Start = part.End
		if part.Start == l.window.Start && part.End-part.Start <= hour {
			break // nothing to gain
		}
		var counted []hours
		var h hours
		ask := func(from string) (err error) {
			counted, err = collect(l.ctx, "select "+bucket(upstream.Hour)+" as hour, sum(total) from "+from+
				" group by hour order by hour", &h, &h.start, &h.rows)
			return err
		}
		var err error
		if length > firstPart && !l.events {
			err = l.hourly(l.ctx, l.kind, part, l.filter, ask)
		} else {
			err = ask("(select time, toUInt64(1) as total from " + l.from(l.kind) + " where " + l.in(part) + ")")
		}
		if err != nil {
			return err
		}
		for _, h := range counted {
			if before+int(h.rows) <= l.skip { // the page begins later
				before += int(h.rows)
				l.window.Start = max(l.window.Start, h.start+hour)
				l.skip -= int(h.rows)
				before = 0
				continue
			}
			if before += int(h.rows); before >= l.skip+upstream.PageSize {
				l.window.End = min(l.window.End, h.start+hour)
				return nil
			}
		}
	}
	return nil
}

// ended remembers where a full page ended.
func (l *listing) ended(rows []row) {
	at := place{time: rows[len(rows)-1].Time}
	for _, r := range slices.Backward(rows) {
		if r.Time != at.time {
			break
		}
		at.skip++
	}
	if at.skip == len(rows) {
		if l.window.Start != at.time {
			return // the page began within this second
		}
		at.skip += l.skip
	}
	_ = l.places.AddNext(l.page, at.time, at, l.changed)
}

// changed returns the number of the last change of events of an age, before anything was read.
func (l *listing) changed(age int64) (int64, error) { return l.before.from(levelOf(age)), nil }
