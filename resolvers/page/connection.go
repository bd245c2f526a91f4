package page

import (
	"context"
	"sync"
	"sync/atomic"

	"deliverygraph/upstream"
)

// Source provides a filtered list of the metrics API.
type Source[R any] struct {
	// Window is the list's window, in absolute time. A connection uses that of its request instead.
	Window upstream.Window
	// Fetch makes one upstream call. It returns the rows of w from offset, at most [upstream.PageSize]. The
	// rows may be shared and are not modified.
	Fetch func(ctx context.Context, w upstream.Window, offset int) ([]R, error)
	// Count makes one counts call over w with the list's filter. It is nil if the counts endpoint does not
	// support the filter; the total is then found by probing the list.
	Count func(ctx context.Context, w upstream.Window) (int64, error)
	// Key returns a row's key, and Time the time in that key. Most rows need only their time.
	Key  func(*R) Key
	Time func(*R) upstream.Time
	// Memory remembers what other connections over this list learned. It may be nil.
	Memory Memory
	// Brief says that the list is expected to fit on an upstream page, so that more pages are asked for only if it
	// does not.
	Brief bool
	// Room returns how many calls may begin at once without waiting for others. Nil means any number.
	Room func() int
}

// Connection is a client's page of a list. Each result is computed on first use, and only once. Rows costs one upstream
// call if the page lies within one upstream page. HasNextPage, HasPreviousPage and TotalCount make further calls only
// if their result does not follow from that page. Methods may be called concurrently, with contexts of one operation.
//
// Errors are those of the source's functions, or an [upstream.Error]: [upstream.InvalidResponse] if the
// remote's pages do not form a list, and (rarely) [upstream.Unavailable] if the list changes too fast.
type Connection[R any] struct {
	src     Source[R]
	binding binding
	extent
	first, last *cursor // bounds: rows are after first and before last; nil means none
	rowsFirst   bool
	newest      bool // the client's page is turned around; extent and bounds are those of the list, oldest first

	origin once[spot[R]]
	cut    once[cut[R]]
	onward once[bool]
	count  once[int64]

	partCalls atomic.Int32 // see fetchPart

	mu     sync.Mutex // guards the fields below
	pages  map[call]*once[*upstreamPage[R]]
	order  order
	padded bool             // a page had rows that do not belong to the list
	far    *upstreamPage[R] // the last full page counted from the window's start; nil if padded, or if Count is there
	edge   *upstreamPage[R] // the last page, counted from where rows may still arrive; set before total is done
	size   int              // the list's size, valid if sized
	sized  bool             // a page counted from the window's start showed the end of the list
	whole  bool             // a page showed the whole list
}

// New returns the connection of a request. It makes no call. The error is an [*ArgumentError].
func New[R any](r Request, s Source[R]) (*Connection[R], error) {
	s.Window = r.Window
	c := &Connection[R]{src: s, binding: r.binding, extent: r.extent, newest: r.newest}
	var err error
	if c.first, err = parseCursor("after", r.after, r.Window); err != nil {
		return nil, err
	}
	if c.last, err = parseCursor("before", r.before, r.Window); err != nil {
		return nil, err
	}
	if c.newest {
		c.first, c.last, c.backward = c.last, c.first, !c.backward
	}
	for _, k := range []*cursor{c.first, c.last} {
		if k != nil {
			c.order, c.padded = max(c.order, k.order), c.padded || k.padded
		}
	}
	return c, nil
}

// Total returns the number of rows of the list.
func (s Source[R]) Total(ctx context.Context) (int64, error) {
	return (&Connection[R]{src: s}).TotalCount(ctx)
}

// Newest returns the newest n rows of the list, newest first. n must be at most [MaxSize].
func (s Source[R]) Newest(ctx context.Context, n int) ([]R, error) {
	return (&Connection[R]{src: s, extent: extent{n, true}, newest: true}).Rows(ctx)
}

// RowsFirst declares that Rows will be called. TotalCount then waits for the rows, since a list that they show
// to its end need not be counted. Call RowsFirst before any other method.
func (c *Connection[R]) RowsFirst() { c.rowsFirst = true }

// Rows returns the rows of the page in list order, in both directions. The rows may be shared with other
// connections and must not be modified.
func (c *Connection[R]) Rows(ctx context.Context) ([]R, error) {
	if c.extent.size == 0 {
		return nil, nil
	}
	cut, err := c.cutOut(ctx)
	return cut.rows, err
}

// Cursor returns the cursor of row i of Rows. Rows must have succeeded before.
func (c *Connection[R]) Cursor(i int) string {
	if c.extent.size == 0 {
		panic("page: cursor of an empty page")
	}
	cut, err := c.cutOut(context.Background()) // already computed
	if err != nil {
		panic("page: cursor of a page that failed")
	}
	if c.newest {
		i = len(cut.rows) - 1 - i
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

// cursorAt returns the cursor of the row after a spot.
func (c *Connection[R]) cursorAt(s spot[R]) cursor {
	p := s.page
	k := cursor{key: p.keyAt(s.i), call: p.call, older: s.older, index: p.rawAt(s.i)}
	k.order, k.padded = c.seen()
	switch {
	case k.order == unsorted && p.start != c.src.Window.Start:
		k.call, k.older, k.index = call{c.src.Window.Start, s.position()}, 0, 0
	case k.order != unsorted && p.full && s.i == len(p.rows)-1:
		// No row follows in this page, and the next page begins with this row.
		k.call, k.older = c.next(p, s.older)
		k.index = 0
	}
	return k
}

// HasNextPage reports whether rows follow the page, as Relay defines it. With First, it reports whether more rows
// follow within the bounds. With Last, it reports whether there are rows from Before on; without Before it is false.
func (c *Connection[R]) HasNextPage(ctx context.Context) (bool, error) {
	if c.newest {
		return c.older(ctx)
	}
	return c.newer(ctx)
}

// HasPreviousPage reports whether rows precede the page, as Relay defines it. With Last, it reports whether more rows
// precede it within the bounds. With First, it reports whether there are rows up to After; without After it is false.
func (c *Connection[R]) HasPreviousPage(ctx context.Context) (bool, error) {
	if c.newest {
		return c.newer(ctx)
	}
	return c.older(ctx)
}

// newer reports whether rows follow the page in the list, oldest first.
func (c *Connection[R]) newer(ctx context.Context) (bool, error) {
	if !c.backward {
		return c.goesOn(ctx)
	}
	if c.last == nil {
		return false, nil
	}
	s, err := c.start(ctx)
	return err == nil && (!s.ends() || s.page.full), err
}

// older reports whether rows precede the page in the list, oldest first.
func (c *Connection[R]) older(ctx context.Context) (bool, error) {
	if c.backward {
		return c.goesOn(ctx)
	}
	if c.first == nil {
		return false, nil
	}
	s, err := c.start(ctx)
	return err == nil && !s.begins(c.src.Window) && s.position() > 0, err
}

// TotalCount returns the number of rows in the window that match the filter, independent of the paging arguments.
func (c *Connection[R]) TotalCount(ctx context.Context) (int64, error) {
	if c.rowsFirst && c.extent.size > 0 {
		c.cutOut(ctx) // Rows reports the error
	}
	return c.total(ctx)
}

// once computes a value once, on the first call of get; concurrent callers wait. An error is kept too, unless
// the caller's context had ended: the next call then tries again.
type once[T any] struct {
	mu    sync.Mutex
	done  bool
	value T
	err   error
}

func (l *once[T]) get(ctx context.Context, compute func(context.Context) (T, error)) (T, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.done {
		v, err := compute(ctx)
		if err != nil && ctx.Err() != nil {
			return v, err
		}
		l.value, l.err, l.done = v, err, true
	}
	return l.value, l.err
}
