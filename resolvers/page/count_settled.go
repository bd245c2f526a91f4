package page

import (
	"context"
	"slices"
	"time"

	"deliverygraph/upstream"
)

// settled is the number of rows of a window in which they no longer change.
type settled struct {
	window upstream.Window
	rows   int
	since  time.Time // when it was asked for
}

// maxPartCalls is the maximum number of calls of a connection for parts of the window that end before it does.
const maxPartCalls = 64

// part is a part of the window that is counted by itself, and added or, if it lies before the window, subtracted.
type part[R any] struct {
	*sizer[R]
	sign  int
	count int
	err   error
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
	var parts []part[R]
	add := func(from, to upstream.Time, sign int) {
		if from < to {
			s := c.sizer(upstream.Window{Start: from, End: to})
			s.brief = s.brief || found || from != past.Start
			parts = append(parts, part[R]{sizer: s, sign: sign})
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
		c.seed(parts[0].sizer)
	}
	settledParts := len(parts)
	add(seam, w.End, 1)
	upstream.Concurrently(len(parts), func(i int) { parts[i].count, parts[i].err = parts[i].size(ctx) })
	sum := settled{upstream.Window{Start: past.Start, End: seam}, known.rows, known.since}
	n = known.rows
	for i, p := range parts {
		if p.err != nil {
			return 0, false, p.err
		}
		if n += p.sign * p.count; i < settledParts {
			sum.rows = n
		}
	}
	if c.odd() || n < 0 {
		return 0, false, nil
	}
	if seam < w.End {
		c.edge = parts[settledParts].last
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

// fetchPart returns a page of the list's window, or of a part of it.
func (c *Connection[R]) fetchPart(ctx context.Context, in upstream.Window, offset int) (*upstreamPage[R], error) {
	at := call{in.Start, offset}
	if in.End == c.src.Window.End {
		return c.fetch(ctx, at)
	}
	if c.partCalls.Add(1) > maxPartCalls {
		return nil, errApart
	}
	part := c.src
	part.Window = in
	rows, err := part.Fetch(ctx, in, offset)
	if err != nil {
		return nil, err
	}
	p := newUpstreamPage(at, &part, rows)
	c.judge(p)
	return p, nil
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
