package page

import (
	"context"
	"reflect"
	"sort"

	"deliverygraph/upstream"
)

// order is how the upstream was seen to sort, from best to worst.
type order uint8

const (
	byKey    order = iota // by time, email id, recipient: as documented
	byTime                // by time alone
	unsorted              // not at all
)

// upstreamPage is an upstream page: the rows of one call.
type upstreamPage[R any] struct {
	call
	answer []R   // the answer; if sorted, without trailing rows that are too late
	rows   []R   // the distinct rows of answer within the window; shared, never modified
	raw    []int // index in answer of each row; nil if the rows are contiguous, starting at lead
	lead   int   // number of rows in a sorted answer before those in the window
	full   bool  // more rows may follow
	padded bool  // had rows from outside the window or repeated rows, which offsets count
	order  order
	key    func(*R) Key
}

func (p *upstreamPage[R]) keyAt(i int) Key { return clipKey(p.key(&p.rows[i])) }

// begins reports whether no row of the list, from the call's start on, comes before the page.
func (p *upstreamPage[R]) begins() bool { return p.offset == 0 || p.lead > 0 }

// rawAt returns the index of row i in the answer, in the unit of offsets. For i == len(rows) it returns the
// length of the answer.
func (p *upstreamPage[R]) rawAt(i int) int {
	switch {
	case i == len(p.rows):
		return len(p.answer)
	case p.raw != nil:
		return p.raw[i]
	default:
		return p.lead + i
	}
}

// indexOf returns the index of the first row at or after index raw of the answer.
func (p *upstreamPage[R]) indexOf(raw int) int {
	return sort.Search(len(p.rows), func(i int) bool { return p.rawAt(i) >= raw })
}

// second returns the range of rows at time t. The page must be sorted.
func (p *upstreamPage[R]) second(t upstream.Time) (from, to int) {
	from = sort.Search(len(p.rows), func(i int) bool { return p.key(&p.rows[i]).Time >= t })
	to = from + sort.Search(len(p.rows)-from, func(i int) bool { return p.key(&p.rows[from+i]).Time > t })
	return from, to
}

// Rows returns those rows of an answer to the first call of a list that belong to the list.
func (src *Source[R]) Rows(answer []R) []R {
	return newUpstreamPage(call{src.Window.Start, 0}, src, answer).rows
}

// newUpstreamPage inspects an answer: how it is sorted, and which rows are in the list's window. It drops a row that is
// identical to the row before it. The list's order is total, so such a row does not belong to the list, and
// clients cannot use two nodes with one id.
func newUpstreamPage[R any](c call, src *Source[R], rows []R) *upstreamPage[R] {
	p := &upstreamPage[R]{call: c, answer: rows, full: len(rows) >= upstream.PageSize, key: src.Key}
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
			switch d := key(&rows[i-1]).Compare(key(&rows[i])); {
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
			// A remote may count the window's end as part of the window. Nothing follows that second, so its
			// offsets can be trusted.
			p.padded = p.padded || at > w.End || p.full
		case at < c.start:
			p.padded = true
		}
	}
	if p.order != unsorted {
		// Rows that are too early or too late are contiguous: they mark the start or the end of the list.
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
		repeats := again > 0 && i > 0 && key(&rows[i]) == key(&rows[i-1]) && reflect.DeepEqual(rows[i-1], rows[i])
		if !w.Contains(src.Time(&rows[i])) || repeats {
			continue
		}
		p.rows, p.raw = append(p.rows, rows[i]), append(p.raw, i)
	}
	return p
}

// next returns the call that continues after a full page, and how many rows of the window are older than the start of
// that call, given how many are older than p's. In a sorted list the page of that call begins with p's last row.
func (c *Connection[R]) next(p *upstreamPage[R], older int) (call, int) {
	n := len(p.rows)
	switch order, padded := c.seen(); {
	case order == unsorted:
		return call{p.start, p.offset + len(p.answer)}, older
	case padded || n == 0: // the remote ignores start times
		return call{c.src.Window.Start, older + p.offset + p.rawAt(max(0, n-1))}, 0
	}
	t := p.keyAt(n - 1).Time
	if t != p.start {
		from, _ := p.second(t)
		if from > 0 || p.offset == 0 { // otherwise the second's first row lies before the page
			return call{t, n - 1 - from}, older + p.offset + from
		}
	}
	return call{p.start, p.offset + n - 1}, older
}

// fetch returns the page of an upstream call. Each call is made once.
func (c *Connection[R]) fetch(ctx context.Context, at call) (*upstreamPage[R], error) {
	c.mu.Lock()
	l := c.pages[at]
	if l == nil {
		if len(c.pages) >= maxCalls {
			c.mu.Unlock()
			return nil, errApart
		}
		l = &once[*upstreamPage[R]]{}
		if c.pages == nil {
			c.pages = map[call]*once[*upstreamPage[R]]{}
		}
		c.pages[at] = l
	}
	c.mu.Unlock()
	return l.get(ctx, func(ctx context.Context) (*upstreamPage[R], error) {
		end := c.src.Window.End
		rows, err := c.src.Fetch(ctx, upstream.Window{Start: at.start, End: end}, at.offset)
		if err != nil {
			return nil, err
		}
		p := newUpstreamPage(at, &c.src, rows)
		c.judge(p)
		c.learn(p)
		return p, nil
	})
}

// judge records what a page of the list, or of a part of it, shows about the remote. The offsets of a remote that pads
// also count rows that do not belong to the list, and may do so in one call and not in another, so a size that they
// showed is forgotten. A page that pads need not show it: all its rows may belong to the list.
func (c *Connection[R]) judge(p *upstreamPage[R]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.order = max(c.order, p.order)
	if p.padded && !c.padded {
		c.padded, c.far, c.sized = true, nil, c.whole
	}
}

// learn records what a page shows about the size of the list. If the list is padded, only a page that contains all of
// it does.
func (c *Connection[R]) learn(p *upstreamPage[R]) {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case !p.full && (p.lead > 0 || p.call == call{c.src.Window.Start, 0}):
		c.size, c.sized, c.whole = len(p.rows), true, true
	case p.start != c.src.Window.Start, c.padded, c.src.Count != nil: // the counts endpoint is more reliable
	case p.full:
		if c.far == nil || p.offset > c.far.offset {
			c.far = p
		}
	case len(p.rows) > 0:
		c.size, c.sized = p.offset+len(p.rows), true
	}
}

// seen returns how the list was seen to be sorted, and whether its pages are padded.
func (c *Connection[R]) seen() (o order, padded bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.order, c.padded
}

func (c *Connection[R]) sorting() order {
	o, _ := c.seen()
	return o
}

// verdict says whether a page covers a key.
type verdict uint8

const (
	covers verdict = iota // the page holds the neighbours of the key, without gaps
	short                 // the page ends before the key, and more rows follow
	beyond                // the page begins after the key, and not at the start of the list
)

// locate finds where key k is, or would be, in a page of a sorted list. With ahead, it returns the index of the first
// row after k; otherwise that of the first row not before k. An index of len(rows) means that k's neighbour on that
// side is not in the page. If the remote wrongly returned k twice, the occurrence nearest to index expect counts.
//
// Identity takes precedence over order, so paging works on a remote that sorts by time alone, as long as no row
// disappears. The argument loose says that the remote is one of those.
func (p *upstreamPage[R]) locate(k Key, expect int, ahead, loose bool) (int, verdict) {
	from, to := p.second(k.Time)
	found := -1
	for i := from; i < to; i++ {
		if p.keyAt(i) == k && (found < 0 || distance(i, expect) < distance(found, expect)) {
			found = i
		}
	}
	i := found
	switch {
	case found >= 0 && ahead:
		return found + 1, covers // k itself connects the page to what came before
	case found < 0:
		for i = from; i < to; i++ {
			if p.keyAt(i).Compare(k) > 0 {
				break
			}
		}
		if loose && to == len(p.rows) && from < to && p.full {
			return to, short // k may be among the further rows of its second
		}
		if i == len(p.rows) && p.full {
			return i, short
		}
	}
	if i == 0 && !p.begins() {
		return 0, beyond
	}
	return i, covers
}

func distance(a, b int) int { return max(a-b, b-a) }
