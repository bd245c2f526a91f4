package cached

import (
	"context"
	"time"

	"deliverygraph/upstream"
)

// Shared is a memory that the caches of several processes share, such as Redis. It may lose values at any time. While
// it fails or is slow, it answers as if it were empty.
type Shared interface {
	// Ask returns the value of a key, and how long it will still be there. If there is none, and no other process is
	// filling it, Ask calls fill, keeps its value and returns nil. While another process fills it, Ask waits for that.
	// It returns the error of fill, which may be that of another process.
	Ask(ctx context.Context, key string, fill Fill) (value []byte, left time.Duration, err error)

	// Get returns the value of a key, and how long it will still be there, or nil.
	Get(ctx context.Context, key string) (value []byte, left time.Duration)
	// Put keeps a value for some time.
	Put(ctx context.Context, key string, value []byte, keep time.Duration)
}

// Fill returns what to keep, and for how long: 0 is not at all. The value is computed only if it will be kept.
type Fill func(ctx context.Context) (value func() []byte, keep time.Duration, err error)

const (
	// partFor is how long a part of a sum is shared. Only processes that are adding it up right now need it; the sum
	// itself is shared for longer.
	partFor = 5 * time.Second
	// sealedFor is how long sealed answers are shared if [Options].Sealed sets no limit.
	sealedFor = 24 * time.Hour
)

// shares reports whether answers to q are shared.
func (c *Cache) shares(q *upstream.Question) bool {
	if c.o.Shared == nil || !c.o.SharedCounts {
		return c.o.Shared != nil
	}
	return q.Shape == upstream.ShapeCounts || q.Shape == upstream.ShapeSeries || q.Shape == upstream.ShapeCatalogue
}

// shareFor returns how long to share an answer that is kept for some time.
func (c *Cache) shareFor(l lookup, keep time.Duration) time.Duration {
	switch {
	case l.part:
		return partFor
	case keep < Forever:
		return keep
	case c.o.Sealed > 0:
		return c.o.Sealed
	}
	return sealedFor
}

// fetched is an answer of the API, or of another process that has asked it.
type fetched struct {
	value any
	keep  time.Duration // how long it is fresh, since it arrived
	age   time.Duration // since it arrived
	upTo  upstream.Time // of a sum
}

// fetch gets an answer from the shared memory or from the API.
func (c *Cache) fetch(ctx context.Context, m moment, k key, l lookup) (f fetched, shared bool, err error) {
	ask := func(ctx context.Context) (fetched, error) {
		answer, err := c.next.Ask(ctx, l.q)
		if err != nil {
			return fetched{}, err
		}
		return fetched{value: answer, keep: c.keep(m, l, answer)}, nil
	}
	if !c.shares(l.q) || c.shareFor(l, c.keep(m, l, nil)) == 0 {
		f, err = ask(ctx)
		return f, false, err
	}
	value, left, err := c.o.Shared.Ask(ctx, c.sharedKey(k),
		func(ctx context.Context) (value func() []byte, keep time.Duration, err error) {
			if f, err = ask(ctx); err != nil {
				return nil, 0, err
			}
			keep = c.shareFor(l, f.keep)
			return func() []byte { return encode(l.q, f, keep) }, keep, nil
		})
	if err != nil || value == nil {
		return f, false, err
	}
	if f, err = decode(l.q, value, left); err == nil {
		return f, true, nil
	}
	if f, err = ask(ctx); err == nil { // what is there is damaged
		if keep := c.shareFor(l, f.keep); keep > 0 {
			c.o.Shared.Put(ctx, c.sharedKey(k), encode(l.q, f, keep), keep)
		}
	}
	return f, false, err
}

// adopt looks for a shared sum that reaches further than the one under past, or even for the shared answer to q under
// whole, and keeps what it finds. It returns whether there is an answer now.
func (c *Cache) adopt(ctx context.Context, m moment, q *upstream.Question, whole, past key) bool {
	if !c.shares(q) {
		return false
	}
	if _, s, good := c.heldSum(past); good && s.upTo >= m.hour() {
		return false
	}
	once := whole
	once.form = adoptions
	_, _, _ = c.join(ctx, &once, func(ctx context.Context) (landed, error) {
		if f, err := c.found(ctx, whole, q); err == nil {
			answer, n := packed(f.value)
			c.put(whole, answer, n, f.keep, f.age)
			c.point(m, whole)
			return landed{}, nil
		}
		_, s, good := c.heldSum(past)
		if f, err := c.found(ctx, past, q); err == nil && (!good || f.upTo > s.upTo) {
			rows, n := packed(f.value)
			n.bytes += sizeOf[sum]()
			c.put(past, sum{f.upTo, rows, c.o.Now().Add(-f.age)}, n, Forever, 0)
		}
		return landed{}, nil
	})
	_, ok := c.fresh(whole)
	return ok
}

// found returns what is shared under a key.
func (c *Cache) found(ctx context.Context, k key, q *upstream.Question) (fetched, error) {
	value, left := c.o.Shared.Get(ctx, c.sharedKey(k))
	return decode(q, value, left)
}

// putSum keeps a sum, and shares it.
func (c *Cache) putSum(ctx context.Context, q *upstream.Question, k key, s sum, n size) entry {
	n.bytes += sizeOf[sum]()
	e := c.put(k, s, n, Forever, 0)
	c.share(ctx, k, q, fetched{value: s.rows, keep: Forever, age: c.o.Now().Sub(s.since), upTo: s.upTo})
	return e
}

// share shares what has been made from several answers.
func (c *Cache) share(ctx context.Context, k key, q *upstream.Question, f fetched) {
	if share := c.shareFor(lookup{}, f.keep); c.shares(q) && share > f.age {
		c.o.Shared.Put(ctx, c.sharedKey(k), encode(q, f, share), share-f.age)
	}
}
