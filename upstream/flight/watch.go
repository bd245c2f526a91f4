package flight

import (
	"context"
	"slices"
)

// EachCaller calls f with the context of each caller on the flight whose work got
// ctx, or a context made from it: of those aboard at once, and of others when they
// board, until stop is called. Without a flight the one caller is ctx itself.
//
// f runs on the callers' goroutines, so it must be safe for concurrent use and
// quick; one that is boarding as stop is called may still get through. Callers
// that leave are not told of.
func EachCaller(ctx context.Context, f func(caller context.Context)) (stop func()) {
	b, ok := ctx.Value(boarding{}).(interface {
		watch(*watcher) []context.Context
		unwatch(*watcher)
	})
	if !ok {
		f(ctx)
		return func() {}
	}
	w := &watcher{f}
	for _, aboard := range b.watch(w) {
		f(aboard)
	}
	return func() { b.unwatch(w) }
}

// boarding is the key under which a flight's context has the flight.
type boarding struct{}

type watcher struct{ tell func(context.Context) }

// Value gives the flight itself, and else what the first caller's context has.
func (f *flight[V]) Value(key any) any {
	if key == (boarding{}) {
		return f
	}
	return f.Context.Value(key)
}

// watch gives those aboard; w is told of whoever comes later.
func (f *flight[V]) watch(w *watcher) []context.Context {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	f.told = append(f.told, w)
	aboard := make([]context.Context, 0, len(f.callers))
	for _, c := range f.callers {
		aboard = append(aboard, c.ctx)
	}
	return aboard
}

func (f *flight[V]) unwatch(w *watcher) {
	f.group.mu.Lock()
	defer f.group.mu.Unlock()
	// Not in place: somebody who is boarding may be going through the old one.
	f.told = slices.DeleteFunc(slices.Clone(f.told), func(o *watcher) bool { return o == w })
}
