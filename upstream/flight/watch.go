package flight

import (
	"context"
	"slices"
)

// Watcher is told of callers.
type Watcher interface {
	// Board is told of a caller by its context. It may be called on any goroutine, one
	// call at a time, and must be quick: nobody boards meanwhile.
	Board(caller context.Context)
}

// EachCaller tells w of each caller on the flight whose work got ctx, or a context made
// from it: of those aboard at once, and of others when they board, until Stop is called.
// Without a flight the one caller is ctx itself. Callers that leave are not told of.
func EachCaller(ctx context.Context, w Watcher) Watch {
	f, ok := ctx.Value(boarding{}).(watched)
	if ok {
		f.watch(w)
	} else {
		w.Board(ctx)
	}
	return Watch{f, w}
}

// Watch is that of a [Watcher] who is told of callers.
type Watch struct {
	of watched // nil is no flight
	w  Watcher
}

// Stop ends it: the watcher is told of no others.
func (w Watch) Stop() {
	if w.of != nil {
		w.of.unwatch(w.w)
	}
}

// Explain says why the work that got ctx, or a context made from it, takes so long.
// Callers that leave at their deadline get why as their error, in flights that wait for
// this one too. Without a flight it does nothing.
func Explain(ctx context.Context, why error) {
	if f, ok := ctx.Value(boarding{}).(watched); ok {
		f.explain(why)
	}
}

// watched is a flight, whatever it brings home.
type watched interface {
	watch(Watcher)
	unwatch(Watcher)
	explain(why error)
}

// boarding is the key under which a flight's context has the flight.
type boarding struct{}

// Value gives the flight itself, and else what the first caller's context has.
func (f *flight[K, V]) Value(key any) any {
	if key == (boarding{}) {
		return f
	}
	return f.Context.Value(key)
}

func (f *flight[K, V]) watch(w Watcher) {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	if f.told == nil {
		f.told = f.ear[:0]
	}
	f.told = append(f.told, w)
	for _, c := range f.callers {
		w.Board(c.ctx)
	}
}

func (f *flight[K, V]) unwatch(w Watcher) {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	if i := slices.Index(f.told, w); i >= 0 {
		f.told = slices.Delete(f.told, i, i+1)
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
