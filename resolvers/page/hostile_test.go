package page_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// A remote that violates its contract leads to an answer or a clear error, in a bounded number of calls, and
// never to rows from outside the window.
func TestBadRemoteGivesAnswerOrError(t *testing.T) {
	t.Parallel()
	rows := bulk(2600, 3)
	full := func(n int) []row { return rows[n : n+upstream.PageSize] }
	same := make([]row, upstream.PageSize)
	for i := range same {
		same[i] = rowAt(1500, 1)
	}
	shuffled := slices.Clone(rows)
	rand.New(rand.NewPCG(5, 5)).Shuffle(len(rows),
		func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	part := func(rows []row, offset int) []row {
		offset = min(offset, len(rows))
		return rows[offset:min(len(rows), offset+upstream.PageSize)]
	}
	random := rand.New(rand.NewPCG(7, 7))
	outside := bulk(1400, 1)
	for i := range outside {
		switch i % 3 {
		case 0:
			outside[i].Time = window.End + upstream.Time(i)
		case 1:
			outside[i].Time = upstream.Time(i) - 500
		}
	}

	for name, fetch := range map[string]func(w upstream.Window, offset int) []row{
		"the same page forever": func(w upstream.Window, offset int) []row { return full(0) },
		"a page of one row":     func(w upstream.Window, offset int) []row { return same },
		"start_time ignored":    func(w upstream.Window, offset int) []row { return part(rows, offset) },
		"offset ignored":        func(w upstream.Window, offset int) []row { return cutPage(rows, w, 0) },
		"shuffled":              func(w upstream.Window, offset int) []row { return part(shuffled, offset) },
		"random rows forever": func(w upstream.Window, offset int) []row {
			return randomRows(random, upstream.PageSize, 50)
		},
		"sorted random rows forever": func(w upstream.Window, offset int) []row {
			return sorted(randomRows(random, upstream.PageSize, 50))
		},
		"empty in the middle": func(w upstream.Window, offset int) []row {
			return map[bool][]row{offset < 900 || offset > 1300: full(0)}[true]
		},
		"short in the middle": func(w upstream.Window, offset int) []row {
			return cutPage(rows, w, offset)[:min(300, len(cutPage(rows, w, offset)))]
		},
		"empty at random": func(w upstream.Window, offset int) []row {
			return map[bool][]row{random.IntN(2) == 0: cutPage(rows, w, offset)}[true]
		},
		"rows outside the window": func(w upstream.Window, offset int) []row { return part(outside, offset) },
		"rows outside the window, forever": func(w upstream.Window, offset int) []row {
			return part(outside, offset%800)
		},
		"only rows outside the window": func(w upstream.Window, offset int) []row {
			return []row{rowAt(999, 1), rowAt(window.End, 1)}
		},
		"an endless list": func(w upstream.Window, offset int) []row {
			endless := make([]row, upstream.PageSize)
			for i := range endless {
				n := offset + i
				endless[i] = rowAt(min(w.Start+upstream.Time(n/5), window.End-1), n)
			}
			return endless
		},
		"large pages": func(w upstream.Window, offset int) []row {
			return append(slices.Clone(cutPage(rows, w, offset)), cutPage(rows, w, offset+upstream.PageSize)...)
		},
	} {
		for count, n := range map[string]int64{
			"": -1, ", counted as 0": 0, ", counted as 2^30": 1 << 30, ", counted as 2^50": 1 << 50,
		} {
			t.Run(name+count, func(t *testing.T) {
				var mu sync.Mutex
				calls := 0
				s := page.Source[row]{Window: window, Key: keyOf, Time: timeOf}
				s.Fetch = func(_ context.Context, w upstream.Window, offset int) ([]row, error) {
					mu.Lock()
					defer mu.Unlock()
					if calls++; offset < 0 || w.Start < window.Start || w.Start >= w.End || w.End != window.End {
						t.Fatalf("call for %v from %d", w, offset)
					}
					return fetch(w, offset), nil
				}
				if n >= 0 {
					s.Count = func(context.Context, upstream.Window) (int64, error) { return n, nil }
				}
				c := client{t, s}
				var cursors []string
				for i := range 12 {
					a := first([]int{500, 3, 170, 0}[i%4], nil)
					if i%2 == 1 {
						a = last([]int{500, 3, 170, 0}[i/2%4], nil)
					}
					if len(cursors) > 0 && random.IntN(5) > 0 {
						a.After = &cursors[random.IntN(len(cursors))]
					}
					if len(cursors) > 0 && random.IntN(5) > 2 {
						a.Before = &cursors[random.IntN(len(cursors))]
					}
					calls = 0
					p, err := c.try(a)
					if code := upstream.CodeOf(err); err != nil && code != upstream.InvalidResponse &&
						code != upstream.Unavailable {
						t.Errorf("%s: %v, want an upstream error", show(a), err)
					}
					if calls > page.MaxCalls {
						t.Errorf("%s: %d calls", show(a), calls)
					}
					for _, r := range p.rows {
						if !window.Contains(r.Time) {
							t.Errorf("%s: %v is not in the window", show(a), r)
						}
					}
					if len(p.rows) > page.MaxSize {
						t.Errorf("%s: %d rows", show(a), len(p.rows))
					}
					if len(p.cursors) > 0 {
						cursors = append(cursors, *p.start(), *p.end())
					}
				}
				conn, err := page.Connect("list", s, page.Args{})
				if err != nil {
					t.Fatal(err)
				}
				calls = 0
				if _, err := conn.TotalCount(t.Context()); err != nil &&
					upstream.CodeOf(err) != upstream.InvalidResponse {
					t.Errorf("total: %v", err)
				}
				if calls > page.MaxCalls {
					t.Errorf("total: %d calls", calls)
				}
			})
		}
	}
}

func sorted(rows []row) []row {
	slices.SortFunc(rows, byKey)
	return rows
}

// A list that is unsorted, or has rows from outside the window, is read by offsets: each row of the window
// comes once, in the remote's order.
func TestUnsortedListIsReadByOffsets(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 5))
	shuffled := bulk(2600, 3)
	random.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
	newest := bulk(2600, 3)
	slices.Reverse(newest)
	late := bulk(2600, 3) // sorted for three pages
	late[1700], late[2300] = late[2300], late[1700]
	outside := bulk(2600, 3)
	for i := range outside {
		if i%7 == 0 {
			outside[i].Time = upstream.Time(i % 900)
		}
	}
	for name, list := range map[string][]row{
		"shuffled": shuffled, "newest first": newest, "unsorted later": late, "rows outside the window": outside,
	} {
		m := newRemote(byKey)
		s := m.source()
		s.Fetch = func(_ context.Context, w upstream.Window, offset int) ([]row, error) {
			rows := list
			if w.Start > window.Start {
				rows = slices.DeleteFunc(slices.Clone(list),
					func(r row) bool { return r.Time < w.Start && window.Contains(r.Time) })
			}
			rows = rows[min(offset, len(rows)):]
			return rows[:min(len(rows), upstream.PageSize)], nil
		}
		want := slices.DeleteFunc(slices.Clone(list), func(r row) bool { return !window.Contains(r.Time) })
		c := client{t, s}
		for _, size := range []int{31, 499, 500} {
			p := c.ask(first(size, nil))
			got := slices.Clone(p.rows)
			for p.hasNext {
				p = c.ask(first(size, p.end()))
				got = append(got, p.rows...)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s, forward in pages of %d (-want +got):\n%.1000s", name, size, d)
			}
			p = c.ask(last(size, nil))
			got = slices.Clone(p.rows)
			for p.hasPrevious {
				p = c.ask(last(size, p.start()))
				got = append(slices.Clone(p.rows), got...)
			}
			if d := cmp.Diff(want, got); d != "" {
				t.Errorf("%s, backward in pages of %d (-want +got):\n%.1000s", name, size, d)
			}
		}
	}
}

// A remote that includes the window's end is read to the end of the window, in order.
func TestInclusiveWindowEndIsRead(t *testing.T) {
	t.Parallel()
	rows := append(bulk(700, 1), rowAt(window.End, 0), rowAt(window.End, 1))
	m := newRemote(byKey, rows...)
	s := m.source()
	s.Fetch = func(ctx context.Context, w upstream.Window, offset int) ([]row, error) {
		w.End++
		return m.fetch(ctx, w, offset)
	}
	p := client{t, s}.ask(first(500, nil))
	q := client{t, s}.ask(first(500, p.end()))
	if got := slices.Concat(p.rows, q.rows); !slices.Equal(got, rows[:700]) || q.hasNext {
		t.Errorf("%d rows, hasNextPage %v; want 700, false", len(got), q.hasNext)
	}
	if n := total(t, s); n != 700 {
		t.Errorf("total is %d, want 700", n)
	}
}

// A forged cursor is rejected, or leads to rows of the window in a bounded number of calls.
func FuzzForgedCursor(f *testing.F) {
	m := newRemote(byKey, bulk(1200, 7)...)
	f.Add([]byte{0, 0, 0, 0, 0, 0, 1, 'a', 1, 'b', 2, 4})
	f.Add([]byte{2, 3, 0, 0x80, 0x80, 0x80, 0x80, 0x10, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0, 20, 5, 9, 100, 9, 0, 0, 0, 0})
	f.Add([]byte{1, 20, 5, 0x80, 0x80, 0x80, 0x80, 0x10, 100, 9, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, contents []byte) {
		text := page.Forge("list", window, contents)
		for _, a := range []page.Args{{After: &text}, {Before: &text}} {
			m.calls()
			p, err := client{t, m.source()}.try(a)
			if bad := new(page.ArgumentError); err != nil && !errors.As(err, &bad) &&
				upstream.CodeOf(err) != upstream.InvalidResponse {
				t.Errorf("%v", err)
			}
			if n := len(m.calls()); n > page.MaxCalls {
				t.Errorf("%d calls", n)
			}
			if !slices.IsSortedFunc(p.rows, byKey) {
				t.Errorf("rows are not in order")
			}
		}
	})
}
