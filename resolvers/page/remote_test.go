package page_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// row is a row that consists of its key.
type row struct{ page.Key }

func keyOf(r *row) page.Key { return r.Key }

func timeOf(r *row) upstream.Time { return r.Time }

func byKey(a, b row) int {
	return cmp.Or(cmp.Compare(a.Time, b.Time),
		strings.Compare(a.EmailID, b.EmailID), strings.Compare(a.Recipient, b.Recipient),
		cmp.Compare(a.UserID, b.UserID), cmp.Compare(a.SenderID, b.SenderID))
}

var window = upstream.Window{Start: 1000, End: 100_000}

// remote is a list API that keeps its whole history, so it can answer as of any moment, as a cache does.
type remote struct {
	order   func(a, b row) int
	history [][]row     // the list at each moment; the last is the current one
	age     func() int  // age of the next answer in moments; nil means 0
	between func()      // called before each fetch, unless nil
	memory  page.Memory // of the list; nil means none
	counts  bool        // the counts endpoint supports the filter
	fetched []string    // every call, in order
	seen    map[row]int // rows that are or were in the list: none is added twice
	gone    map[row]int // the moment at which a row was removed
	mu      sync.Mutex
}

func newRemote(order func(a, b row) int, rows ...row) *remote {
	m := &remote{order: order, history: [][]row{nil}, seen: map[row]int{}, gone: map[row]int{}}
	m.add(rows...)
	m.history = m.history[1:]
	return m
}

func (m *remote) now() []row { return m.history[len(m.history)-1] }

// add makes a new moment with these rows added.
func (m *remote) add(rows ...row) {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r row) bool { m.seen[r]++; return m.seen[r] > 1 })
	slices.SortStableFunc(rows, m.order)
	old := m.now()
	list := make([]row, 0, len(old)+len(rows))
	for _, r := range rows {
		i, _ := slices.BinarySearchFunc(old, r, func(a, b row) int { return cmp.Or(m.order(a, b), -1) })
		list = append(append(list, old[:i]...), r)
		old = old[i:]
	}
	m.history = append(m.history, append(list, old...))
}

// remove makes a new moment with the rows at these indexes removed.
func (m *remote) remove(indexes ...int) {
	list := make([]row, 0, len(m.now()))
	for i, r := range m.now() {
		if slices.Contains(indexes, i) {
			m.gone[r] = len(m.history)
		} else {
			list = append(list, r)
		}
	}
	m.history = append(m.history, list)
}

// always returns the rows that were in the list at every moment since the given one.
func (m *remote) always(since int) []row {
	return slices.DeleteFunc(slices.Clone(m.history[since]), func(r row) bool { return m.gone[r] > since })
}

func (m *remote) fetch(_ context.Context, w upstream.Window, offset int) ([]row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fetched = append(m.fetched, fmt.Sprintf("%d+%d", w.Start, offset))
	if m.between != nil {
		m.between()
	}
	at := len(m.history) - 1
	if m.age != nil {
		at = max(0, at-m.age())
	}
	return cutPage(m.history[at], w, offset), nil
}

// cutPage returns the API's answer for the list rows.
func cutPage(rows []row, w upstream.Window, offset int) []row {
	from, _ := slices.BinarySearchFunc(rows, w.Start, func(r row, t upstream.Time) int {
		return cmp.Compare(r.Time, t)
	})
	to, _ := slices.BinarySearchFunc(rows, w.End, func(r row, t upstream.Time) int { return cmp.Compare(r.Time, t) })
	from = min(from+offset, to)
	return rows[from:min(from+upstream.PageSize, to)]
}

func (m *remote) count(_ context.Context, w upstream.Window) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fetched = append(m.fetched, "count")
	at := len(m.history) - 1
	if m.age != nil {
		at = max(0, at-m.age())
	}
	var n int64
	for _, r := range m.history[at] {
		if w.Contains(r.Time) {
			n++
		}
	}
	return n, nil
}

func (m *remote) source() page.Source[row] {
	s := page.Source[row]{Window: window, Fetch: m.fetch, Key: keyOf, Time: timeOf, Memory: m.memory}
	if m.counts {
		s.Count = m.count
	}
	return s
}

// notes is a memory of a list.
type notes struct {
	value  atomic.Value
	before upstream.Time // rows before this no longer change
}

func (n *notes) Load() any          { return n.value.Load() }
func (n *notes) Store(v any, _ int) { n.value.Store(v) }
func (n *notes) Settled() (upstream.Time, time.Time, time.Time) {
	return n.before, time.Now(), time.Time{}
}

// calls returns the calls since the last time it was called.
func (m *remote) calls() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	f := m.fetched
	m.fetched = nil
	return f
}

// forget drops all history except the current moment, for long walks.
func (m *remote) forget() { m.history = m.history[len(m.history)-1:] }

// remember caches answers for a number of ticks of a clock. Repeating a call within that time costs nothing.
func remember(s page.Source[row], clock func() int, ticks int) page.Source[row] {
	type entry struct {
		rows []row
		at   int
	}
	memory, fetch := map[string]entry{}, s.Fetch
	s.Fetch = func(ctx context.Context, w upstream.Window, offset int) ([]row, error) {
		k := fmt.Sprint(w, offset)
		e, ok := memory[k]
		if !ok || clock()-e.at > ticks {
			rows, err := fetch(ctx, w, offset)
			if err != nil {
				return nil, err
			}
			e = entry{rows, clock()}
			memory[k] = e
		}
		return e.rows, nil
	}
	return s
}

// rowAt returns the nth row of a second.
func rowAt(t upstream.Time, n int) row {
	return row{page.Key{
		Time: t, EmailID: fmt.Sprintf("%d.%06d@mail.example.com", t, n), Recipient: "a@example.com",
		UserID: 21, SenderID: 17,
	}}
}

// randomRows returns n rows spread over the given seconds. Some belong to the same email, and some differ only
// in their user.
func randomRows(r *rand.Rand, n, seconds int) []row {
	rows := make([]row, n)
	for i := range rows {
		t := window.Start + upstream.Time(r.IntN(seconds))
		rows[i] = row{page.Key{
			Time: t, EmailID: fmt.Sprint(r.IntN(1 + 2*n/seconds)), Recipient: fmt.Sprint(r.IntN(1 + n/8)),
			UserID: upstream.ID(21 + r.IntN(3)), SenderID: 17,
		}}
	}
	return rows
}

// client pages through a list as users of the API do.
type client struct {
	t      interface{ Fatalf(string, ...any) }
	source page.Source[row]
}

// answer is everything that a client can select of a page.
type answer struct {
	rows                 []row
	cursors              []string
	hasNext, hasPrevious bool
}

func (c client) ask(a page.Args) answer {
	p, err := c.try(a)
	if err != nil {
		c.t.Fatalf("page %s: %v", show(a), err)
	}
	return p
}

func (c client) try(a page.Args) (p answer, err error) {
	ctx := context.Background()
	conn, err := page.Connect("list", c.source, a)
	if err != nil {
		return p, err
	}
	if p.rows, err = conn.Rows(ctx); err != nil {
		return p, err
	}
	for i := range p.rows {
		p.cursors = append(p.cursors, conn.Cursor(i))
	}
	if p.hasNext, err = conn.HasNextPage(ctx); err != nil {
		return p, err
	}
	p.hasPrevious, err = conn.HasPreviousPage(ctx)
	return p, err
}

func (p answer) start() *string { return &p.cursors[0] }
func (p answer) end() *string   { return &p.cursors[len(p.cursors)-1] }

func first(n int, after *string) page.Args { return page.Args{First: &n, After: after} }
func last(n int, before *string) page.Args { return page.Args{Last: &n, Before: before} }

func show(a page.Args) string {
	var s []string
	if a.First != nil {
		s = append(s, fmt.Sprint("first ", *a.First))
	}
	if a.Last != nil {
		s = append(s, fmt.Sprint("last ", *a.Last))
	}
	if a.After != nil {
		s = append(s, "after …")
	}
	if a.Before != nil {
		s = append(s, "before …")
	}
	return strings.Join(s, " ")
}

// bulk returns n rows, the given number of them in each second.
func bulk(n, ties int) []row {
	rows := make([]row, n)
	for i := range rows {
		rows[i] = rowAt(window.Start+upstream.Time(i/ties), i%ties)
	}
	return rows
}

func total(t testing.TB, s page.Source[row]) int64 {
	t.Helper()
	conn, err := page.Connect("list", s, page.Args{})
	if err != nil {
		t.Fatal(err)
	}
	n, err := conn.TotalCount(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	return n
}
