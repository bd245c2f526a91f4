package page

import (
	"context"
	"reflect"
	"sort"

	"deliverygraph/upstream"
)

// order is what an upstream's sorting was seen to be, from good to bad.
type order uint8

const (
	byKey    order = iota // by time, email id, recipient: as promised
	byTime                // by time alone
	unsorted              // not at all
)

// leaf is an upstream page: the rows of one call.
type leaf[R any] struct {
	call
	answer []R   // as it came, but for rows that are too late at the end of a sorted one
	rows   []R   // those of it that are in the window, once; shared with others, never written
	raw    []int // where each row stood in the answer; nil where they stand together, lead behind its start
	lead   int   // rows of a sorted answer before those in the window
	full   bool  // further rows may follow
	padded bool  // had rows from outside the window, or twice, so that offsets do not count the list's rows
	order  order
	key    func(*R) Key
}

func (p *leaf[R]) keyAt(i int) Key { return p.key(&p.rows[i]).clip() }

// begins says that no row of the list from the call's start on is before the page.
func (p *leaf[R]) begins() bool { return p.offset == 0 || p.lead > 0 }

// rawAt is the place of row i in the answer, and so in offsets. One past the
// last row is one past the answer.
func (p *leaf[R]) rawAt(i int) int {
	switch {
	case i == len(p.rows):
		return len(p.answer)
	case p.raw != nil:
		return p.raw[i]
	default:
		return p.lead + i
	}
}

// indexOf is the index of the first row that stands at or behind place raw of the
// answer.
func (p *leaf[R]) indexOf(raw int) int {
	return sort.Search(len(p.rows), func(i int) bool { return p.rawAt(i) >= raw })
}

// second is the run of rows at time t, by index; for sorted pages.
func (p *leaf[R]) second(t upstream.Time) (from, to int) {
	from = sort.Search(len(p.rows), func(i int) bool { return p.key(&p.rows[i]).Time >= t })
	to = from + sort.Search(len(p.rows)-from, func(i int) bool { return p.key(&p.rows[from+i]).Time > t })
	return from, to
}

// newLeaf looks at an answer: how it is sorted, which rows are in the list's window. A
// row that is the one before it again is none of the list's, whose order is total: two
// nodes with one id are of no use to anybody.
func newLeaf[R any](c call, src *Source[R], rows []R) *leaf[R] {
	p := &leaf[R]{call: c, answer: rows, full: len(rows) >= upstream.PageSize, key: src.Key}
	w, key := src.Window, src.Key
	var last upstream.Time
	early, late, again := 0, 0, 0
	for i := range rows {
		at := src.Time(&rows[i])
		switch {
		case i == 0 || last < at:
		case last > at:
			p.order = unsorted
		default:
			switch d := key(&rows[i-1]).compare(key(&rows[i])); {
			case d > 0:
				p.order = max(p.order, byTime)
			case d == 0 && reflect.DeepEqual(rows[i-1], rows[i]):
				again++
				p.padded = true
			}
		}
		last = at
		switch {
		case at < w.Start:
			early++
			p.padded = true
		case at >= w.End:
			late++
			// A remote may take the window's end to belong to it. Nothing follows that
			// second, so its offsets are as good as any.
			p.padded = p.padded || at > w.End || p.full
		case at < c.start:
			p.padded = true
		}
	}
	if p.order != unsorted {
		// What is too early, or too late, stands together: the list begins, or ends, here.
		p.lead = early
		p.answer = rows[:len(rows)-late]
		p.full = p.full && late == 0
		if again == 0 {
			p.rows = p.answer[early:]
			return p
		}
	} else if early+late+again == 0 {
		p.rows = rows
		return p
	}
	p.rows, p.raw = make([]R, 0, len(rows)), make([]int, 0, len(rows))
	for i := range p.answer {
		if !w.Contains(src.Time(&rows[i])) || again > 0 && i > 0 && key(&rows[i]) == key(&rows[i-1]) && reflect.DeepEqual(rows[i-1], rows[i]) {
			continue
		}
		p.rows, p.raw = append(p.rows, rows[i]), append(p.raw, i)
	}
	return p
}

// next is the call that goes on where a full page ends, and how many rows of
// the window are older than its start, given how many are older than p's. In a
// sorted list the call's page begins with p's last row.
func (c *Connection[R]) next(p *leaf[R], older int) (call, int) {
	n := len(p.rows)
	switch order, padded := c.seen(); {
	case order == unsorted:
		return call{p.start, p.offset + len(p.answer)}, older
	case padded || n == 0: // starts are not heeded
		return call{c.src.Window.Start, older + p.offset + p.rawAt(max(0, n-1))}, 0
	}
	t := p.keyAt(n - 1).Time
	if t != p.start {
		from, _ := p.second(t)
		if from > 0 || p.offset == 0 { // else the second's first row lies before the page
			return call{t, n - 1 - from}, older + p.offset + from
		}
	}
	return call{p.start, p.offset + n - 1}, older
}

// leaf gives the page of an upstream call, asked once.
func (c *Connection[R]) leaf(ctx context.Context, at call) (*leaf[R], error) {
	c.mu.Lock()
	l := c.leaves[at]
	if l == nil {
		if len(c.leaves) >= maxCalls {
			c.mu.Unlock()
			return nil, &upstream.Error{Code: upstream.InvalidResponse, Message: "the metrics API's pages of this list do not fit together"}
		}
		l = &lazy[*leaf[R]]{}
		c.leaves[at] = l
	}
	c.mu.Unlock()
	return l.get(ctx, func(ctx context.Context) (*leaf[R], error) {
		end := c.src.Window.End
		rows, err := c.src.Fetch(ctx, upstream.Window{Start: at.start, End: end}, at.offset)
		if err != nil {
			return nil, err
		}
		p := newLeaf(at, &c.src, rows)
		c.learn(p)
		return p, nil
	})
}

// learn notes what a page tells about the whole list. Where rows come that are not
// the list's, offsets count them too, and those of one call need not be those of the
// next: then only a page that is the whole list tells its size.
func (c *Connection[R]) learn(p *leaf[R]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.order = max(c.order, p.order)
	if p.padded && !c.padded {
		c.padded, c.atLeast, c.sized = true, 0, c.whole
	}
	switch {
	case !p.full && (p.lead > 0 || p.call == call{c.src.Window.Start, 0}):
		c.size, c.sized, c.whole = len(p.rows), true, true
	case p.start != c.src.Window.Start, c.padded, c.src.Count != nil: // those who count know better
	case p.full:
		c.atLeast = max(c.atLeast, p.offset+len(p.rows))
	case len(p.rows) > 0:
		c.size, c.sized = p.offset+len(p.rows), true
	}
}

// seen is how the list was seen to be sorted, and whether pages are padded.
func (c *Connection[R]) seen() (o order, padded bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.order, c.padded
}

func (c *Connection[R]) sorting() order {
	o, _ := c.seen()
	return o
}
