// Package cutoff is a context that can be cut off, for calls of which a server makes
// thousands a second: each has a context of its own, and one for each try, and those of
// package context take a channel and a map each to be ended, which mostly nobody waits
// for. A [Context] makes what it needs when it is needed.
//
// Package context knows it as one of its own: what is derived from a Context by
// [context.WithCancel] and the like ends with it, without a goroutine.
package cutoff

import (
	"context"
	"slices"
	"sync"
)

// Context is a context that ends when it is cut off. It has the values of the context in
// it, and its deadline, but ends neither with that nor at its deadline: [Within] makes one
// that ends with its parent. It is safe for concurrent use and must not be copied.
type Context struct {
	context.Context

	parent parent // that has to forget it; nil where it has none

	mu    sync.Mutex
	err   error         // why it was cut off
	done  chan struct{} // nil where nobody has asked for it
	ends  []end         // what its end is the end of
	room  [1]end        // of ends, while it is
	calls int           // that were ever among them
}

// end is what happens when a context ends: a child ends with it, or f is called.
type end struct {
	child *Context
	f     func()
	call  int // which of the calls f is
}

// parent is a context whose end is that of children: a Context, or one that embeds it.
type parent interface {
	bear(child *Context)
	forget(child *Context)
}

// ended is the channel of contexts that had ended before anybody asked for one.
var ended = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

// Within gives a context that ends with ctx too. It must be cut off in the end, as ctx
// holds it until then.
func Within(ctx context.Context) *Context {
	p, ok := ctx.(parent)
	if !ok {
		p = &foreign{ctx: ctx}
	}
	c := &Context{Context: ctx, parent: p}
	p.bear(c)
	return c
}

// foreign is a context of another package's as a parent of one child.
type foreign struct {
	ctx  context.Context
	mu   sync.Mutex
	stop func() bool
}

func (f *foreign) bear(child *Context) {
	f.mu.Lock() // the child may end at once
	defer f.mu.Unlock()
	f.stop = context.AfterFunc(f.ctx, func() { child.Cut(context.Cause(f.ctx)) })
}

func (f *foreign) forget(*Context) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stop()
}

func (c *Context) bear(child *Context) {
	c.mu.Lock()
	err := c.err
	if err == nil {
		c.add(end{child: child})
	}
	c.mu.Unlock()
	if err != nil {
		child.Cut(err)
	}
}

func (c *Context) forget(child *Context) {
	c.remove(func(e end) bool { return e.child == child })
}

// Cut ends the context, unless it has ended. Its error is the cause; nil is
// [context.Canceled]. Below a context of package context's that can end,
// [context.Cause] may give the cause of that one's end instead, if it ends later: Err does
// not.
func (c *Context) Cut(cause error) {
	if cause == nil {
		cause = context.Canceled
	}
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.err = cause
	if c.done != nil {
		close(c.done)
	}
	ends := c.ends
	c.ends = nil
	c.mu.Unlock()

	if c.parent != nil {
		c.parent.forget(c)
	}
	for _, e := range ends {
		if e.child != nil {
			e.child.Cut(cause)
		} else {
			go e.f()
		}
	}
}

// Err is the cause of the context's end, or nil.
func (c *Context) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Done implements [context.Context].
func (c *Context) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.done != nil:
	case c.err != nil:
		c.done = ended
	default:
		c.done = make(chan struct{})
	}
	return c.done
}

// AfterFunc is [context.AfterFunc] of this context: that one, and all that derives
// contexts, looks for this method.
func (c *Context) AfterFunc(f func()) (stop func() bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		go f()
		return func() bool { return false }
	}
	c.calls++
	call := c.calls
	c.add(end{f: f, call: call})
	return func() bool { return c.remove(func(e end) bool { return e.call == call && e.child == nil }) }
}

func (c *Context) add(e end) {
	if c.ends == nil {
		c.ends = c.room[:0]
	}
	c.ends = append(c.ends, e)
}

// remove says whether there was what is to be removed.
func (c *Context) remove(which func(end) bool) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	i := slices.IndexFunc(c.ends, which)
	if i >= 0 {
		c.ends = slices.Delete(c.ends, i, i+1)
	}
	return i >= 0
}

// AfterFunc is [context.AfterFunc], which makes a context for it where ctx needs none.
func AfterFunc(ctx context.Context, f func()) (stop func() bool) {
	if c, ok := ctx.(interface {
		AfterFunc(f func()) (stop func() bool)
	}); ok {
		return c.AfterFunc(f)
	}
	return context.AfterFunc(ctx, f)
}
