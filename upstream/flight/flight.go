// Package flight joins equal pieces of work that are requested at the same time: the first caller's work runs, and
// callers that request the same meanwhile share its result.
//
// It saves calls, and it is needed for correctness: the metrics API answers a request that is identical to one under
// way with 202 and no data. Unlike in golang.org/x/sync/singleflight, callers can give up: a caller that leaves does
// not affect the others, and work that all callers have left is canceled.
//
// Start reading at [Group.Do]. Work that must know all its callers, because it waits in a queue for example, uses
// [EachCaller].
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

// Group joins work of equal keys. Its zero value is ready for use. It is safe for concurrent use and must not be
// copied.
type Group[K comparable, V any] struct {
	mu      sync.Mutex
	flights map[K]*flight[K, V] // the newest of each key that is still running
}

// Do returns the result of work. It runs work unless work of the same key is already under way, in which case it waits
// for that and joined is true. Callers share the value and must not modify it.
//
// Work runs on its own goroutine. Its context has the values of the caller that started it. It is canceled when the
// last caller has left, with that caller's cause. Its deadline is the latest of all callers', so it may move when
// others join.
//
// A caller leaves when its own ctx ends. It gets ctx.Err(), or the error given to [Explain]; the other callers stay.
// Work that all have left is never joined: the next caller's work begins when the canceled work has returned, so work
// of one key never runs twice at once. A panic in work becomes an error for all its callers.
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

// flight is work under way. It is also the context that the work gets.
type flight[K comparable, V any] struct {
	context.Context // for its end; the deadline is computed

	cancel context.CancelCauseFunc

	group       *Group[K, V]
	first       caller        // allocated with the flight, because most have only one
	room        [1]*caller    // backs callers
	callers     []*caller     // guarded by group.mu
	watchers    []Watcher     // called when a caller joins; guarded by group.mu
	watcherRoom [1]Watcher    // backs watchers
	over        bool          // landed, or left by all: can no longer be joined; guarded by group.mu
	why         error         // set by Explain; guarded by group.mu
	landed      chan struct{} // closed when value and err are final
	value       V
	err         error
}

type caller struct {
	ctx context.Context
	at  int // index in the flight's callers
}

// Deadline returns the latest deadline of all callers, if each has one.
func (f *flight[K, V]) Deadline() (latest time.Time, ok bool) {
	// Release the lock before asking the callers: a caller's context may itself be a flight of this group, whose
	// Deadline takes the same lock.
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

// board joins the key's flight, or starts a new one.
func (g *Group[K, V]) board(ctx context.Context, key K, work func(context.Context) (V, error)) (f *flight[K, V], c *caller, joined bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	before := g.flights[key]
	if before != nil && !before.over {
		c = &caller{ctx, len(before.callers)}
		before.callers = append(before.callers, c)
		for _, w := range before.watchers {
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

// leave removes a caller from its flight, cancels the flight if it was the last one, and returns the error for the
// caller. left is false if the flight has landed, so that there is a result.
func (g *Group[K, V]) leave(f *flight[K, V], c *caller) (why error, left bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f.over && len(f.callers) > 0 { // it has landed: otherwise all had left
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

// fly runs the work and publishes its result. If the key's previous flight was canceled, it first waits for that to
// land.
func (f *flight[K, V]) fly(key K, clear <-chan struct{}, work func(context.Context) (V, error)) {
	f.err = errNotReturned // remains if work calls runtime.Goexit
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
	// The scheduler runs a new goroutine before those that became ready earlier, which may be about to request the same
	// key. Let them join first. If none is ready, this costs a fraction of a microsecond.
	runtime.Gosched()
	if err := f.Err(); err != nil {
		f.err = err
		return
	}
	f.value, f.err = work(f)
}
