package cached

import (
	"context"
	"time"

	"deliverygraph/upstream"
)

// sum is the answer to a question for counts or series about a window that ends at a settled hour. It grows with the
// clock: what has settled since is fetched and added.
type sum struct {
	upTo  upstream.Time
	rows  any
	since time.Time // when its oldest part arrived
}

// heldSum returns the sum under k, and whether it is still good. One that is not is used only if the API fails.
func (c *Cache) heldSum(k key) (e entry, s sum, good bool) {
	e, held := c.get(k)
	if !held {
		return e, s, false
	}
	s = e.value.(sum)
	return e, s, c.o.Sealed == 0 || c.o.Now().Sub(s.since) < c.o.Sealed
}

// within returns q with another window.
func within(q *upstream.Question, start, end upstream.Time) *upstream.Question {
	part := *q
	part.Window = upstream.Window{Start: start, End: end}
	return &part
}

// tally answers a question for counts or time series. A window that begins before the last settled hour and is not
// settled as a whole is split at that hour: its past is in memory, so only the part that may have changed is fetched.
// If the past lacks what has settled since, both are fetched by one call.
//
// That pays if the past is used again, so it is done for windows that keep their start. A window that does not begin at
// an hour usually moves with the clock: it is fetched as a whole, and split from the second time on.
func (c *Cache) tally(ctx context.Context, m moment, q *upstream.Question) (any, error) {
	w := q.Window
	whole := lookup{q: q}
	k := c.key(whole)
	if m.seals(w) || w.Start >= m.hour() {
		return c.remember(ctx, m, whole)
	}
	if _, ok := c.fresh(k); ok {
		return c.remember(ctx, m, whole)
	}
	past := key{scope: c.scope, form: sums, q: *within(q, w.Start, 0)}
	if c.adopt(ctx, m, q, k, past) {
		return c.remember(ctx, m, whole)
	}
	if w.Start != upstream.Hour.Floor(w.Start) {
		if _, again := c.get(past); !again {
			rows, err := c.remember(ctx, m, whole)
			if err == nil {
				c.put(past, sum{upTo: w.Start, since: c.o.Now()}, size{bytes: sizeOf[sum]()}, Forever, 0)
			}
			return rows, err
		}
	}
	if all, extended := c.extend(ctx, m, q, past); extended {
		return all, nil
	}
	if _, ok := c.fresh(k); ok { // another caller has extended it since
		return c.remember(ctx, m, whole)
	}
	if _, s, good := c.heldSum(past); (!good || s.upTo < m.hour()) && c.o.Spare != nil && !c.o.Spare(ctx) {
		return c.remember(ctx, m, whole)
	}
	all, err := c.split(ctx, m, q, past)
	if err != nil {
		if e, held := c.stale(m, k, err); held { // from a time when it was fetched as a whole
			c.report(ctx, Lookup{Question: q, Rows: e.rows, Age: c.o.Now().Sub(e.since), Stale: true, Err: err})
			return e.value, nil
		}
	}
	return all, err
}

// split fetches the past and the open edge concurrently.
func (c *Cache) split(ctx context.Context, m moment, q *upstream.Question, k key) (any, error) {
	type result struct {
		sum
		err error
	}
	past := make(chan result, 1)
	go func() {
		s, err := c.past(ctx, m, q, k)
		past <- result{s, err}
	}()
	edge, err := c.remember(ctx, m, lookup{q: within(q, m.hour(), q.Window.End)})
	p := <-past
	switch {
	case p.err != nil:
		return nil, p.err
	case p.upTo >= q.Window.End: // the clock went back
		return c.remember(ctx, m, lookup{q: q})
	case p.upTo != m.hour():
		edge, err = c.remember(ctx, m, lookup{q: within(q, p.upTo, q.Window.End)})
	}
	if err != nil {
		return nil, err
	}
	return add(q, p.rows, edge), nil
}

// past returns the sum up to the last settled hour. If what has settled since cannot be fetched, the sum ends earlier,
// and the edge begins there.
func (c *Cache) past(ctx context.Context, m moment, q *upstream.Question, k key) (sum, error) {
	var look Lookup
	e, s, good := c.heldSum(k)
	if look.Hit = good && s.upTo >= m.hour(); !look.Hit {
		l, joined, err := c.join(ctx, &k, func(ctx context.Context) (landed, error) { return c.grow(ctx, m, q, k) })
		if err != nil {
			return sum{}, gaveUp(err)
		}
		e, look.Joined, look.Hit = l.entry, joined, l.held && !joined
	}
	s = e.value.(sum)
	if (look.Hit || look.Joined) && s.upTo > q.Window.Start { // otherwise the call has been reported
		look.Question = within(q, q.Window.Start, s.upTo)
		look.Rows, look.Left = e.rows, e.left(c.o.Now())
		if look.Hit {
			look.Age = c.o.Now().Sub(e.since)
		}
		c.report(ctx, look)
	}
	return s, nil
}

// grow fetches what the sum lacks, and keeps it. If that fails, a sum in memory remains as it was.
func (c *Cache) grow(ctx context.Context, m moment, q *upstream.Question, k key) (landed, error) {
	kept, s, good := c.heldSum(k)
	held := kept.value != nil
	if !good {
		s = sum{upTo: q.Window.Start, since: c.o.Now()}
	}
	if s.upTo >= m.hour() {
		return landed{entry: kept, held: true}, nil
	}
	part, err := c.recall(ctx, m, lookup{q: within(q, s.upTo, m.hour()), hour: m.hour(), part: true})
	switch {
	case err != nil && held:
		return landed{entry: kept, held: true}, nil
	case err != nil:
		return landed{}, err
	}
	if part.since.Before(s.since) { // it was in memory
		s.since = part.since
	}
	grown, n := packed(add(q, s.rows, part.value))
	return landed{entry: c.putSum(ctx, q, k, sum{m.hour(), grown, s.since}, n)}, nil
}

// add adds up the answers to q for adjacent windows.
func add(q *upstream.Question, older, newer any) any {
	if q.Shape == upstream.ShapeCounts {
		a, _ := older.([]upstream.Count) // nil of an empty sum
		b, _ := newer.([]upstream.Count)
		return upstream.MergeCounts(a, b)
	}
	a, _ := older.([]upstream.Series)
	b, _ := newer.([]upstream.Series)
	// On some servers the first bucket starts with the window, here in the middle of a day.
	return upstream.MergeSeries(a, widen(q, b))
}
