package page

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"deliverygraph/upstream"
)

// settled is the number of rows of a window in which they no longer change.
type settled struct {
	window upstream.Window
	rows   int
	since  time.Time // when it was asked for
}

// maxPieceCalls is the maximum number of calls of a connection that end before the window does.
const maxPieceCalls = 64

// piece is a part of the window that is counted by itself, and added or, if it lies before the window, subtracted.
type piece[R any] struct {
	window upstream.Window
	sign   int
	sizer  *sizer[R]
	rows   int
	err    error
}

// fromSettled returns the number of rows of the list: the settled ones, which the memory knows, and the rest. It counts
// what the memory does not know concurrently. It reports false if the list cannot be counted in parts.
func (c *Connection[R]) fromSettled(ctx context.Context) (n int, ok bool, err error) {
	w := c.src.Window
	if c.src.Memory == nil {
		return 0, false, nil
	}
	before, now, trusted := c.src.Memory.Settled()
	past := upstream.Window{Start: w.Start, End: min(before, w.End)}
	if past.Start >= past.End || c.odd() {
		return 0, false, nil
	}
	known, found := c.recalled().nearest(past, trusted)
	if !found && (c.src.Brief || w.End-w.Start < briefWindow) {
		if _, err := c.fetch(ctx, call{w.Start, 0}); err != nil {
			return 0, false, err
		}
		if n, ok := c.knownSize(); ok {
			return n, true, nil
		}
	}
	var calls atomic.Int32 // for windows other than the list's
	part := func(from, to upstream.Time, sign int) piece[R] {
		in := upstream.Window{Start: from, End: to}
		p := piece[R]{window: in, sign: sign}
		p.sizer = c.sizer(in, func(ctx context.Context, offset int) (*upstreamPage[R], error) {
			if in.End == w.End {
				return c.fetch(ctx, call{in.Start, offset})
			}
			if calls.Add(1) > maxPieceCalls {
				return nil, errApart
			}
			rows, err := c.src.Fetch(ctx, in, offset)
			if err != nil {
				return nil, err
			}
			l := newUpstreamPage(call{in.Start, offset}, &Source[R]{Window: in, Key: c.src.Key, Time: c.src.Time}, rows)
			c.judge(l)
			return l, nil
		})
		p.sizer.brief = p.sizer.brief || found || in.Start != past.Start
		return p
	}
	var pieces []piece[R]
	add := func(from, to upstream.Time, sign int) {
		if from < to {
			pieces = append(pieces, part(from, to, sign))
		}
	}
	seam := past.End // between what has settled and the rest
	if found {
		if known.fits(w.End) { // one page shows both
			seam = known.window.End
		}
		add(known.window.Start, past.Start, -1)
		add(past.Start, known.window.Start, 1)
		add(known.window.End, seam, 1)
	} else {
		known.since = now
		add(past.Start, past.End, 1)
		c.seed(pieces[0].sizer)
	}
	parts := len(pieces) // of the past
	add(seam, w.End, 1)
	upstream.Concurrently(len(pieces), func(i int) { pieces[i].rows, pieces[i].err = pieces[i].sizer.size(ctx) })
	sum := settled{upstream.Window{Start: past.Start, End: seam}, known.rows, known.since}
	n = known.rows
	for i, p := range pieces {
		if p.err != nil {
			return 0, false, p.err
		}
		if n += p.sign * p.rows; i < parts {
			sum.rows = n
		}
	}
	if c.odd() || n < 0 {
		return 0, false, nil
	}
	if seam < w.End {
		c.edge = pieces[parts].sizer.last
	}
	if p := c.edge; p != nil && p.offset == 0 && seam < past.End {
		more, _ := p.second(past.End)
		sum.rows += more
		sum.window.End = past.End
	}
	if sum != known {
		r := c.recalled()
		r.settled = r.with(sum)
		c.record(r)
	}
	return n, true, nil
}

// fits reports whether the rows from the end of the settled window up to a time probably fit on a page.
func (s settled) fits(to upstream.Time) bool {
	rows := float64(s.rows) / float64(s.window.End-s.window.Start) * float64(to-s.window.End)
	return rows < upstream.PageSize/2
}

// seed passes what the pages of the list have shown to the sizer of a window that begins with the list.
func (c *Connection[R]) seed(s *sizer[R]) {
	c.mu.Lock()
	p := c.far
	c.mu.Unlock()
	if p == nil {
		return
	}
	if end := s.window.End; p.keyAt(len(p.rows)-1).Time < end {
		s.note(p)
	} else if p.keyAt(0).Time < end {
		i, _ := p.second(end)
		s.rows = p.offset + i
	}
}

// odd reports whether the list's pages are such that windows may not add up.
func (c *Connection[R]) odd() bool {
	o, padded := c.seen()
	return o == unsorted || padded
}

// maxSettled is how many windows of a list are remembered.
const maxSettled = 8

// nearest returns the count that differs least from the count of a window, if it is worth starting from. It must
// have been asked for since the given time.
func (r recollection) nearest(w upstream.Window, since time.Time) (best settled, found bool) {
	least := (w.End-w.Start)/4 + 1
	for _, s := range r.settled {
		d := max(s.window.Start-w.Start, w.Start-s.window.Start) + w.End - s.window.End
		if s.window.End <= w.End && d < least && !s.since.Before(since) {
			best, found, least = s, true, d
		}
	}
	return best, found
}

// with returns the counts and a new one. It takes the place of one that it was made from, as a window moves with
// the clock.
func (r recollection) with(s settled) []settled {
	old, replaces := r.nearest(s.window, time.Time{})
	all := slices.DeleteFunc(slices.Clone(r.settled), func(o settled) bool { return replaces && o == old })
	if len(all) >= maxSettled {
		all = all[1:]
	}
	return append(all, s)
}

// Memory keeps what one operation learned about a list for the next one. It belongs to one filter as one caller
// sees it, whatever the window. It may forget at any time.
type Memory interface {
	// Load returns the value that was stored last, or nil.
	Load() any
	// Store keeps a value of about the given number of bytes, which is not changed afterwards.
	Store(value any, bytes int)
	// Settled returns the time before which rows no longer change, the current time, and the time since which what
	// was asked about such rows is trusted.
	Settled() (before upstream.Time, now, since time.Time)
}

// recollection is what a [Memory] keeps. If two operations store one at once, one of them learned in vain.
type recollection struct {
	tail    tail
	settled []settled
}

func (c *Connection[R]) recalled() (r recollection) {
	r, _ = c.src.Memory.Load().(recollection)
	return r
}

func (c *Connection[R]) record(r recollection) { c.src.Memory.Store(r, 64+64*len(r.settled)) }
