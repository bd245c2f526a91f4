package cached

import (
	"time"

	"deliverygraph/upstream"
)

// failed reports whether an error means that the API is down or its answers are invalid, so that an old answer is
// better than none. Callers who ask for something wrong, missing or forbidden get the error, and so do callers who hit
// a bug in the gateway.
func failed(err error) bool {
	switch upstream.CodeOf(err) {
	case upstream.Unavailable, upstream.Timeout, upstream.InvalidResponse:
		return true
	}
	return false
}

// stale returns an answer to use instead of one that the API failed to give.
func (c *Cache) stale(m moment, k key, err error) (entry, bool) {
	if c.o.MaxStale == 0 || !failed(err) {
		return entry{}, false
	}
	now := c.o.Now()
	if e, held := c.get(k); held && c.o.bearable(e, now) {
		return e, true
	}
	e, held := c.newest(m, k)
	return e, held && c.o.bearable(e, now)
}

func (o Options) bearable(e entry, now time.Time) bool {
	return e.final || now.Sub(e.since)-e.keep <= o.MaxStale
}

// pointer refers to the newest answer to a question whose window ends now, whenever now was: dashboards ask for the
// same days again and again, each time with a later end. When the answer was given hardly anything had happened after
// its end, so a question with a later end would have had the same answer, and may use it for as long as it may be
// stale. A window also ends now if its end is no older than answers stay fresh: operations may share a now that lies
// back so far.
type pointer struct {
	key key
	end upstream.Time
}

// endless returns the key of the pointer for k. It returns false if k has no window, or one that does not end now.
func (c *Cache) endless(m moment, k key) (key, bool) {
	now := m.now - upstream.Time(c.o.Fresh/time.Second)
	if c.o.MaxStale == 0 || k.form != answers || k.q.Window.End < now || k.q.Window == (upstream.Window{}) {
		return key{}, false
	}
	k.form, k.q.Window.End = newest, 0
	return k, true
}

// point records that k has the newest answer.
func (c *Cache) point(m moment, k key) {
	if at, ok := c.endless(m, k); ok {
		c.put(at, pointer{k.keep(), k.q.Window.End}, size{bytes: k.size()}, c.o.Fresh, 0)
	}
}

// newest returns the newest answer for k, if it does not go beyond the end of k's window.
func (c *Cache) newest(m moment, k key) (entry, bool) {
	at, ok := c.endless(m, k)
	if !ok {
		return entry{}, false
	}
	e, held := c.get(at)
	if !held {
		return entry{}, false
	}
	p := e.value.(pointer)
	if p.end > k.q.Window.End {
		return entry{}, false
	}
	return c.get(p.key)
}
