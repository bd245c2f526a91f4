package page

import (
	"context"
	"errors"

	"deliverygraph/upstream"
)

const (
	// maxCalls is the maximum number of upstream calls of a connection. A page needs one or two; totals and
	// searches grow with the logarithm of the list.
	maxCalls = 64
	// maxSteps bounds loops over pages that are already fetched.
	maxSteps = 256
	// maxConflicts is the number of contradicting pages that a search tolerates.
	maxConflicts = 6
	// stride is the number of rows in a page that are not in the page before it.
	stride = upstream.PageSize - 1
	// maxOffset is greater than the length of any list.
	maxOffset = 1 << 40
)

// spot is a place between two rows: before row i of a page. The field older is the number of rows of the window
// that are older than the page's start. It is exact for pages from the window's start; for others it dates from
// when the walk passed there.
type spot[R any] struct {
	page  *upstreamPage[R]
	older int
	i     int
}

// position returns the index in the whole list of the row after the spot, as far as known.
func (s spot[R]) position() int { return s.older + s.page.offset + s.page.rawAt(s.i) }

// begins reports whether no row of the window comes before the spot.
func (s spot[R]) begins(w upstream.Window) bool {
	return s.i == 0 && (s.page.lead > 0 || s.page.call == call{w.Start, 0})
}

// ends reports whether the page has no row after the spot.
func (s spot[R]) ends() bool { return s.i == len(s.page.rows) }

// guess is a call whose page may contain a key, and the expected position of the key in the call's list.
type guess struct {
	call  call
	older int
	at    int
}

// errUnsorted reports that the list turned out to be unsorted. Callers then use offsets.
var errUnsorted = errors.New("unsorted list")

// seek finds the page that covers k, starting from a guess. The first try succeeds unless rows arrived or disappeared,
// or a cached page dates from another moment. With ahead, the spot is after k, otherwise before it. The page has rows
// on that side if the list has any. seek doubles its steps until it has passed k, then bisects. If the list is known to
// be unsorted, or turns out to be, the error is errUnsorted.
func (c *Connection[R]) seek(ctx context.Context, g guess, k Key, ahead bool) (spot[R], error) {
	if c.sorting() == unsorted {
		return spot[R]{}, errUnsorted
	}
	low, high := -1, -1 // offsets of pages that end before k, and that begin after it
	moved, step, conflicts := false, stride, 0
	for range maxSteps {
		p, err := c.fetch(ctx, g.call)
		if err != nil {
			return spot[R]{}, err
		}
		o, padded := c.seen()
		if o == unsorted {
			return spot[R]{}, errUnsorted
		}
		i, v := p.locate(k, g.at-p.offset, ahead, o == byTime)
		switch { // a page that holds only k is of no use
		case v == covers && !ahead && i == 0 && !p.begins():
			v = beyond
		case v == covers && ahead && i == len(p.rows) && p.full:
			v = short
		}
		if v != covers && padded && p.start != c.src.Window.Start {
			// The remote ignores the start time: count from the window's start.
			g = guess{call{c.src.Window.Start, g.older + g.at}, 0, g.older + g.at}
			if !ahead {
				g.call.offset = max(0, g.at-stride)
			}
			low, high = -1, -1
			continue
		}
		switch v {
		case covers:
			return spot[R]{p, g.older, i}, nil
		case short:
			if next, older := c.next(p, g.older); ahead && !moved && next.start > p.start {
				// Other walks that pass here make the same call.
				g, moved = guess{next, older, next.offset}, true
				continue
			}
			low = p.offset
		case beyond:
			high = p.offset
		}
		switch {
		case low == maxOffset:
			return spot[R]{}, errEndless
		case high < 0:
			g.call.offset, step = min(low+step, maxOffset), 2*step
		case low < 0:
			g.call.offset, step = max(0, high-step), 2*step
		case high <= low+stride:
			// The pages contradict each other: many rows arrived between them, and one is cached. Offsets that
			// have not been fetched yet are probably fresh.
			if conflicts++; conflicts > maxConflicts {
				return spot[R]{}, errMoved
			}
			overlap := conflicts * (stride / maxConflicts / 2)
			if conflicts%2 == 1 {
				g.call.offset, high = low+stride-overlap, -1
			} else {
				g.call.offset, low = max(0, high-stride+overlap), -1
			}
			step = stride
		case high <= low+stride+upstream.PageSize:
			g.call.offset = low + stride
		default:
			g.call.offset = (low + stride + high) / 2
		}
	}
	return spot[R]{}, errEndless
}

// errMoved reports that pages were fetched too far apart in time.
var errMoved = &upstream.Error{Code: upstream.Unavailable,
	Message: "the list changed too much while it was read; try again"}

// errEndless reports a fault of the remote: walks over real lists end.
var errEndless = &upstream.Error{Code: upstream.InvalidResponse, Message: "the metrics API's pages of this list repeat"}

// errApart reports pages that cannot be joined: they have no row in common, or too many calls did not settle it.
var errApart = &upstream.Error{Code: upstream.InvalidResponse,
	Message: "the metrics API's pages of this list do not fit together"}

// jump moves by plain offsets to the page that follows a page (with ahead) or precedes it. Offsets of padded
// pages may mean another list in the next call, so such pages overlap by a row, which must be the same in both.
func (c *Connection[R]) jump(ctx context.Context, s spot[R], ahead bool) (spot[R], error) {
	_, padded := c.seen()
	at, tie := s.position(), 0 // where the pages meet, and the row of s's page there
	switch {
	case !padded:
	case len(s.page.answer) == 0:
		return spot[R]{}, errApart
	case ahead:
		tie = len(s.page.answer) - 1
	}
	if padded {
		at = s.older + s.page.offset + tie
	}
	offset := at
	switch {
	case !ahead && padded:
		offset = max(0, at-stride)
	case !ahead:
		offset = max(0, at-upstream.PageSize)
	}
	p, err := c.fetch(ctx, call{c.src.Window.Start, offset})
	if err != nil {
		return spot[R]{}, err
	}
	at -= offset
	if _, now := c.seen(); now && !padded {
		return c.jump(ctx, s, ahead)
	}
	if padded {
		if at >= len(p.answer) || p.key(&p.answer[at]) != s.page.key(&s.page.answer[tie]) {
			return spot[R]{}, errApart
		}
		if ahead {
			at++
		}
	}
	return spot[R]{p, 0, p.indexOf(at)}, nil
}

// advance moves from the end of a full page to the first row after it.
func (c *Connection[R]) advance(ctx context.Context, s spot[R]) (spot[R], error) {
	next, older := c.next(s.page, s.older)
	k := Key{Time: c.src.Window.Start - 1} // if all rows of the page are older than the window
	if s.i > 0 {
		k = s.page.keyAt(s.i - 1)
	}
	to, err := c.seek(ctx, guess{next, older, next.offset}, k, true)
	if errors.Is(err, errUnsorted) {
		return c.jump(ctx, s, true)
	}
	return to, err
}

// retreat moves from the start of a page to the end of the rows before it.
func (c *Connection[R]) retreat(ctx context.Context, s spot[R]) (spot[R], error) {
	if s.ends() {
		return c.jump(ctx, s, false)
	}
	k, at := s.page.keyAt(s.i), s.position()
	to, err := c.seek(ctx, guess{call{c.src.Window.Start, max(0, at-stride)}, 0, at}, k, false)
	if errors.Is(err, errUnsorted) {
		return c.jump(ctx, s, false)
	}
	return to, err
}

// after returns the spot after a cursor's row.
func (c *Connection[R]) after(ctx context.Context, k *cursor) (spot[R], error) {
	to, err := c.seek(ctx, guess{k.call, k.older, k.call.offset + k.index}, k.key, true)
	if errors.Is(err, errUnsorted) {
		return c.recall(ctx, k, true)
	}
	return to, err
}

// before returns the spot before a cursor's row.
func (c *Connection[R]) before(ctx context.Context, k *cursor) (spot[R], error) {
	w := c.src.Window
	g := guess{call{w.Start, max(0, k.position()-stride)}, 0, k.position()}
	if k.index > 0 { // the page that returned the row has rows before it
		p, err := c.fetch(ctx, k.call)
		if err != nil {
			return spot[R]{}, err
		}
		if o := c.sorting(); o != unsorted {
			if i, v := p.locate(k.key, k.index, false, o == byTime); v == covers && i > 0 {
				return spot[R]{p, k.older, i}, nil
			}
		}
		if k.call.start == w.Start {
			g.call = k.call
		}
	}
	to, err := c.seek(ctx, g, k.key, false)
	if errors.Is(err, errUnsorted) {
		return c.recall(ctx, k, false)
	}
	return to, err
}

// recall returns the spot after (with ahead) or before a cursor's row in an unsorted list. It finds the row by
// identity in the page that returned it, or else by its index there.
func (c *Connection[R]) recall(ctx context.Context, k *cursor, ahead bool) (spot[R], error) {
	at, index := k.call, k.index
	if at.start != c.src.Window.Start {
		at, index = call{c.src.Window.Start, k.position()}, 0
	}
	p, err := c.fetch(ctx, at)
	if err != nil {
		return spot[R]{}, err
	}
	found := -1
	for i := range p.rows {
		if p.keyAt(i) == k.key && (found < 0 || distance(p.rawAt(i), index) < distance(p.rawAt(found), index)) {
			found = i
		}
	}
	switch _, padded := c.seen(); {
	case found >= 0 && ahead:
		found++
	case found < 0 && padded:
		return spot[R]{}, errApart
	case found < 0 && ahead:
		found = p.indexOf(index + 1)
	case found < 0:
		found = p.indexOf(index)
	}
	return spot[R]{p, 0, found}, nil
}
