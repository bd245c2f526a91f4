package page

import (
	"time"

	"deliverygraph/upstream"
)

// Memory keeps what one operation learned about a list for the next one. It belongs to one filter as one caller
// sees it, whatever the window. It may forget at any time.
type Memory interface {
	// Load returns the value that was stored last, or nil.
	Load() any
	// Store keeps a value of about the given number of bytes, which is not changed afterwards.
	Store(value any, bytes int)
	// Settled returns the time before which rows no longer change, the current time, and the time since which what
	// was asked about such rows is trusted.
	Settled() (before upstream.Time, now, since time.Time)
}

// recollection is what a [Memory] keeps. If two operations store one at once, one of them learned in vain.
type recollection struct {
	tail    tail
	settled []settled
}

func (c *Connection[R]) recalled() (r recollection) {
	r, _ = c.src.Memory.Load().(recollection)
	return r
}

func (c *Connection[R]) record(r recollection) { c.src.Memory.Store(r, 64+64*len(r.settled)) }
