package page

// Memory keeps what one operation learned about a list for the next one. It belongs to one filter as one caller
// sees it, whatever the window. It may forget at any time.
type Memory interface {
	// Load returns the value that was stored last, or nil.
	Load() any
	// Store keeps a value of about the given number of bytes, which is not changed afterwards.
	Store(value any, bytes int)
}

// recollection is what a [Memory] keeps. If two operations store one at once, one of them learned in vain.
type recollection struct {
	tail tail
}

func (c *Connection[R]) recalled() (r recollection) {
	r, _ = c.src.Memory.Load().(recollection)
	return r
}

func (c *Connection[R]) record(r recollection) { c.src.Memory.Store(r, 32) }
