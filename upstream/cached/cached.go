// Package cached remembers answers of the metrics API, for as long as they are valid and within a limit of memory. A
// [Cache] is a layer around an [upstream.Asker].
//
// The package decides what to keep and for how long. Events far enough back are settled: pages, counts, time series and
// details of settled events alone are sealed, and kept until their memory is needed. Answers that touch the open edge,
// where events still arrive, are fresh for seconds; the catalogues of codes are fresh for longer. Counts and time
// series over both are split at the last settled hour, so that a dashboard that asks for the same 30 days again and
// again costs one small call each time. The sums are exact, and that same call makes them grow with the clock. While
// the API is down, an answer that is no longer fresh may be used, and is reported as stale.
//
// Equal questions of the same scope that are under way at the same time are joined into one call, even if nothing is
// kept: the API answers only the first of equal requests. This is the only layer that does so.
//
// Errors are never kept. Rows are copied out of the page that they were decoded from, so that an entry uses the memory
// that it is charged for.
//
// Callers who may see different data get views of different scopes ([Cache.For]). The views share the limit of memory,
// but no answer.
//
// Start reading at [New]. The file keep.go decides how long an answer lasts, memory.go answers one question, join.go
// joins equal calls, counts.go splits counts and series, counts_extend.go makes the kept part of them grow, stale.go is
// for when the API fails, shared_memory.go shares answers with other processes, as shared_value.go encodes them,
// list_memory.go keeps what callers derive from several answers, and pack.go computes the size of an answer.
package cached

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"deliverygraph/upstream"
)

// Cache is a view of an API with memory, for one scope. It is safe for concurrent use.
type Cache struct {
	next   upstream.Asker
	o      Options
	memory *otter.Cache[key, entry] // nil if nothing is kept
	calls  *calls                   // of all views
	latest *atomic.Int64            // when any view was asked last, in Unix seconds
	scope  string

	version int64 // of the data; see [Cache.At]
	polls   bool  // see [Cache.Polls]
}

// New returns a cache around next, for the empty scope. Call [Cache.Close] when done with all views.
func New(next upstream.Asker, o Options) (*Cache, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	c := &Cache{next: next, o: o, calls: &calls{}, latest: &atomic.Int64{}}
	if o.keepsAny() {
		m, err := newMemory(o)
		if err != nil {
			return nil, err
		}
		c.memory = m
	}
	return c, nil
}

// For returns the view of a scope, that is, of all callers who may see the same data. Views of different scopes share
// the memory, but no answer.
func (c *Cache) For(scope string) *Cache {
	view := *c
	view.scope = scope
	return &view
}

// At returns the view of a version of the API's data, for an API that says which version it has. Versions grow. The
// view uses neither answers nor calls under way of older versions, except answers that are sealed: their scope must
// change when settled events do.
func (c *Cache) At(version int64) *Cache {
	view := *c
	view.version = version
	return &view
}

// Over returns the view of a scope whose answers come from another API, such as the same server with another key.
func (c *Cache) Over(scope string, next upstream.Asker) *Cache {
	view := c.For(scope)
	view.next = next
	return view
}

// Live returns the view that makes a call for every question, which it may share with other callers of the same scope,
// but neither uses nor keeps answers.
func (c *Cache) Live() *Cache {
	view := *c
	view.memory = nil
	return &view
}

// Polls returns a live view for questions that several processes ask at the same moments: they share each answer for
// some time, and so make one call.
func (c *Cache) Polls(share time.Duration) *Cache {
	view := c.Live()
	view.polls, view.o.Fresh, view.o.Settle = true, share, 0
	return view
}

// Close ends the background work of all views. They can still be used.
func (c *Cache) Close() {
	if c.memory != nil {
		c.memory.StopAllGoroutines()
	}
}

// Clear forgets the answers of all scopes.
func (c *Cache) Clear() {
	if c.memory != nil {
		c.memory.InvalidateAll()
	}
}

// Use is the memory that a cache uses.
type Use struct {
	Answers         int   // including expired ones that are still kept
	Bytes, Capacity int64 // as [Options].Bytes counts them
}

// Use returns the memory that all views use together.
func (c *Cache) Use() Use {
	if c.memory == nil {
		return Use{}
	}
	e := c.memory
	e.CleanUp() // entries kept just now are otherwise counted later
	return Use{Answers: e.EstimatedSize(), Bytes: int64(e.WeightedSize()), Capacity: int64(e.GetMaximum())}
}

// Ask implements [upstream.Asker].
func (c *Cache) Ask(ctx context.Context, q *upstream.Question) (any, error) {
	if c.memory == nil {
		return c.live(ctx, q)
	}
	m := c.moment()
	if q.Shape == upstream.ShapeCounts || q.Shape == upstream.ShapeSeries {
		return c.tally(ctx, m, q)
	}
	return c.remember(ctx, m, lookup{q: q})
}

// setBack is the number of seconds by which the clock may go back, such as to be corrected a little.
const setBack = 60

// moment returns the time of a question. If the clock was set back, it was ahead, as that of a machine that starts may
// be. Answers may then be sealed although events have happened since, so all in memory are forgotten. Those shared with
// other gateways stay until they expire.
func (c *Cache) moment() moment {
	m := c.o.moment()
	latest := upstream.Time(c.latest.Load())
	if m.now < latest-setBack {
		c.Clear()
	}
	if m.now > latest || m.now < latest-setBack {
		c.latest.Store(int64(m.now))
	}
	return m
}
