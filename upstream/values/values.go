// Package values keeps what belongs to one request or operation in one context, in the
// place of a chain of them.
//
// A dozen packages each have something in the context of every operation: its caller,
// its ledger, its loaders, its clock. With [context.WithValue] each costs a context of its
// own, and every question for a value goes through those above it. A [Context] has room
// for all, and [With] puts a value there as long as nobody but its maker has the
// context: until it is sealed. Packages need not know: With is WithValue wherever there
// is no such room.
//
// Start reading at [With].
package values

import "context"

// Context is a context with room for values, as [New] or [Context.Init] make it.
type Context struct {
	context.Context
	values [room]value
	n      int
	sealed bool
}

var _ context.Context = (*Context)(nil)

// room is more than there is to keep of an operation.
const room = 12

type value struct{ key, value any }

// New makes a context with room below another one.
func New(parent context.Context) *Context {
	c := &Context{}
	c.Init(parent)
	return c
}

// Init makes a zero Context, such as one that is a part of something else, what New gives.
func (c *Context) Init(parent context.Context) { c.Context = parent }

// Seal closes the room of a context that has any: what is put in from then on has
// contexts of its own. It is to be called before several goroutines have the context.
func Seal(ctx context.Context) {
	if c, ok := ctx.(*Context); ok {
		c.sealed = true
	}
}

// Value implements context.Context.
func (c *Context) Value(key any) any {
	for i := range c.values[:c.n] {
		if c.values[i].key == key {
			return c.values[i].value
		}
	}
	return c.Context.Value(key)
}

// With gives a context with a value, by the rules of [context.WithValue]: where ctx is a
// Context that is not sealed this is ctx itself, else a new one.
func With(ctx context.Context, key, v any) context.Context {
	if c, ok := ctx.(*Context); ok && c.put(key, v) {
		return c
	}
	return context.WithValue(ctx, key, v)
}

// put puts a value in, and in the place of one with the same key.
func (c *Context) put(key, v any) bool {
	if c.sealed {
		return false
	}
	for i := range c.values[:c.n] {
		if c.values[i].key == key {
			c.values[i].value = v
			return true
		}
	}
	if c.n == room {
		return false
	}
	c.values[c.n] = value{key, v}
	c.n++
	return true
}
