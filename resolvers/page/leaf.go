package page

import (
	"context"
	"sort"

	"deliverygraph/upstream"
)

// order is what an upstream's sorting was seen to be, from good to bad.
type order uint8

const (
	byKey    order = iota // by time, email id, recipient: as promised
	byTime                // by time alone
	unsorted              // not at all, or with rows from outside the window
)

// leaf is an upstream page: the rows of one call.
type leaf[R any] struct {
	call
	rows  []R   // those in the window; shared with others, never written
	raw   []int // where each row stood in the answer; nil where nothing was dropped in between
	size  int   // rows of the answer, dropped ones too
	full  bool  // further rows may follow
	order order
	key   func(*R) Key
}

func (p *leaf[R]) keyAt(i int) Key { return p.key(&p.rows[i]).clip() }

// rawAt is the place of row i in the answer, and so in offsets. One past the
// last row is one past the answer.
func (p *leaf[R]) rawAt(i int) int {
	switch {
	case i == len(p.rows):
		return p.size
	case p.raw != nil:
		return p.raw[i]
	default:
		return i
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

// newLeaf looks at an answer: how it is sorted, which rows are in the window.
func newLeaf[R any](c call, end upstream.Time, rows []R, key func(*R) Key) *leaf[R] {
	p := &leaf[R]{call: c, size: len(rows), full: len(rows) >= upstream.PageSize, key: key}
	w := upstream.Window{Start: c.start, End: end}
	kept := rows // until a row is dropped from between
	var last Key
	tail := 0 // rows at the end that are too late
	for i := range rows {
		k := key(&rows[i])
		if i > 0 {
			switch d := last.compare(k); {
			case last.Time > k.Time:
				p.order = unsorted
			case d > 0:
				p.order = max(p.order, byTime)
			}
		}
		last = k
		switch {
		case k.Time >= end:
			tail++
		case k.Time < c.start, tail > 0:
			p.order = unsorted
		}
	}
	switch {
	case tail == 0 && p.order != unsorted:
	case p.order != unsorted:
		// A remote that takes the window's end to belong to it. The rest is too
		// late as well, so the list ends here.
		kept, p.size, p.full = rows[:len(rows)-tail], len(rows)-tail, false
	default:
		kept, p.raw = make([]R, 0, len(rows)), make([]int, 0, len(rows))
		for i := range rows {
			if w.Contains(key(&rows[i]).Time) {
				kept, p.raw = append(kept, rows[i]), append(p.raw, i)
			}
		}
	}
	p.rows = kept
	return p
}

// next is the call that goes on where a full page ends, and how many rows of
// the window are older than its start, given how many are older than p's. In a
// sorted list the call's page begins with p's last row.
func (p *leaf[R]) next(older int) (call, int) {
	n := len(p.rows)
	if p.order == unsorted {
		return call{p.start, p.offset + p.size}, older
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
		p := newLeaf(at, end, rows, c.src.Key)
		c.learn(p)
		return p, nil
	})
}

// learn notes what a page tells about the whole list.
func (c *Connection[R]) learn(p *leaf[R]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.order = max(c.order, p.order)
	if p.start != c.src.Window.Start {
		return
	}
	switch {
	case p.full:
		c.atLeast = max(c.atLeast, p.offset+p.size)
	case len(p.rows) > 0 || p.offset == 0:
		c.size, c.sized = p.offset+len(p.rows), true
	}
}

func (c *Connection[R]) sorting() order {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.order
}
