package page

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"deliverygraph/upstream"
)

// ListSource provides a list that one call returns whole, such as the senders of a window.
type ListSource[R any] struct {
	Window upstream.Window // as in Source: later pages stay in it
	// Fetch returns all rows. They may be shared and are not modified.
	Fetch func(ctx context.Context) ([]R, error)
	// ID returns a row's id, which identifies the row and orders the list.
	ID func(*R) upstream.ID
}

// List is a client's page of a list that one call returns whole, ordered by id. It behaves like a [Connection],
// and calls its source at most once. Its cursors encode ids, so rows that come and go do not shift the pages.
type List[R any] struct {
	src     ListSource[R]
	binding binding
	extent
	after, before *upstream.ID
	all           once[[]R]
}

// NewList checks the paging arguments and returns a list. It makes no call. The list argument is as for [New].
// The error is an [*ArgumentError].
func NewList[R any](list string, s ListSource[R], a Args) (*List[R], error) {
	l := &List[R]{src: s, binding: newBinding(list)}
	var err error
	if l.extent, err = a.extent(); err != nil {
		return nil, err
	}
	if l.after, err = openID(l.binding, s.Window, "after", a.After); err != nil {
		return nil, err
	}
	if l.before, err = openID(l.binding, s.Window, "before", a.Before); err != nil {
		return nil, err
	}
	return l, nil
}

func openID(b binding, w upstream.Window, argument string, text *string) (*upstream.ID, error) {
	if text == nil {
		return nil, nil
	}
	cw, rest, err := b.decode(argument, *text)
	if err != nil {
		return nil, err
	}
	if cw != w {
		return nil, &ArgumentError{argument, argument + " belongs to another window than this list"}
	}
	r := reader{buf: rest}
	id := upstream.ID(r.varint())
	if r.bad || len(r.buf) > 0 {
		return nil, &ArgumentError{argument, argument + " is damaged; omit it to start from the beginning"}
	}
	return &id, nil
}

// Rows returns the rows of the page ordered by id, in both directions. They must not be modified.
func (l *List[R]) Rows(ctx context.Context) ([]R, error) {
	if l.size == 0 {
		return nil, nil
	}
	v, err := l.view(ctx)
	return v.all[v.low:v.high:v.high], err
}

// Cursor returns the cursor of row i of Rows. Rows must have succeeded before.
func (l *List[R]) Cursor(i int) string {
	rows, err := l.Rows(context.Background()) // already computed
	if err != nil {
		panic("page: cursor of a page that failed")
	}
	return l.binding.encode(l.src.Window, binary.AppendVarint(nil, int64(l.src.ID(&rows[i]))))
}

// HasNextPage is like [Connection.HasNextPage].
func (l *List[R]) HasNextPage(ctx context.Context) (bool, error) {
	if l.backward && l.before == nil {
		return false, nil
	}
	v, err := l.view(ctx)
	if l.backward {
		return v.to < len(v.all), err
	}
	return v.high < v.to, err
}

// HasPreviousPage is like [Connection.HasPreviousPage].
func (l *List[R]) HasPreviousPage(ctx context.Context) (bool, error) {
	if !l.backward && l.after == nil {
		return false, nil
	}
	v, err := l.view(ctx)
	if l.backward {
		return v.from < v.low, err
	}
	return v.from > 0, err
}

// TotalCount returns the number of all rows, independent of the paging arguments.
func (l *List[R]) TotalCount(ctx context.Context) (int64, error) {
	all, err := l.rows(ctx)
	return int64(len(all)), err
}

// view is a page of the list: rows [low, high), within the bounds [from, to).
type view[R any] struct {
	all       []R
	low, high int
	from, to  int
}

func (l *List[R]) view(ctx context.Context) (view[R], error) {
	all, err := l.rows(ctx)
	v := view[R]{all: all, to: len(all)}
	if l.after != nil {
		var found bool
		if v.from, found = l.index(all, *l.after); found {
			v.from++
		}
	}
	if l.before != nil {
		v.to, _ = l.index(all, *l.before)
		v.to = max(v.from, v.to)
	}
	v.low, v.high = v.from, min(v.to, v.from+l.size)
	if l.backward {
		v.low, v.high = max(v.from, v.to-l.size), v.to
	}
	return v, err
}

// index returns where id is, or would be inserted, and whether it is there.
func (l *List[R]) index(all []R, id upstream.ID) (int, bool) {
	return slices.BinarySearchFunc(all, id, func(r R, id upstream.ID) int { return cmp.Compare(l.src.ID(&r), id) })
}

func (l *List[R]) rows(ctx context.Context) ([]R, error) {
	return l.all.get(ctx, func(ctx context.Context) ([]R, error) {
		all, err := l.src.Fetch(ctx)
		if err != nil {
			return nil, err
		}
		for i := 1; i < len(all); i++ {
			if l.src.ID(&all[i-1]) > l.src.ID(&all[i]) {
				all = slices.Clone(all)
				slices.SortStableFunc(all, func(a, b R) int { return cmp.Compare(l.src.ID(&a), l.src.ID(&b)) })
				break
			}
		}
		return all, nil
	})
}
