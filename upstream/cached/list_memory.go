package cached

import (
	"time"

	"deliverygraph/upstream"
)

// ListMemory is a part of the memory for what callers learn from the answers to several questions, such as the number
// of rows of a list. See [Cache.ListMemory].
type ListMemory struct {
	c   *Cache
	key key
}

// ListMemory returns the memory for a list, whatever its window, for callers who see the same data.
func (c *Cache) ListMemory(view string, on upstream.Question) *ListMemory {
	on.Window, on.Offset = upstream.Window{}, 0
	return &ListMemory{c, key{scope: c.scope + "\x00" + view, form: listMemory, q: on}}
}

// Settled returns the last whole hour before which events no longer changed when any answer that is still fresh was
// asked for, and the current time. What was asked about such events before the time since must be asked again, as if
// it were an answer: see [Options].Sealed.
func (m *ListMemory) Settled() (before upstream.Time, now, since time.Time) {
	now = m.c.o.Now()
	if m.c.o.Sealed > 0 {
		since = now.Add(-m.c.o.Sealed)
	}
	return upstream.Hour.Floor(m.c.moment().settled - upstream.Time(m.c.o.Fresh/time.Second)), now, since
}

// Load returns the value that was stored last, or nil.
func (m *ListMemory) Load() any {
	if m.c.memory == nil {
		return nil
	}
	e, _ := m.c.get(m.key)
	return e.value
}

// Store keeps a value of about the given number of bytes, which must not be changed afterwards, until its memory is
// needed.
func (m *ListMemory) Store(value any, bytes int) {
	if m.c.memory != nil {
		m.c.put(m.key, value, size{bytes: bytes}, Forever, 0)
	}
}
