package auth

import (
	"cmp"
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
	// maxPages is the most upstream pages that a merge reads, besides the first of each user.
	maxPages = 200
)

// merge is a list of several users, merged from the lists of each in list order: time, email id, recipient, and then
// user and sender.
//
// A page costs a call for each user, and one more for each upstream page that is used up on the way to the offset.
// Offsets of more than [near] rows would need many, so the start of the window is first moved up to an hour (then a
// second) before the wanted row. This takes at most two time series calls for each user, and some counts in hours of
// many thousand rows. It needs a filter that the counts endpoints support; with others, offsets beyond [maxPages] pages
// are refused. Package page walks with small offsets, so only the end of a list and totals of such filters cost more.
//
// Pages of a remote that does not sort still have one order, the same in each call, unless the window was moved.
type merge[R any, P upstream.Row[R]] struct {
	limited *limited
	q       upstream.Question
	users   []upstream.ID
	ask     func(context.Context, *upstream.Question) ([]R, error)
}

// list returns a page of a list of the caller's users.
func list[R any, P upstream.Row[R]](ctx context.Context, l *limited, q *upstream.Question) ([]R, error) {
	ask := func(ctx context.Context, q *upstream.Question) ([]R, error) {
		rows, err := upstream.Ask[[]R](ctx, l.next, q)
		for i := range rows {
			if P(&rows[i]).Identity().UserID != q.UserID {
				return nil, errForeign
			}
		}
		return rows, err
	}
	users := l.asked(q.UserID)
	switch len(users) {
	case 0:
		return nil, nil
	case 1:
		ofUser := *q
		ofUser.UserID = users[0]
		return ask(ctx, &ofUser)
	}
	m := merge[R, P]{l, *q, users, ask}
	if err := m.jump(ctx); err != nil {
		return nil, err
	}
	return m.read(ctx)
}

// read skips q.Offset rows and returns a page.
func (m *merge[R, P]) read(ctx context.Context) ([]R, error) {
	readers := make([]*reader[R, P], len(m.users))
	errs := make([]error, len(m.users))
	upstream.Concurrently(len(m.users), func(i int) {
		q := m.q
		q.UserID, q.Offset = m.users[i], 0
		readers[i] = &reader[R, P]{q: q, ask: m.ask}
		errs[i] = readers[i].fill(ctx)
	})
	if err := cmp.Or(errs...); err != nil {
		return nil, err
	}
	var out []R
	for pages := 0; len(out) < upstream.PageSize; {
		var next *reader[R, P]
		for _, r := range readers {
			for len(r.rows) == 0 && r.more {
				if pages++; pages > maxPages {
					return nil, m.tooLong()
				}
				if err := r.fill(ctx); err != nil {
					return nil, err
				}
			}
			if len(r.rows) > 0 && (next == nil || r.identity(0).Compare(next.identity(0)) < 0) {
				next = r
			}
		}
		switch {
		case next == nil:
			return out, nil
		case m.q.Offset > 0:
			m.q.Offset--
		default:
			out = append(out, next.rows[0])
		}
		next.rows = next.rows[1:]
	}
	return out, nil
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
	q    upstream.Question // of the next page
	ask  func(context.Context, *upstream.Question) ([]R, error)
	rows []R                        // not yet returned
	seen map[upstream.Identity]bool // rows of the previous page, if it was full
	more bool
}

// identity returns the identity of the row at index i of those not yet returned.
func (r *reader[R, P]) identity(i int) upstream.Identity { return P(&r.rows[i]).Identity() }

// errApart means that a page does not continue the previous one: rows are missing between them, because the offsets of
// one call counted rows that those of the other do not.
var errApart = &upstream.Error{
	Code: upstream.InvalidResponse, Message: "the metrics API's pages of this list do not fit together",
}

// fill reads the next page, which begins with the last row of the previous one. It may repeat more rows of that page,
// if rows have arrived before them in the meantime, or if rows are from outside the window.
func (r *reader[R, P]) fill(ctx context.Context) error {
	rows, err := r.ask(ctx, &r.q)
	if err != nil {
		return err
	}
	before := r.seen
	if before != nil && (len(rows) == 0 || !before[P(&rows[0]).Identity()]) {
		return errApart
	}
	r.q.Offset += len(rows) - 1
	r.more = len(rows) >= upstream.PageSize
	r.seen = nil
	if r.more {
		r.seen = make(map[upstream.Identity]bool, len(rows))
		for i := range rows {
			r.seen[P(&rows[i]).Identity()] = true
		}
	}
	for len(rows) > 0 && before[P(&rows[0]).Identity()] {
		rows = rows[1:]
	}
	r.rows = r.within(rows)
	return nil
}

// within returns the rows in the window. If a sorted page ends with rows beyond the window, it is the last one.
func (r *reader[R, P]) within(rows []R) []R {
	w := r.q.Window
	kept, sorted, strays := rows, true, 0
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
	if n := len(rows); sorted && n > 0 && P(&rows[n-1]).Identity().Time >= w.End {
		r.more = false
	}
	return kept
}
