// Package flight joins equal pieces of work that are wanted at the same time:
// the first caller's work flies, whoever wants the same meanwhile boards it.
//
// It exists since the metrics API answers an identical request that comes while
// the first is being processed with 202 and no data, so that joining calls is a
// matter of correctness; and since it saves calls. It differs from
// golang.org/x/sync/singleflight in who may give up: the work belongs to no
// caller, so one that leaves harms nobody, and work that all have left is
// cancelled.
//
// Start reading at [Group.Do]. Work that must know for whom it is done, as it has
// to queue somewhere, asks [EachCaller].
package flight

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"
)

// Group joins work of equal keys. Its zero value is ready. It is safe for
// concurrent use and must not be copied.
type Group[K comparable, V any] struct {
	mu      sync.Mutex
	flights map[K]*flight[K, V] // the newest of each key that has not landed
}

// Do gives what work gives, running it unless work of the same key is under way
// already; joined says that it was. What is given is shared: it must not be
// written to.
//
// Work runs on a goroutine of its own. Its context has the values of the caller
// that began it, and is cancelled when the last caller has left, with the
// cause of that caller's end; its deadline is that of the caller who can wait
// longest, so it moves when others join. Callers leave when their own context
// ends, with that context's error or what [Explain] has put in its place, while the
// others stay. Nobody joins work that
// all have left: the next caller's work begins when the cancelled work has
// returned, so that work of one key never runs twice at once. A panic in work is
// an error for all its callers.
func (g *Group[K, V]) Do(ctx context.Context, key K, work func(context.Context) (V, error)) (value V, joined bool, err error) {
	if err := ctx.Err(); err != nil {
		return value, false, err
	}
	f, c, joined := g.board(ctx, key, work)
	select {
	case <-f.landed:
	case <-ctx.Done():
		if why, left := g.leave(f, c); left {
			return value, joined, why
		}
	}
	return f.value, joined, f.err
}

// flight is work under way. It is the context that its work gets.
type flight[K comparable, V any] struct {
	context.Context // its end; the deadline moves

	cancel context.CancelCauseFunc

	group   *Group[K, V]
	first   caller        // mostly the only one, so it has its room here
	room    [1]*caller    // of callers, while it is
	callers []*caller     // guarded by group.mu
	told    []Watcher     // of those who board; guarded by group.mu
	ear     [1]Watcher    // room of told, while it is
	over    bool          // nobody may join: all have left, or it has landed; guarded by group.mu
	why     error         // the work takes so long; nil is not known; guarded by group.mu
	landed  chan struct{} // closed when value and err are final
	value   V
	err     error
}

type caller struct {
	ctx context.Context
	at  int // among the flight's callers
}

// Deadline is when the last caller will have left, if all have a deadline.
func (f *flight[K, V]) Deadline() (latest time.Time, ok bool) {
	// A caller may itself be work of a flight of this group, whose deadline asks for
	// the same lock: so callers are asked without it.
	f.group.mu.Lock()
	callers := slices.Clone(f.callers)
	f.group.mu.Unlock()
	for _, c := range callers {
		t, ok := c.ctx.Deadline()
		if !ok {
			return time.Time{}, false
		}
		if t.After(latest) {
			latest = t
		}
	}
	return latest, !latest.IsZero()
}

// board puts a caller on the key's flight, or on a new one.
func (g *Group[K, V]) board(ctx context.Context, key K, work func(context.Context) (V, error)) (f *flight[K, V], c *caller, joined bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.flights[key]
	if before != nil && !before.over {
		c = &caller{ctx, len(before.callers)}
		before.callers = append(before.callers, c)
		for _, w := range before.told {
			w.Board(ctx)
		}
		return before, c, true
	}
	f = &flight[K, V]{group: g, first: caller{ctx: ctx}, landed: make(chan struct{})}
	f.Context, f.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	f.callers = append(f.room[:0], &f.first)
	if g.flights == nil {
		g.flights = make(map[K]*flight[K, V])
	}
	g.flights[key] = f
	var clear <-chan struct{}
	if before != nil {
		clear = before.landed
	}
	go f.fly(key, clear, work)
	return f, &f.first, false
}

// leave takes a caller off its flight, cancels the flight if that was the last one,
// and gives the error for the caller. left is false if the flight has landed and there
// is a result to take.
func (g *Group[K, V]) leave(f *flight[K, V], c *caller) (why error, left bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f.over && len(f.callers) > 0 { // over by landing: else all had left
		return nil, false
	}
	last := len(f.callers) - 1
	f.callers[c.at] = f.callers[last]
	f.callers[c.at].at = c.at
	f.callers[last] = nil
	f.callers = f.callers[:last]
	if len(f.callers) == 0 {
		f.over = true
		f.cancel(context.Cause(c.ctx))
	}
	why = c.ctx.Err()
	if f.why != nil && errors.Is(why, context.DeadlineExceeded) {
		why = f.why
	}
	return why, true
}

var errNotReturned = errors.New("flight: the work did not return")

// fly runs the work, once the key's cancelled flight before it, if any, has
// landed, and hands out the result.
func (f *flight[K, V]) fly(key K, clear <-chan struct{}, work func(context.Context) (V, error)) {
	f.err = errNotReturned // unless it does: runtime.Goexit
	defer func() {
		if p := recover(); p != nil {
			f.err = fmt.Errorf("flight: panic: %v\n%s", p, debug.Stack())
		}
		g := f.group
		g.mu.Lock()
		f.over = true
		if g.flights[key] == f {
			delete(g.flights, key)
		}
		g.mu.Unlock()
		f.cancel(nil)
		close(f.landed)
	}()
	if clear != nil {
		<-clear
	}
	// A new goroutine runs before those that have been ready for longer, among which are
	// others who are about to ask the same: they board first. Where nobody is ready this
	// costs a fraction of a microsecond, and no wait.
	runtime.Gosched()
	if err := f.Err(); err != nil {
		f.err = err
		return
	}
	f.value, f.err = work(f)
}
