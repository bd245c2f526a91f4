package page

import (
	"context"
	"fmt"

	"deliverygraph/upstream"
)

// errPadded reports that the size of a padded list cannot be determined.
var errPadded = &upstream.Error{Code: upstream.InvalidResponse,
	Message: "the metrics API returns rows from outside the window, or rows twice, so this list cannot be counted"}

// total returns the number of rows of the list: from pages already fetched, else from the counts endpoint, else
// by probing.
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

// probe finds the list's size by fetching pages at multiples of the page size. It doubles its steps until a
// page is not full, then bisects between that page and the last full one. Pages already fetched are reused. For
// padded pages the result is where offsets end, not the size of the list.
func (c *Connection[R]) probe(ctx context.Context) (int, error) {
	if n, ok := c.knownSize(); ok {
		return n, nil
	}
	c.mu.Lock()
	full := c.atLeast/upstream.PageSize - 1 // last page known to be full, or -1
	c.mu.Unlock()
	empty := -1 // first page known to be empty, or -1
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

// walked records that a walk from one end of the list to the other saw n rows.
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

// endNear returns the spot after the list's last row, given that the list has about n rows. It reports false if
// the end is not near there.
func (c *Connection[R]) endNear(ctx context.Context, n int) (spot[R], bool, error) {
	offset := max(0, n-stride) // if the count is right, the page is not full and so ends the list
	if known, ok := c.knownSize(); ok && known == n {
		offset = max(0, n-1) / upstream.PageSize * upstream.PageSize // a page already fetched
	}
	p, err := c.leaf(ctx, call{c.src.Window.Start, offset})
	if err != nil || offset > 0 && (len(p.answer) == 0 || len(p.rows) == 0 && c.sorting() != unsorted) {
		return spot[R]{}, false, err
	}
	s := spot[R]{p, 0, len(p.rows)}
	// Only a page that is not full and continues the page before it is an end: an empty page at a later offset
	// may come from an earlier moment.
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
