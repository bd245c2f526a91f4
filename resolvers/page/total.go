package page

import (
	"context"
	"fmt"

	"deliverygraph/upstream"
)

// errPadded is left to say where nothing tells how many of the rows are the list's.
var errPadded = &upstream.Error{Code: upstream.InvalidResponse, Message: "the metrics API gives rows from outside the window, or twice, so this list cannot be counted"}

// total is the number of rows of the list: known from pages in hand, else by the
// counts endpoint, else by probing.
func (c *Connection[R]) total(ctx context.Context) (int64, error) {
	if n, ok := c.knownSize(); ok {
		return int64(n), nil
	}
	if c.src.Count == nil {
		n, err := c.probe(ctx)
		if _, padded := c.seen(); err == nil && padded {
			var ok bool
			if n, ok = c.knownSize(); !ok {
				err = errPadded
			}
		}
		return int64(n), err
	}
	return c.count.get(ctx, func(ctx context.Context) (int64, error) {
		n, err := c.src.Count(ctx, c.src.Window)
		if err == nil && (n < 0 || n > maxOffset) {
			err = &upstream.Error{Code: upstream.InvalidResponse, Message: fmt.Sprintf("the metrics API counts %d rows", n)}
		}
		return n, err
	})
}

// probe finds the list's size by asking for pages at multiples of the page
// size: galloping until one is not full, then bisecting between that and the last
// full one. Pages in hand are used again. Where pages are padded it is where
// offsets end, and not the list's size.
func (c *Connection[R]) probe(ctx context.Context) (int, error) {
	if n, ok := c.knownSize(); ok {
		return n, nil
	}
	c.mu.Lock()
	full := c.atLeast/upstream.PageSize - 1 // the last page known to be full; -1 is none
	c.mu.Unlock()
	empty := -1 // the first page known to be empty; -1 is none
	for try := full + 1; ; {
		if try > maxOffset/upstream.PageSize {
			return 0, &upstream.Error{Code: upstream.InvalidResponse, Message: "the metrics API's list does not end"}
		}
		p, err := c.leaf(ctx, call{c.src.Window.Start, try * upstream.PageSize})
		switch {
		case err != nil:
			return 0, err
		case p.full:
			full = try
		case len(p.answer) > 0:
			return p.offset + len(p.answer), nil
		default:
			empty = try
		}
		switch {
		case empty < 0:
			try = max(1, 4*full)
		case full+1 >= empty:
			n := max(0, empty) * upstream.PageSize
			c.mu.Lock()
			if !c.padded {
				c.size, c.sized = n, true
			}
			c.mu.Unlock()
			return n, nil
		default:
			try = full + (empty-full)/2
		}
	}
}

// walked notes that a walk from one end of the list to the other met n rows.
func (c *Connection[R]) walked(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.padded {
		c.size, c.sized, c.whole = n, true, true
	}
}

func (c *Connection[R]) knownSize() (int, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size, c.sized
}

// endNear is the spot behind the list's last row, given that the list has
// about n rows, and false where it is not about there.
func (c *Connection[R]) endNear(ctx context.Context, n int) (spot[R], bool, error) {
	offset := max(0, n-stride) // if all is as counted, the page is not full, and so ends the list
	if known, ok := c.knownSize(); ok && known == n {
		offset = max(0, n-1) / upstream.PageSize * upstream.PageSize // a page in hand
	}
	p, err := c.leaf(ctx, call{c.src.Window.Start, offset})
	if err != nil || offset > 0 && (len(p.answer) == 0 || len(p.rows) == 0 && c.sorting() != unsorted) {
		return spot[R]{}, false, err
	}
	s := spot[R]{p, 0, len(p.rows)}
	// Only a page that is not full, and goes on from the one before, is an end: an
	// empty page at a later offset may be of an earlier moment.
	for range 3 {
		if !s.page.full {
			return s, true, nil
		}
		to, err := c.advance(ctx, s)
		if err != nil {
			return spot[R]{}, false, err
		}
		if to.ends() && !to.page.full {
			return s, true, nil
		}
		s = to
		s.i = len(s.page.rows)
	}
	return spot[R]{}, false, nil
}
