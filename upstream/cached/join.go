package cached

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"slices"
	"sync"
	"time"

	"deliverygraph/upstream"
)

// calls joins equal calls that are requested at the same time: the first caller's call is made, and callers that
// request the same meanwhile share its result. This is not only to save calls: the metrics API answers a request that
// is identical to one under way with 202 and no data. Unlike in golang.org/x/sync/singleflight, callers can give up.
type calls struct {
	mu  sync.Mutex
	now map[uint64]*call // the newest of each key that has not returned, by the hash of its question
}

// work makes a call.
type work func(context.Context) (landed, error)

// do returns the result of work. It runs work unless a call of the same key is under way, in which case it waits for
// that and joined is true.
//
// Work runs on its own goroutine. Its context has the values of the caller that started it. It is canceled when the
// last caller has left, with that caller's cause. Its deadline is the latest of all callers', so it may move when
// others join.
//
// A caller leaves when its own ctx ends, and gets ctx.Err(); the other callers stay. A call that all have left, or of
// an older version of the data, is never joined: the next caller's call begins when that one has returned, so calls of
// one key never run at once. A panic in work becomes an error for all callers.
func (cs *calls) do(ctx context.Context, k *key, version int64, work work) (l landed, joined bool, err error) {
	if err := ctx.Err(); err != nil {
		return l, false, err
	}
	c, me, joined := cs.join(ctx, k, version, work)
	select {
	case <-c.done:
	case <-ctx.Done():
		if c.leave(me) {
			return l, joined, ctx.Err()
		}
	}
	return c.result, joined, c.err
}

// call is a call under way. It is also the context that its work gets.
type call struct {
	context.Context // for its end; the deadline is that of the callers

	cancel  context.CancelCauseFunc
	of      *calls
	key     key
	hash    uint64
	version int64  // of the data; see [Cache.At]
	first   caller // allocated with the call, because most have only one

	// Guarded by of.mu:
	next     *call // of another key with the same hash
	callers  []*caller
	room     [1]*caller // backs callers
	deadline time.Time  // the latest of all callers; zero if one has none
	watchers []*func(name string)
	over     bool // returned, or left by all: can no longer be joined

	done   chan struct{} // closed when result and err are final
	result landed
	err    error
}

type caller struct{ ctx context.Context }

// Deadline returns the latest deadline of all callers. It returns false if one has none.
func (c *call) Deadline() (latest time.Time, ok bool) {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	return c.deadline, !c.deadline.IsZero()
}

// Value returns the call's callers for [upstream.CallerKey], and otherwise the value in the first caller's context.
func (c *call) Value(k any) any {
	if _, ok := k.(upstream.CallerKey); ok {
		return c
	}
	return c.Context.Value(k)
}

// join joins the key's call, or starts a new one.
func (cs *calls) join(ctx context.Context, k *key, version int64, work work) (c *call, me *caller, joined bool) {
	deadline, _ := ctx.Deadline()
	hash := k.q.Hash()
	cs.mu.Lock()
	before := cs.now[hash]
	for before != nil && before.key != *k {
		before = before.next
	}
	if before != nil && !before.over && before.version >= version {
		me = &caller{ctx}
		before.callers = append(before.callers, me)
		if deadline.IsZero() || !before.deadline.IsZero() && deadline.After(before.deadline) {
			before.deadline = deadline
		}
		watchers := slices.Clone(before.watchers)
		cs.mu.Unlock()
		for _, f := range watchers {
			upstream.EachCaller(ctx, *f)
		}
		return before, me, true
	}
	defer cs.mu.Unlock()
	c = &call{
		of: cs, key: *k, hash: hash, version: version, first: caller{ctx}, deadline: deadline,
		done: make(chan struct{}),
	}
	c.Context, c.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	c.callers = append(c.room[:0], &c.first)
	if cs.now == nil {
		cs.now = map[uint64]*call{}
	}
	if before != nil {
		cs.remove(before)
	}
	c.next = cs.now[hash]
	cs.now[hash] = c
	go c.run(before, work)
	return c, &c.first, false
}

// remove removes a call that can no longer be joined, if it is still there.
func (cs *calls) remove(c *call) {
	at := cs.now[c.hash]
	if at == c {
		if cs.now[c.hash] = c.next; c.next == nil {
			delete(cs.now, c.hash)
		}
		return
	}
	for ; at != nil; at = at.next {
		if at.next == c {
			at.next = c.next
			return
		}
	}
}

// leave removes a caller from the call, and cancels the call if it was the last one. It returns false if the call has
// returned, so that there is a result.
func (c *call) leave(me *caller) bool {
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if c.over && len(c.callers) > 0 { // it has returned: otherwise all had left
		return false
	}
	i := slices.Index(c.callers, me)
	c.callers = slices.Delete(c.callers, i, i+1)
	if len(c.callers) == 0 {
		c.over = true
		c.cancel(context.Cause(me.ctx))
	}
	return true
}

// run does the work and publishes its result. If the key has a previous call that has not returned, it first waits for
// that.
func (c *call) run(before *call, work work) {
	c.err = errNotReturned // remains if work calls runtime.Goexit
	defer func() {
		if p := recover(); p != nil {
			c.err = fmt.Errorf("cached: panic: %v\n%s", p, debug.Stack())
		}
		c.of.mu.Lock()
		c.over = true
		c.of.remove(c)
		c.of.mu.Unlock()
		c.cancel(nil)
		close(c.done)
	}()
	if before != nil {
		<-before.done
	}
	// The scheduler runs a new goroutine before those that became ready earlier, which may be about to request the same
	// key. Let them join first. If none is ready, this costs a fraction of a microsecond.
	runtime.Gosched()
	if err := c.Err(); err != nil {
		c.err = err
		return
	}
	c.result, c.err = work(c)
}

var errNotReturned = errors.New("cached: the call did not return")

// Each implements [upstream.Callers].
func (c *call) Each(f func(name string)) (stop func()) {
	var room [4]*caller // on the stack
	c.of.mu.Lock()
	callers := append(room[:0], c.callers...)
	c.watchers = append(c.watchers, &f)
	c.of.mu.Unlock()
	var stops []func()
	for _, one := range callers { // without the lock: a caller may itself be a call
		if stop := upstream.EachCaller(one.ctx, f); stop != nil {
			stops = append(stops, stop)
		}
	}
	return func() {
		c.of.mu.Lock()
		c.watchers = slices.DeleteFunc(c.watchers, func(w *func(string)) bool { return w == &f })
		c.of.mu.Unlock()
		for _, stop := range stops {
			stop()
		}
	}
}
