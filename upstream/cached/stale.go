package cached

import (
	"time"

	"deliverygraph/upstream"
)

// failed says whether an error means that the API is down or talks nonsense, so
// that an old answer is better than none. Whoever asked wrongly, for what is not
// there or for what is not theirs gets told so, and faults of ours are shown.
func failed(err error) bool {
	switch upstream.CodeOf(err) {
	case upstream.Unavailable, upstream.Timeout, upstream.InvalidResponse:
		return true
	}
	return false
}

// stale is what may be served in place of an answer that the API failed to give.
func (a *API) stale(key string, l latest, err error) (entry, bool) {
	if a.o.MaxStale == 0 || !failed(err) {
		return entry{}, false
	}
	now := a.o.Now()
	if e, held := a.memory.get(key); held && a.o.bearable(e, now) {
		return e, true
	}
	e, held := l.follow(a)
	return e, held && a.o.bearable(e, now)
}

func (o Options) bearable(e entry, now time.Time) bool {
	return e.final || now.Sub(e.since)-e.keep <= o.MaxStale
}

// latest finds the newest answer to a question whose window ends now, whenever
// now was: dashboards ask for the same days again and again, each time with
// another end. As hardly anything had happened behind the end when the answer was given,
// it is what a later end would have been answered then, so it may stand in for
// that as long as it may be stale. A window ends now, too, if its end is no older than
// answers stay fresh: that is how far a now that operations share may lie back.
type latest struct {
	key string // of the question without its end; empty if the window is not open
	end upstream.Time
}

// latestOf is for a question of a form that has the query if its window has no end.
func (a *API) latestOf(m moment, end upstream.Time, form, path string, endless func() string) latest {
	if a.o.MaxStale == 0 || end < m.now-upstream.Time(a.o.Fresh/time.Second) {
		return latest{}
	}
	return latest{a.key(form+" to now", path, endless()), end}
}

// pointer is what is kept of a latest: where the answer is.
type pointer struct {
	key string
	end upstream.Time
}

// point notes that the newest answer is under key.
func (l latest) point(a *API, key string) {
	if l.key != "" {
		a.put(l.key, pointer{key, l.end}, size{bytes: len(key) + sizeOf[pointer]()}, a.o.Fresh)
	}
}

// follow gives the newest answer, if it is held and does not go on behind the end.
func (l latest) follow(a *API) (entry, bool) {
	if l.key == "" {
		return entry{}, false
	}
	e, held := a.memory.get(l.key)
	if !held {
		return entry{}, false
	}
	p := e.value.(pointer)
	if p.end > l.end {
		return entry{}, false
	}
	return a.memory.get(p.key)
}
