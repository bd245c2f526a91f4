package cached

import (
	"time"

	"deliverygraph/upstream"
)

// Notes is a part of the memory for what callers learn from the answers to several questions, such as the number of
// rows of a list. See [Cache.Notes].
type Notes struct {
	c   *Cache
	key key
}

// Notes returns the notes on a list, whatever its window, for callers who see the same data.
func (c *Cache) Notes(view string, on upstream.Question) *Notes {
	on.Window, on.Offset = upstream.Window{}, 0
	return &Notes{c, key{scope: c.scope + "\x00" + view, form: notes, q: on}}
}

// Settled returns the last whole hour before which events no longer changed when any answer that is still fresh was
// asked for, and the current time. What was asked about such events before the time since must be asked again, as if
// it were an answer: see [Options].Sealed.
func (n *Notes) Settled() (before upstream.Time, now, since time.Time) {
	now = n.c.o.Now()
	if n.c.o.Sealed > 0 {
		since = now.Add(-n.c.o.Sealed)
	}
	return upstream.Hour.Floor(n.c.o.moment().settled - upstream.Time(n.c.o.Fresh/time.Second)), now, since
}

// Load returns the value that was stored last, or nil.
func (n *Notes) Load() any {
	if n.c.memory == nil {
		return nil
	}
	e, _ := n.c.get(n.key)
	return e.value
}

// Store keeps a value of about the given number of bytes, which must not be changed afterwards, until its memory is
// needed.
func (n *Notes) Store(value any, bytes int) {
	if n.c.memory != nil {
		n.c.put(n.key, value, size{bytes: bytes}, Forever)
	}
}
