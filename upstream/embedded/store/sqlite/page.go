package sqlite

import (
	"database/sql/driver"
	"fmt"
	"io"
	"sync"

	"deliverygraph/upstream"
)

// page is where a page of a list begins.
type page struct {
	list   string // the kind, the visible users and the filters
	offset int
}

// pages remembers the last ids of pages, so that the next pages start there.
type pages struct {
	mu         sync.Mutex
	generation int64 // of the store
	recent     map[page]int64
	older      map[page]int64
}

// maxPages is the maximum size of each of the two maps.
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

// seek moves the start of the list to its offset: to the end of the page before, or past whole days.
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
	return l.skipDays()
}

// ended remembers the last id of a full page.
func (l *listing) ended(last int64) {
	next := l.page
	next.offset += upstream.PageSize
	l.store.pages.put(next, l.generation, last)
}

// skipDays moves the start of the list past whole days, as far as rows are to be skipped, if events are counted by all
// filters.
func (l *listing) skipDays() error {
	first, end := upstream.Day.Floor(timeOf(l.lo)+day-1), upstream.Day.Floor(timeOf(l.hi))
	if l.skip == 0 || first >= end {
		return nil
	}
	var where string
	args := []any{l.kind.table, int64(first), int64(end)}
	for _, f := range l.filters {
		if f.counted == "" {
			return nil
		}
		where += " and " + f.counted
		args = append(args, f.args...)
	}
	keys, keyArgs := l.keys(l.along, true, l.lo, firstID(first))
	n, err := l.conn.number(l.ctx, "select count(*) from ("+keys+")", keyArgs...)
	if err != nil || n > l.skip {
		return err
	}
	l.lo, l.skip = firstID(first), l.skip-n
	return l.conn.each(l.ctx, func(v []driver.Value) error {
		next, n := upstream.Time(integer(v[0])), integer(v[1])
		if n > l.skip {
			l.lo = firstID(next)
			return io.EOF
		}
		l.lo, l.skip = firstID(next+day), l.skip-n
		return nil
	}, "select day, sum(total) from event_count where kind = ? and day >= ? and day < ?"+where+
		" group by day order by day", args...)
}
