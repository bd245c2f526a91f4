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
	n, err := c.count.get(ctx, func(ctx context.Context) (int64, error) {
		if c.src.Count == nil {
			n, ok, err := c.fromSettled(ctx)
			if !ok && err == nil {
				n, err = c.probe(ctx)
			}
			return int64(n), err
		}
		n, err := c.src.Count(ctx, c.src.Window)
		if err == nil && (n < 0 || n > maxOffset) {
			err = &upstream.Error{Code: upstream.InvalidResponse,
				Message: fmt.Sprintf("the metrics API counts %d rows", n)}
		}
		return n, err
	})
	if _, padded := c.seen(); err == nil && padded && c.src.Count == nil { // as other pages may have shown since
		size, ok := c.knownSize()
		if !ok {
			err = errPadded
		}
		n = int64(size)
	}
	return n, err
}

// probe finds the list's size with pages from the start of the window: see [sizer]. Pages already fetched are
// reused. For padded pages the result is where offsets end, not the size of the list.
func (c *Connection[R]) probe(ctx context.Context) (int, error) {
	if n, ok := c.knownSize(); ok {
		return n, nil
	}
	s := c.sizer(c.src.Window, func(ctx context.Context, offset int) (*upstreamPage[R], error) {
		return c.fetch(ctx, call{c.src.Window.Start, offset})
	})
	c.seed(s)
	n, err := s.size(ctx)
	if err == nil && s.rows < 0 {
		c.mu.Lock()
		if !c.padded {
			c.size, c.sized = n, true
		}
		c.mu.Unlock()
	}
	return n, err
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
	p, err := c.fetch(ctx, call{c.src.Window.Start, offset})
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
