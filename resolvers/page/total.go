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
	s := c.sizer(c.src.Window)
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

// lastCall returns the call whose page ends a list of n rows and is not full.
func (c *Connection[R]) lastCall(n int) call {
	offset := max(0, n-stride)
	if known, ok := c.knownSize(); ok && known == n && n%upstream.PageSize > 0 {
		offset = n - n%upstream.PageSize // a page already fetched
	}
	return call{c.src.Window.Start, offset}
}
