package auth

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"deliverygraph/upstream"
)

const (
	// near is the number of rows up to which an offset is skipped by reading. Longer offsets are jumped over if counts
	// tell how far.
	near = 2 * upstream.PageSize
	// MaxMergedPages is the maximum number of upstream pages that a merge reads, besides the first of each user.
	MaxMergedPages = 200
)

// merge is a list of several users, merged from the lists of each in list order: time, email id, recipient, and then
// user and sender.
//
// A page costs a call for each user, and one more for each upstream page that is used up on the way to the offset.
// Offsets of more than [near] rows would need many, so the start of the window is first moved up to an hour (then a
// second) before the wanted row. This takes at most two time series calls for each user, and some counts in hours of
// many thousand rows. It needs a filter that the counts endpoints support; with others, offsets beyond [MaxMergedPages]
// pages are refused. Package page walks with small offsets, so only the end of a list and totals of such filters cost
// more.
//
// Pages of a remote that does not sort still have one order, the same in each call, unless the window was moved.
type merge[R any, P upstream.Row[R]] struct {
	limited *limited
	q       upstream.Question
	users   []upstream.ID
}

// list returns a page of a list of the caller's users.
func list[R any, P upstream.Row[R]](
	ctx context.Context, l *limited, q *upstream.Question, users []upstream.ID,
) ([]R, error) {
	if len(users) == 0 {
		return nil, nil
	}
	m := merge[R, P]{l, *q, users}
	if err := m.jump(ctx); err != nil {
		return nil, err
	}
	return m.read(ctx)
}

// read skips q.Offset rows and returns a page.
func (m *merge[R, P]) read(ctx context.Context) ([]R, error) {
	readers := make([]reader[R, P], len(m.users))
	for i, user := range m.users {
		readers[i] = reader[R, P]{limited: m.limited, q: m.q}
		readers[i].q.UserID, readers[i].q.Offset = user, 0
	}
	pages := 0
	next := func(ctx context.Context, i int) (rows []R, more bool, err error) {
		if readers[i].q.Offset > 0 {
			if pages++; pages > MaxMergedPages {
				return nil, false, m.tooLong()
			}
		}
		return readers[i].next(ctx)
	}
	return upstream.MergeLists(ctx, len(readers), m.q.Offset, next, func(a, b *R) int {
		return P(a).Identity().Compare(P(b).Identity())
	})
}

func (m *merge[R, P]) tooLong() error {
	return &upstream.Error{Code: upstream.InvalidArgument, Parameter: "filter.userId",
		Message: fmt.Sprintf("this list of %d users is too long to be counted, "+
			"or read from its end: name one user as filter.userId, or a shorter window", len(m.users))}
}

// jump moves the window's start up and the offset down, over rows that counts can tell.
func (m *merge[R, P]) jump(ctx context.Context) error {
	c, counted := m.q.Counted()
	if m.q.Offset <= near || !counted || c.UserID != 0 {
		return nil
	}
	for _, i := range []upstream.Interval{upstream.Day, upstream.Hour} {
		if m.q.Offset <= near {
			return nil
		}
		if c.Window.End-c.Window.Start <= i.Seconds() {
			continue
		}
		all, err := upstream.API{Asker: m.limited}.Series(ctx, m.q.Kind, c.Per(i))
		if err != nil {
			return err
		}
		c.Window = m.over(all, c.Window, i)
	}
	return m.bisect(ctx, c)
}

// over jumps over the buckets before the one with the wanted row, and returns that bucket. An offset beyond the last
// row leads to the last bucket: rows may have arrived since.
func (m *merge[R, P]) over(all []upstream.Series, w upstream.Window, i upstream.Interval) upstream.Window {
	totals := map[upstream.Time]int{}
	for _, s := range all {
		for _, p := range s.Points {
			if start := max(w.Start, i.Floor(p.Start)); start < w.End {
				totals[start] += int(p.Total)
			}
		}
	}
	starts := slices.Sorted(maps.Keys(totals))
	for n, start := range starts {
		m.q.Window.Start = start
		if totals[start] > m.q.Offset || n == len(starts)-1 {
			return upstream.Window{Start: start, End: min(w.End, i.Floor(start)+i.Seconds())}
		}
		m.q.Offset -= totals[start]
	}
	return w
}

// bisect jumps within a window of many rows, by the counts of halves.
func (m *merge[R, P]) bisect(ctx context.Context, c upstream.CountQuery) error {
	for end := c.Window.End; m.q.Offset > 5*near && end-m.q.Window.Start > 1; {
		c.Window = upstream.Window{Start: m.q.Window.Start, End: m.q.Window.Start + (end-m.q.Window.Start)/2}
		rows, err := upstream.API{Asker: m.limited}.Counts(ctx, m.q.Kind, c)
		if err != nil {
			return err
		}
		n := 0
		for _, r := range rows {
			n += int(r.Total)
		}
		if n <= m.q.Offset {
			m.q.Window.Start, m.q.Offset = c.Window.End, m.q.Offset-n
		} else {
			end = c.Window.End
		}
	}
	return nil
}

// reader reads the list of one user.
type reader[R any, P upstream.Row[R]] struct {
	limited *limited
	q       upstream.Question // of the next page
	before  []R               // the previous page, if it was full
}

// errApart means that a page does not continue the previous one: rows are missing between them, because the offsets of
// one call counted rows that those of the other do not.
var errApart = &upstream.Error{
	Code: upstream.InvalidResponse, Message: "the metrics API's pages of this list do not fit together",
}

// next reads the next page, which begins with the last row of the previous one. It may repeat more rows of that page,
// if rows have arrived before them in the meantime, or if rows are from outside the window.
func (r *reader[R, P]) next(ctx context.Context) (rows []R, more bool, err error) {
	answer, err := r.limited.about(ctx, r.q.UserID, &r.q)
	if err != nil {
		return nil, false, err
	}
	rows, _ = answer.([]R)
	before := r.before
	repeats := func(row *R) bool {
		for i := range before {
			if P(&before[i]).Identity() == P(row).Identity() {
				return true
			}
		}
		return false
	}
	if before != nil && (len(rows) == 0 || !repeats(&rows[0])) {
		return nil, false, errApart
	}
	r.q.Offset += len(rows) - 1
	more = len(rows) >= upstream.PageSize
	r.before = nil
	if more {
		r.before = rows
	}
	for len(rows) > 0 && repeats(&rows[0]) {
		rows = rows[1:]
	}
	rows, last := within[R, P](rows, r.q.Window)
	return rows, more && !last, nil
}

// within returns the rows in a window. If a sorted page ends with rows beyond the window, it is the last one.
func within[R any, P upstream.Row[R]](rows []R, w upstream.Window) (kept []R, last bool) {
	sorted, strays := true, 0
	kept = rows
	for i := range rows {
		t := P(&rows[i]).Identity().Time
		sorted = sorted && (i == 0 || P(&rows[i-1]).Identity().Time <= t)
		if !w.Contains(t) {
			if strays++; strays == 1 {
				kept = slices.Clone(rows[:i])
			}
		} else if strays > 0 {
			kept = append(kept, rows[i])
		}
	}
	n := len(rows)
	return kept, sorted && n > 0 && P(&rows[n-1]).Identity().Time >= w.End
}
