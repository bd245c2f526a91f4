package sqlite

import (
	"database/sql/driver"
	"fmt"
	"io"
	"strings"
	"sync"

	"deliverygraph/upstream"
)

// page is the place in a list that an offset leads to.
type page struct {
	list   string // the kind, who may be seen, and the filters
	offset int
}

// pages remembers behind which rows pages ended, so that the pages that follow begin there.
type pages struct {
	mu         sync.Mutex
	generation int64 // of the store
	recent     map[page]int64
	older      map[page]int64
}

// maxPages is how many places are remembered in each of the two maps.
const maxPages = 4096

func (p *pages) find(at page, generation int64) (last int64, found bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if generation != p.generation {
		return 0, false
	}
	if last, found = p.recent[at]; !found {
		last, found = p.older[at]
	}
	return last, found
}

func (p *pages) put(at page, generation, last int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if generation != p.generation || p.recent == nil {
		p.generation, p.recent, p.older = generation, map[page]int64{}, nil
	}
	if len(p.recent) >= maxPages {
		p.recent, p.older = map[page]int64{}, p.recent
	}
	p.recent[at] = last
}

// seek moves the start of the list to its offset: to where a page ended there, or else past
// the hours whose events are counted, as far as the filters allow.
func (l *listing) seek(only []upstream.ID, q upstream.ListQuery) error {
	l.skip = max(int64(q.Offset), 0)
	q.Offset = 0
	l.page = page{list: fmt.Sprint(l.kind.table, only, q.Encode(l.kind.Kind)), offset: int(l.skip)}
	var err error
	if l.generation, err = l.conn.number(l.ctx, "select max(generation) from change"); err != nil {
		return err
	}
	if l.skip > 0 {
		if last, found := l.store.pages.find(l.page, l.generation); found {
			l.lo, l.skip = last+1, 0
		}
	}
	if err := l.choose(); err != nil {
		return err
	}
	return l.skipHours()
}

// ended remembers where a full page ended.
func (l *listing) ended(last int64) {
	next := l.page
	next.offset += upstream.PageSize
	l.store.pages.put(next, l.generation, last)
}

// skipHours moves the start of the list past whole hours, by the counts of events, as far
// as rows are to be skipped.
func (l *listing) skipHours() error {
	start := timeOf(l.lo)
	first, end := upstream.Hour.Floor(start+hour-1), upstream.Hour.Floor(timeOf(l.hi))
	if l.skip == 0 || first >= end {
		return nil
	}
	c := counter{listing: l}
	for _, f := range l.filters {
		if f.counted == "" {
			return nil
		}
		c.where += " and " + f.counted
		c.args = append(c.args, f.args...)
	}
	if start < first {
		keys, args := l.keys(l.along, true, l.lo, firstID(first))
		n, err := l.conn.number(l.ctx, "select count(*) from ("+keys+")", args...)
		if err != nil || n > l.skip {
			return err
		}
		l.skip -= n
	}
	l.lo = firstID(first)
	midnight := upstream.Day.Floor(first + day - 1)
	found, err := c.hours(first, min(midnight, end))
	if err != nil || found || midnight >= end {
		return err
	}
	next, err := c.days(midnight, upstream.Day.Floor(end))
	if err != nil {
		return err
	}
	_, err = c.hours(next, min(next+day, end))
	return err
}

// counter counts the events that pass the filters of a list.
type counter struct {
	*listing
	where string
	args  []any
}

// hours skips whole hours of a day, and reports whether the last row to skip was in them.
func (c *counter) hours(from, to upstream.Time) (found bool, err error) {
	start := upstream.Day.Floor(from)
	err = c.conn.each(c.ctx, func(v []driver.Value) error {
		for at := from; at < to && !found; at += hour {
			n := integer(v[(at-start)/hour])
			if found = n > c.skip; !found {
				c.skip -= n
				c.lo = firstID(at + hour)
			}
		}
		return nil
	}, "select "+sumHours+" from event_count where kind = ? and day = ?"+c.where, append([]any{c.kind.table, int64(start)}, c.args...)...)
	return found, err
}

var sumHours = "sum(" + strings.Join(hourColumns, "), sum(") + ")"

// days skips whole days, and gives the day that the last row to skip is in, at most to.
func (c *counter) days(from, to upstream.Time) (next upstream.Time, err error) {
	next = to
	err = c.conn.each(c.ctx, func(v []driver.Value) error {
		if n := integer(v[1]); n > c.skip {
			next = upstream.Time(integer(v[0]))
			return io.EOF
		} else {
			c.skip -= n
		}
		return nil
	}, "select day, sum(total) from event_count where kind = ? and day >= ? and day < ?"+c.where+" group by day order by day",
		append([]any{c.kind.table, int64(from), int64(to)}, c.args...)...)
	c.lo = firstID(next)
	return next, err
}
