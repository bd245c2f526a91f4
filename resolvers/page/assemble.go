package page

import (
	"context"
	"errors"
	"slices"
)

// span is a run of rows in one upstream page, from its spot up to row to.
type span[R any] struct {
	spot[R]
	to int
}

// cut is a client's page, assembled from upstream pages.
type cut[R any] struct {
	spans []span[R] // in list order
	rows  []R       // in the order of the client's page
	rest  spot[R]   // where the walk stopped
	done  bool      // the walk reached a bound or an end of the list
}

// start returns where the walk begins: after After, before Before, or at an end of the list.
func (c *Connection[R]) start(ctx context.Context) (spot[R], error) {
	return c.origin.get(ctx, func(ctx context.Context) (spot[R], error) {
		switch {
		case c.backward && c.last != nil:
			return c.before(ctx, c.last)
		case c.backward:
			return c.end(ctx)
		case c.first != nil:
			return c.after(ctx, c.first)
		default:
			p, err := c.fetch(ctx, call{c.src.Window.Start, 0})
			return spot[R]{p, 0, 0}, err
		}
	})
}

// cutOut walks from the start until the client's page is full.
func (c *Connection[R]) cutOut(ctx context.Context) (cut[R], error) {
	return c.cut.get(ctx, func(ctx context.Context) (cut[R], error) {
		s, err := c.start(ctx)
		if err != nil {
			return cut[R]{}, err
		}
		out := cut[R]{rest: s}
		for need, steps := c.extent.size, 0; ; steps++ {
			if steps > maxSteps {
				return cut[R]{}, errEndless
			}
			need -= c.take(&out, need)
			if need == 0 || out.done {
				break
			}
			if err := c.turn(ctx, &out); err != nil {
				return cut[R]{}, err
			}
			if out.done {
				break
			}
		}
		out.join(c.backward)
		if c.newest {
			out.rows = slices.Clone(out.rows)
			slices.Reverse(out.rows)
		}
		if out.done && c.first == nil && c.last == nil {
			c.walked(len(out.rows))
		}
		return out, nil
	})
}

// take takes up to need rows from the current page and returns how many.
func (c *Connection[R]) take(out *cut[R], need int) int {
	s := out.rest
	if c.backward {
		from := max(0, s.i-need)
		if c.first != nil {
			for i := s.i; i > from; i-- {
				if c.outside(spot[R]{s.page, s.older, i - 1}) {
					from, out.done = i, true
					break
				}
			}
		}
		out.rest.i = from
	} else {
		to := min(len(s.page.rows), s.i+need)
		if c.last != nil {
			for i := s.i; i < to; i++ {
				if c.outside(spot[R]{s.page, s.older, i}) {
					to, out.done = i, true
					break
				}
			}
		}
		out.rest.i = to
	}
	low, high := min(s.i, out.rest.i), max(s.i, out.rest.i)
	if low < high {
		out.spans = append(out.spans, span[R]{spot[R]{s.page, s.older, low}, high})
	}
	return high - low
}

// turn moves from a page that is used up to its neighbour, or marks the walk as done if there is none.
func (c *Connection[R]) turn(ctx context.Context, out *cut[R]) (err error) {
	switch {
	case c.backward && out.rest.begins(c.src.Window), !c.backward && !out.rest.page.full:
		out.done = true
	case c.backward:
		out.rest, err = c.retreat(ctx, out.rest)
	default:
		out.rest, err = c.advance(ctx, out.rest)
	}
	return err
}

// outside reports whether the row after the spot is at or past the bound in the walk's direction.
func (c *Connection[R]) outside(s spot[R]) bool {
	bound, sign := c.last, 1
	if c.backward {
		bound, sign = c.first, -1
	}
	k := s.page.keyAt(s.i)
	switch {
	case k == bound.key:
		return true
	case c.sorting() == unsorted:
		return sign*(s.position()-bound.position()) >= 0
	case c.sorting() == byTime:
		return sign*int(k.Time-bound.key.Time) > 0
	default:
		return sign*k.Compare(bound.key) >= 0
	}
}

// join assembles the rows from the spans.
func (out *cut[R]) join(backward bool) {
	if backward {
		slices.Reverse(out.spans)
	}
	if len(out.spans) == 1 {
		s := out.spans[0]
		out.rows = s.page.rows[s.i:s.to:s.to]
		return
	}
	for _, s := range out.spans {
		out.rows = append(out.rows, s.page.rows[s.i:s.to]...)
	}
}

// goesOn reports whether more rows follow, within the bounds, where the walk stopped.
func (c *Connection[R]) goesOn(ctx context.Context) (bool, error) {
	return c.onward.get(ctx, func(ctx context.Context) (bool, error) {
		out := cut[R]{}
		var err error
		if c.extent.size == 0 {
			out.rest, err = c.start(ctx)
		} else {
			out, err = c.cutOut(ctx)
		}
		for steps := 0; ; steps++ {
			if err != nil || out.done {
				return false, err
			}
			if _, padded := c.seen(); !padded && c.backward && c.first == nil && out.rest.position() > 0 {
				return true, nil // the upstream skipped this many rows
			}
			if c.take(&out, 1) > 0 {
				return true, nil
			}
			if steps > maxSteps {
				return false, errEndless
			}
			if !out.done {
				err = c.turn(ctx, &out)
			}
		}
	})
}

// end returns the spot after the list's last row.
func (c *Connection[R]) end(ctx context.Context) (spot[R], error) {
	var counted int64
	var err error
	if at, ok := c.tailCall(); ok {
		var s spot[R]
		if s, ok, counted, err = c.endInTail(ctx, at); ok {
			return s, nil
		}
	} else {
		counted, err = c.total(ctx)
	}
	if err != nil && !errors.Is(err, errPadded) {
		return spot[R]{}, err
	}
	if p := c.edge; p != nil && len(p.rows) > c.extent.size && !c.odd() {
		return spot[R]{p, max(0, int(counted)-len(p.answer)-p.offset), len(p.rows)}, nil
	}
	s, err := c.seek(ctx, guess{call: c.lastCall(int(counted))}, Key{Time: c.src.Window.End}, false)
	if !errors.Is(err, errUnsorted) {
		return s, err
	}
	for n := int(counted); ; {
		p, err := c.fetch(ctx, c.lastCall(n))
		if err != nil {
			return spot[R]{}, err
		}
		if !p.full && (p.offset == 0 || len(p.answer) > 0) {
			return spot[R]{p, 0, len(p.rows)}, nil
		}
		probed, err := c.probe(ctx) // the count does not agree with the list
		if err == nil && probed == n {
			err = errMoved
		}
		if err != nil {
			return spot[R]{}, err
		}
		n = probed
	}
}
