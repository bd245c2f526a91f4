package page

import (
	"cmp"
	"context"
	"encoding/binary"
	"math"
	"slices"

	"deliverygraph/upstream"
)

// ListSource provides a list that one call returns whole, such as the senders of a window.
type ListSource[R any] struct {
	// Fetch returns all rows. They may be shared and are not modified.
	Fetch func(ctx context.Context) ([]R, error)
	// ID returns a row's id, which identifies the row. Without a rank, it orders the list.
	ID func(*R) upstream.ID
	// Rank orders the list by a number, and rows of equal rank by ascending id. Rows that have none come last. It may
	// be nil.
	Rank func(*R) (rank float64, ok bool)
	// Descending turns the order by rank, or else by id, around.
	Descending bool
}

// List is a client's page of a list that one call returns whole. It behaves like a [Connection], and calls its source
// at most once. Its cursors encode ids and ranks, so rows that come and go do not shift the pages.
type List[R any] struct {
	src           ListSource[R]
	request       Request
	after, before *mark
	all           once[[]R]
}

// mark is the place of a row in a list.
type mark struct {
	id     upstream.ID
	rank   float64
	ranked bool
}

// markOf returns the place of a row.
func (s *ListSource[R]) markOf(r *R) mark {
	m := mark{id: s.ID(r)}
	if s.Rank != nil {
		m.rank, m.ranked = s.Rank(r)
	}
	return m
}

// compare compares two places in the order of the list.
func (s *ListSource[R]) compare(a, b mark) int {
	sign := 1
	if s.Descending {
		sign = -1
	}
	switch {
	case s.Rank == nil:
		return sign * cmp.Compare(a.id, b.id)
	case a.ranked != b.ranked && a.ranked:
		return -1
	case a.ranked != b.ranked:
		return 1
	}
	return cmp.Or(sign*cmp.Compare(a.rank, b.rank), cmp.Compare(a.id, b.id))
}

// NewList returns the list of a request. It makes no call. The error is an [*ArgumentError].
func NewList[R any](r Request, s ListSource[R]) (*List[R], error) {
	l := &List[R]{src: s, request: r}
	var err error
	if l.after, err = parseMark("after", r.after); err != nil {
		return nil, err
	}
	if l.before, err = parseMark("before", r.before); err != nil {
		return nil, err
	}
	return l, nil
}

func parseMark(argument string, contents []byte) (*mark, error) {
	return parse(argument, contents, func(r *reader) mark {
		m := mark{id: upstream.ID(r.varint())}
		if len(r.buf) > 0 {
			m.rank, m.ranked = math.Float64frombits(r.uvarint()), true
		}
		r.bad = r.bad || math.IsNaN(m.rank)
		return m
	})
}

// Rows returns the rows of the page in list order, in both directions. They must not be modified.
func (l *List[R]) Rows(ctx context.Context) ([]R, error) {
	if l.request.size == 0 {
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
	m := l.src.markOf(&rows[i])
	b := binary.AppendVarint(nil, int64(m.id))
	if m.ranked {
		b = binary.AppendUvarint(b, math.Float64bits(m.rank))
	}
	return l.request.binding.encode(l.request.Window, b)
}

// HasNextPage is like [Connection.HasNextPage].
func (l *List[R]) HasNextPage(ctx context.Context) (bool, error) {
	if l.request.backward && l.before == nil {
		return false, nil
	}
	v, err := l.view(ctx)
	if l.request.backward {
		return v.to < len(v.all), err
	}
	return v.high < v.to, err
}

// HasPreviousPage is like [Connection.HasPreviousPage].
func (l *List[R]) HasPreviousPage(ctx context.Context) (bool, error) {
	if !l.request.backward && l.after == nil {
		return false, nil
	}
	v, err := l.view(ctx)
	if l.request.backward {
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
	v.low, v.high = v.from, min(v.to, v.from+l.request.size)
	if l.request.backward {
		v.low, v.high = max(v.from, v.to-l.request.size), v.to
	}
	return v, err
}

// index returns where a row is, or would be inserted, and whether it is there.
func (l *List[R]) index(all []R, m mark) (int, bool) {
	return slices.BinarySearchFunc(all, m, func(r R, m mark) int { return l.src.compare(l.src.markOf(&r), m) })
}

func (l *List[R]) rows(ctx context.Context) ([]R, error) {
	return l.all.get(ctx, func(ctx context.Context) ([]R, error) {
		all, err := l.src.Fetch(ctx)
		if err != nil {
			return nil, err
		}
		for i := 1; i < len(all); i++ {
			if l.src.compare(l.src.markOf(&all[i-1]), l.src.markOf(&all[i])) > 0 {
				all = slices.Clone(all)
				slices.SortStableFunc(all, func(a, b R) int {
					return l.src.compare(l.src.markOf(&a), l.src.markOf(&b))
				})
				break
			}
		}
		return all, nil
	})
}
