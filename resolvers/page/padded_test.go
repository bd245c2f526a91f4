package page_test

import (
	"context"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// paddedRemote answers some calls wrongly: for a wider window than requested, whose rows its offsets count, or
// with each row twice.
type paddedRemote struct {
	mu    sync.Mutex
	all   []row // in any window
	wrong func() bool
	apart upstream.Time // how much wider, at both ends
	twice bool          // each row comes twice instead
	shown bool          // an answer had rows that do not belong to the list
}

func (m *paddedRemote) fetch(_ context.Context, w upstream.Window, offset int) ([]row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch wrong := m.wrong(); {
	case wrong && m.twice:
		var rows []row
		for _, r := range cutPage(m.all, w, offset) {
			rows = append(rows, r, r)
		}
		m.shown = m.shown || len(rows) > 0
		return rows[:min(len(rows), upstream.PageSize)], nil
	case wrong:
		w.Start, w.End = w.Start-m.apart, w.End+m.apart
	}
	rows := cutPage(m.all, w, offset)
	m.shown = m.shown || slices.ContainsFunc(rows, func(r row) bool { return !window.Contains(r.Time) })
	return rows, nil
}

// list returns the correct list.
func (m *paddedRemote) list() []row {
	return slices.DeleteFunc(slices.Clone(m.all), func(r row) bool { return !window.Contains(r.Time) })
}

// source returns a source over the remote. Its counts are correct.
func (m *paddedRemote) source(counts bool) page.Source[row] {
	s := page.Source[row]{Window: window, Fetch: m.fetch, Key: keyOf, Time: timeOf}
	if counts {
		s.Count = func(context.Context, upstream.Window) (int64, error) { return int64(len(m.list())), nil }
	}
	return s
}

// around returns a list with rows before, in and after the window.
func around(before, in, after int) []row {
	var all []row
	for i := range before {
		all = append(all, rowAt(window.Start-upstream.Time(before-i), i))
	}
	all = append(all, bulk(in, 2)...)
	for i := range after {
		all = append(all, rowAt(window.End+1+upstream.Time(i), i))
	}
	return all
}

// A full page with rows from outside the window, followed by an empty page, is not the end of the list.
func TestPaddedPageDoesNotEndList(t *testing.T) {
	t.Parallel()
	calls := 0
	m := &paddedRemote{all: around(300, 329, 300), apart: 1 << 20, wrong: func() bool { calls++; return calls == 1 }}
	list := m.list()
	for name, counts := range map[string]bool{"counted": true, "not counted": false} {
		t.Run(name, func(t *testing.T) {
			for n, want := range map[int][]row{20: list[309:], 500: list} {
				calls = 0
				if got := (client{t, m.source(counts)}).ask(last(n, nil)); !slices.Equal(got.rows, want) ||
					got.hasPrevious != (n == 20) {
					t.Errorf("last %d: %d rows, hasPreviousPage %v", n, len(got.rows), got.hasPrevious)
				}
				calls = 0
				if got := (client{t, m.source(counts)}).ask(first(n, nil)); got.hasNext != (n == 20) ||
					!slices.Equal(got.rows, list[:min(n, len(list))]) {
					t.Errorf("first %d: %d rows, hasNextPage %v", n, len(got.rows), got.hasNext)
				}
			}
		})
	}
}

// A padded list has no total, rather than a wrong one, unless it can be counted or a page shows it whole.
func TestPaddedTotalIsNeverWrong(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		all       []row
		counts    bool
		want      int64
		cannotSay bool
	}{
		"counted":                       {all: around(300, 329, 71), counts: true, want: 329},
		"not counted":                   {all: around(300, 329, 71), cannotSay: true},
		"whole list in a page":          {all: around(70, 329, 90), want: 329},
		"the whole list in a full page": {all: around(100, 329, 300), want: 329},
		"none of the list in a page":    {all: around(70, 0, 90), want: 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &paddedRemote{all: c.all, apart: 1 << 20, wrong: func() bool { return true }}
			conn, err := page.Connect("list", m.source(c.counts), page.Args{})
			if err != nil {
				t.Fatal(err)
			}
			got, err := conn.TotalCount(t.Context())
			if cannotSay := upstream.CodeOf(err) == upstream.InvalidResponse; cannotSay != c.cannotSay ||
				!cannotSay && (err != nil || got != c.want) {
				t.Errorf("total is %d, %v", got, err)
			}
			// A walk over the whole list has counted it.
			size := page.MaxSize
			conn, err = page.Connect("list", m.source(c.counts), page.Args{First: &size})
			if err != nil {
				t.Fatal(err)
			}
			conn.RowsFirst()
			want := int64(len(m.list()))
			if got, err := conn.TotalCount(t.Context()); err != nil || got != want {
				t.Errorf("total after all rows is %d, %v; want %d", got, err, want)
			}
		})
	}
}

// A remote that pads a part of the list is not trusted with the offsets of the whole list, although the pages of the
// whole list show no row from outside the window: the second page repeats most rows of the first, and would make the
// total 999.
func TestTotalIsNotTakenFromRemoteThatPadsAPart(t *testing.T) {
	t.Parallel()
	m := &paddedRemote{all: around(499, 500, 0), apart: 1 << 20}
	s := m.source(false)
	s.Memory = &notes{before: window.Start + 5}
	s.Fetch = func(ctx context.Context, w upstream.Window, offset int) ([]row, error) {
		if w.End != window.End || offset > 0 {
			w.Start, w.End = w.Start-m.apart, w.End+m.apart
		}
		return cutPage(m.all, w, offset), nil
	}
	for _, a := range []page.Args{first(20, nil), last(20, nil)} {
		conn, err := page.Connect("list", s, a)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := conn.TotalCount(t.Context()); upstream.CodeOf(err) != upstream.InvalidResponse {
			t.Errorf("%s: total is %d, %v", show(a), n, err)
		}
		list := m.list()
		if a.Last != nil {
			list = list[480:]
		}
		if rows, err := conn.Rows(t.Context()); err != nil || !slices.Equal(rows, list[:20]) {
			t.Errorf("%s: %d other rows, %v", show(a), len(rows), err)
		}
	}
}

// Answers are correct whichever calls return rows from outside the window, or rows twice. If all calls are
// padded with rows from outside, there is always an answer. (A page that counts such rows but returns none
// cannot be detected, so counts are preferred.)
func TestPaddedPagesGiveCorrectAnswers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		some := func(name string) int {
			return rapid.SampledFrom([]int{0, 1, 30, 499, 500, 501, 700, 1300}).Draw(t, name)
		}
		odds := rapid.SampledFrom([]int{20, 50, 100}).Draw(t, "percent of wrong answers")
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		m := &paddedRemote{
			all:   around(some("before"), some("in"), some("after")),
			apart: 1 << 20,
			wrong: func() bool { return r.IntN(100) < odds },
		}
		m.twice = rapid.Bool().Draw(t, "twice")
		counts := rapid.Bool().Draw(t, "counts")
		s, list := m.source(counts), m.list()
		if rapid.Bool().Draw(t, "remembers") {
			before := []upstream.Time{0, 5, 300, window.End - window.Start, window.End}
			s.Memory = &notes{before: window.Start + rapid.SampledFrom(before).Draw(t, "settled before")}
		}
		cursors := map[int]string{}
		for range 12 {
			size := rapid.SampledFrom([]int{1, 20, 300, 499, 500}).Draw(t, "size")
			a, from, to := page.Args{First: &size}, 0, len(list)
			backward := rapid.Bool().Draw(t, "backward")
			if backward {
				a = page.Args{Last: &size}
			}
			known := slices.Sorted(maps.Keys(cursors))
			if len(known) > 0 && rapid.Bool().Draw(t, "after") {
				i := rapid.SampledFrom(known).Draw(t, "after row")
				text := cursors[i]
				a.After, from = &text, i+1
			}
			if len(known) > 0 && rapid.Bool().Draw(t, "before") {
				i := rapid.SampledFrom(known).Draw(t, "before row")
				text := cursors[i]
				a.Before, to = &text, max(i, from)
			}
			low, high := from, min(to, from+size)
			if backward {
				low, high = max(from, to-size), to
			}
			m.shown = false
			conn, err := page.Connect("list", s, a)
			if err != nil {
				t.Fatal(err)
			}
			failed := func(err error) bool {
				if code := upstream.CodeOf(err); err != nil &&
					(odds == 100 && !m.twice || code != upstream.InvalidResponse && code != upstream.Unavailable) {
					t.Fatalf("%s: %v", show(a), err)
				}
				return err != nil
			}
			rows, err := conn.Rows(t.Context())
			if failed(err) {
				continue
			}
			if !slices.Equal(rows, list[low:high]) {
				t.Fatalf("%s: %d rows, want those from %d to %d", show(a), len(rows), low, high)
			}
			for i := range rows {
				if i%97 == 0 || i == len(rows)-1 {
					cursors[low+i] = conn.Cursor(i)
				}
			}
			next, err := conn.HasNextPage(t.Context())
			if want := !backward && high < to || backward && a.Before != nil; !failed(err) && next != want {
				t.Fatalf("%s: hasNextPage is %v, want %v", show(a), next, want)
			}
			previous, err := conn.HasPreviousPage(t.Context())
			if want := backward && low > from || !backward && a.After != nil; !failed(err) && (m.shown || !backward) &&
				previous != want {
				t.Fatalf("%s: hasPreviousPage is %v, want %v", show(a), previous, want)
			}
			if n, err := conn.TotalCount(t.Context()); err == nil && (counts || m.shown) && n != int64(len(list)) {
				t.Fatalf("%s: total is %d, want %d", show(a), n, len(list))
			}
		}
	})
}

// A walk over a padded list costs hardly more calls than a walk over a correct one.
func TestPaddedWalkIsCheap(t *testing.T) {
	t.Parallel()
	for _, direction := range []string{"forward", "backward"} {
		calls := 0
		m := &paddedRemote{all: around(2300, 6000, 900), apart: 1 << 20, wrong: func() bool { calls++; return true }}
		c, pages := client{t, m.source(true)}, 0
		var got []row
		p := answer{hasNext: true, hasPrevious: true}
		for ; p.hasNext && direction == "forward" || p.hasPrevious && direction == "backward"; pages++ {
			var at *string
			switch {
			case direction == "forward":
				if len(got) > 0 {
					at = p.end()
				}
				p = c.ask(first(100, at))
				got = append(got, p.rows...)
			default:
				if len(got) > 0 {
					at = p.start()
				}
				p = c.ask(last(100, at))
				got = slices.Concat(p.rows, got)
			}
		}
		if !slices.Equal(got, m.list()) {
			t.Errorf("%s: %d rows, want %d", direction, len(got), len(m.list()))
		}
		t.Logf("%s: %d calls for %d pages", direction, calls, pages)
		if calls > pages+2*len(m.all)/upstream.PageSize {
			t.Errorf("%s: %d calls for %d pages", direction, calls, pages)
		}
	}
}

// If the list is also unsorted, pages that do not fit together are an error.
func TestPaddedUnsortedListFailsRatherThanSkipsRows(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 3))
	all := around(400, 1300, 400)
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	m := &paddedRemote{all: all}
	answered := 0
	var mu sync.Mutex // guards r: pages are fetched concurrently
	s := m.source(true)
	s.Fetch = func(_ context.Context, w upstream.Window, offset int) ([]row, error) {
		rows := all
		mu.Lock()
		padded := r.IntN(2) > 0
		mu.Unlock()
		if !padded {
			rows = m.list()
		}
		rows = rows[min(offset, len(rows)):]
		return rows[:min(len(rows), upstream.PageSize)], nil
	}
	list := m.list()
	for range 200 {
		for _, a := range []page.Args{first(500, nil), last(500, nil)} {
			p, err := client{t, s}.try(a)
			if upstream.CodeOf(err) == upstream.InvalidResponse || upstream.CodeOf(err) == upstream.Unavailable {
				continue
			}
			answered++
			want := list[:500]
			if a.Last != nil {
				want = list[800:]
			}
			if err != nil || !slices.Equal(p.rows, want) {
				t.Fatalf("%s: %d rows that are not in the list, %v", show(a), len(p.rows), err)
			}
		}
	}
	if answered < 20 || answered > 390 {
		t.Errorf("%d answers", answered)
	}
}
