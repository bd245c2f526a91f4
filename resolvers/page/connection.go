package page

import (
	"context"
	"sync"

	"deliverygraph/upstream"
)

// Source is a list of the metrics API with its filter, as functions.
type Source[R any] struct {
	// Window is the resolved window of the connection. Where the caller gave
	// cursors, it is that of [WindowOf].
	Window upstream.Window
	// Fetch makes one upstream call: rows of w from offset, at most
	// [upstream.PageSize]. The rows are not written to, and handed on.
	Fetch func(ctx context.Context, w upstream.Window, offset int) ([]R, error)
	// Count makes one counts call over w with the list's filter. It is nil where
	// the counts endpoint does not take the filter; totals are probed for then.
	Count func(ctx context.Context, w upstream.Window) (int64, error)
	// Key is a row's key, and Time the time in it: that is all that is looked at of most rows.
	Key  func(*R) Key
	Time func(*R) upstream.Time
}

// Connection is a client's page of a list. Everything is computed when first
// asked for, and once: Rows cost one upstream call where the page lies in one
// upstream page; the two flags and the total cost nothing but where they cannot be
// known from that. Methods may be called from several goroutines, with contexts of
// one operation.
//
// Errors are those of the source's functions, or an [upstream.Error]:
// [upstream.InvalidResponse] where the remote's pages make no list, and
// [upstream.Unavailable] (rare) where it changes too fast.
type Connection[R any] struct {
	src     Source[R]
	binding binding
	extent
	first, last *cursor // the bounds: rows are behind first and before last; nil is none
	rowsFirst   bool

	origin lazy[spot[R]]
	cut    lazy[cut[R]]
	onward lazy[bool]
	count  lazy[int64]

	mu      sync.Mutex // guards what follows
	leaves  map[call]*lazy[*leaf[R]]
	order   order
	padded  bool // some page had rows that are not the list's
	atLeast int  // rows that the list has, at least
	size    int  // rows that the list has, if sized
	sized   bool // a page showed the list's end, counted from the window's start
	whole   bool // and the list's beginning
}

// New checks the paging arguments; it makes no call. Binding is what cursors
// are good for: a canonical text of the field, the filter and the window argument,
// the window as it was given ("P7D" rather than the times that it came to). It
// should not depend on the paging arguments.
//
// The error is an [*ArgumentError].
func New[R any](list string, s Source[R], a Args) (*Connection[R], error) {
	c := &Connection[R]{src: s, binding: newBinding(list), leaves: map[call]*lazy[*leaf[R]]{}}
	var err error
	if c.extent, err = a.extent(); err != nil {
		return nil, err
	}
	if c.first, err = decodeCursor(c.binding, s.Window, "after", a.After); err != nil {
		return nil, err
	}
	if c.last, err = decodeCursor(c.binding, s.Window, "before", a.Before); err != nil {
		return nil, err
	}
	for _, k := range []*cursor{c.first, c.last} {
		if k != nil {
			c.order, c.padded = max(c.order, k.order), c.padded || k.padded
		}
	}
	return c, nil
}

// RowsFirst says that Rows will be asked for in any case. TotalCount then waits
// for them, as a list that they show to the end needs no call to be counted.
// Call it before anything else.
func (c *Connection[R]) RowsFirst() { c.rowsFirst = true }

// Rows are the rows of the page, in list order (oldest first) in both
// directions. They may be shared with other connections: they must not be
// written to.
func (c *Connection[R]) Rows(ctx context.Context) ([]R, error) {
	if c.extent.size == 0 {
		return nil, nil
	}
	cut, err := c.cutOut(ctx)
	return cut.rows, err
}

// Cursor is the cursor of row i of Rows, which must have been asked before.
func (c *Connection[R]) Cursor(i int) string {
	if c.extent.size == 0 {
		panic("page: cursor of an empty page")
	}
	cut, err := c.cutOut(context.Background()) // computed already
	if err != nil {
		panic("page: cursor of a page that failed")
	}
	for _, s := range cut.spans {
		if n := s.to - s.i; i >= n {
			i -= n
			continue
		}
		s.i += i
		return c.cursorAt(s.spot).encode(c.binding, c.src.Window)
	}
	panic("page: cursor of a row that is not there")
}

// cursorAt is the cursor of the row behind a spot.
func (c *Connection[R]) cursorAt(s spot[R]) cursor {
	p := s.page
	k := cursor{key: p.keyAt(s.i), call: p.call, older: s.older, index: p.rawAt(s.i)}
	k.order, k.padded = c.seen()
	switch {
	case k.order == unsorted && p.start != c.src.Window.Start:
		k.call, k.older, k.index = call{c.src.Window.Start, s.position()}, 0, 0
	case k.order != unsorted && p.full && s.i == len(p.rows)-1:
		// Nothing follows in this page, and the next one begins with the row.
		k.call, k.older = c.next(p, s.older)
		k.index = 0
	}
	return k
}

// HasNextPage says whether rows follow the page, as Relay has it: with First,
// whether more rows follow within the bounds; with Last, whether there are rows
// from Before on, and false without Before.
func (c *Connection[R]) HasNextPage(ctx context.Context) (bool, error) {
	if !c.backward {
		return c.goesOn(ctx)
	}
	if c.last == nil {
		return false, nil
	}
	s, err := c.start(ctx)
	return err == nil && (!s.ends() || s.page.full), err
}

// HasPreviousPage says whether rows precede the page, as Relay has it: with
// Last, whether there are more rows within the bounds; with First, whether there
// are rows up to After, and false without After.
func (c *Connection[R]) HasPreviousPage(ctx context.Context) (bool, error) {
	if c.backward {
		return c.goesOn(ctx)
	}
	if c.first == nil {
		return false, nil
	}
	s, err := c.start(ctx)
	return err == nil && !s.begins(c.src.Window) && s.position() > 0, err
}

// TotalCount is the number of rows in the window that the filter lets through,
// whatever the paging arguments.
func (c *Connection[R]) TotalCount(ctx context.Context) (int64, error) {
	if c.rowsFirst && c.extent.size > 0 {
		c.cutOut(ctx) // its failure is its own
	}
	return c.total(ctx)
}
