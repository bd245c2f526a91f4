package flight

import (
	"context"
	"slices"
)

// Watcher is notified of a flight's callers.
type Watcher interface {
	// Board is called with a caller's context. It may be called on any goroutine, one call at a time. It must be quick:
	// no caller can join meanwhile.
	Board(caller context.Context)
}

// EachCaller calls w.Board for each caller of the flight whose work got ctx, or a context derived from it: at once for
// the callers so far, and later for each that joins, until Stop is called. It does not report callers that leave.
// Without a flight, ctx itself is the only caller.
func EachCaller(ctx context.Context, w Watcher) Watch {
	f, ok := ctx.Value(boarding{}).(watched)
	if ok {
		f.watch(w)
	} else {
		w.Board(ctx)
	}
	return Watch{f, w}
}

// Watch is a [Watcher]'s subscription to a flight.
type Watch struct {
	of watched // nil without a flight
	w  Watcher
}

// Stop ends the notifications.
func (w Watch) Stop() {
	if w.of != nil {
		w.of.unwatch(w.w)
	}
}

// Explain records why the work that got ctx, or a context derived from it, takes so long. Callers that leave because of
// their deadline get why as their error, and so do those of flights that wait for this one. Without a flight, Explain
// does nothing.
func Explain(ctx context.Context, why error) {
	if f, ok := ctx.Value(boarding{}).(watched); ok {
		f.explain(why)
	}
}

// watched is a flight of any type.
type watched interface {
	watch(Watcher)
	unwatch(Watcher)
	explain(why error)
}

// boarding is the context key of a flight.
type boarding struct{}

// Value returns the flight for the key boarding, and otherwise the value in the first caller's context.
func (f *flight[K, V]) Value(key any) any {
	if key == (boarding{}) {
		return f
	}
	return f.Context.Value(key)
}

func (f *flight[K, V]) watch(w Watcher) {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	if f.watchers == nil {
		f.watchers = f.watcherRoom[:0]
	}
	f.watchers = append(f.watchers, w)
	for _, c := range f.callers {
		w.Board(c.ctx)
	}
}

func (f *flight[K, V]) unwatch(w Watcher) {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	if i := slices.Index(f.watchers, w); i >= 0 {
		f.watchers = slices.Delete(f.watchers, i, i+1)
	}
}

func (f *flight[K, V]) explain(why error) {
	f.group.mu.Lock()
	f.why = why
	callers := slices.Clone(f.callers)
	f.group.mu.Unlock()
	for _, c := range callers { // without the lock: a caller may be work of a flight of this group
		Explain(c.ctx, why)
	}
}
