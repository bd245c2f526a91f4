package page_test

import (
	std "cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// Rows arrive and disappear between and within client pages, and each upstream call may be answered as of a
// recent moment. Still, every row that was there throughout comes exactly once, in order.
func TestPagingForwardNeverRepeatsOrLosesRows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		walkForward(t, w)
	})
}

func TestPagingBackwardNeverRepeatsOrLosesRows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		walkBackward(t, w)
	})
}

func TestPagingBothWaysNeverRepeatsOrLosesRows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		w := drawWorld(t)
		wander(t, w)
	})
}

// If a remote sorts by time alone, rows are found by identity. Then no row is repeated or lost when rows arrive
// between client pages and answers are fresh.
func TestPagingListSortedByTimeNeverRepeatsOrLosesRows(t *testing.T) {
	t.Parallel()
	for name, order := range map[string]func(a, b row) int{
		"ties by recipient": func(a, b row) int {
			return std.Or(std.Compare(a.Time, b.Time), strings.Compare(a.Recipient, b.Recipient),
				strings.Compare(a.EmailID, b.EmailID), std.Compare(b.UserID, a.UserID))
		},
		"ties by arrival": func(a, b row) int { return std.Compare(a.Time, b.Time) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, func(t *rapid.T) {
				r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
				seconds := rapid.SampledFrom([]int{1, 3, 30, 3000}).Draw(t, "seconds")
				m := newRemote(order, randomRows(r, rapid.SampledFrom([]int{40, 520, 1600}).Draw(t, "rows"),
					seconds)...)
				want := m.now()
				backward := rapid.Bool().Draw(t, "backward")
				c := client{t, m.source()}
				seen := map[row]int{}
				var cursor *string
				for more := true; more; m.add(randomRows(r, r.IntN(12), seconds)...) {
					var p answer
					if n := 30 + r.IntN(300); backward {
						if p = c.ask(last(n, cursor)); len(p.rows) > 0 {
							cursor = p.start()
						}
						more = p.hasPrevious
					} else {
						if p = c.ask(first(n, cursor)); len(p.rows) > 0 {
							cursor = p.end()
						}
						more = p.hasNext
					}
					for _, r := range p.rows {
						seen[r]++
					}
				}
				for _, r := range want {
					if seen[r] != 1 {
						t.Fatalf("%v was returned %d times", r, seen[r])
					}
				}
			})
		})
	}
}

// world is a remote that changes, and a client that pages through it.
type world struct {
	*remote
	rand  *rand.Rand
	since int // the oldest moment that the walk can see
	sizes []int
}

func drawWorld(t *rapid.T) *world {
	r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
	seconds := rapid.SampledFrom([]int{1, 2, 5, 50, 1000, 90_000}).Draw(t, "seconds")
	rows := rapid.SampledFrom([]int{0, 1, 30, 499, 500, 501, 998, 999, 1000, 1700, 2600}).Draw(t, "rows")
	w := &world{remote: newRemote(byKey, randomRows(r, rows, seconds)...), rand: r}
	age := rapid.IntRange(0, 6).Draw(t, "age")
	burst := rapid.SampledFrom([]int{0, 1, 5, 40}).Draw(t, "arrivals")
	goes := rapid.SampledFrom([]int{0, 0, 3}).Draw(t, "removals")
	move := func() {
		w.add(randomRows(r, r.IntN(burst+1), seconds)...)
		if n := len(w.now()); goes > 0 && n > 0 {
			w.remove(r.IntN(n), r.IntN(n), r.IntN(n))
		}
	}
	for range age { // the walk's first answer may be this old
		move()
	}
	w.since = len(w.history) - 1 - age
	w.remote.age = func() int { return min(r.IntN(age+1), len(w.history)-1-w.since) }
	w.between = func() {
		if r.IntN(3) == 0 {
			move()
		}
	}
	if w.counts = rapid.Bool().Draw(t, "counted"); w.counts && rapid.Bool().Draw(t, "tail") {
		w.memory = &notes{}
		part := rapid.Float64Range(0, 1).Draw(t, "tail") // of the seconds that have rows
		length := float64(window.End-window.Start) - part*float64(seconds)
		page.KnowRate(w.memory, 160/length)
	}
	w.sizes = rapid.SampledFrom([][]int{{1, 7}, {7}, {50}, {500}, {1, 20, 250, 499, 500}}).Draw(t, "sizes")
	if rows > 501 && slices.Max(w.sizes) == 7 {
		w.sizes = []int{31} // small pages of long lists take too long
	}
	return w
}

func (w *world) size() int { return w.sizes[w.rand.IntN(len(w.sizes))] }

func walkForward(t *rapid.T, w *world) {
	c := client{t, w.source()}
	var got []row
	var cursor *string
	for {
		n := w.size()
		p := c.ask(first(n, cursor))
		got = append(got, p.rows...)
		if p.hasNext && len(p.rows) != n {
			t.Fatalf("page of %d has only %d rows although more follow", n, len(p.rows))
		}
		if !p.hasNext {
			break
		}
		cursor = p.end()
	}
	checkWalk(t, w, got)
}

func walkBackward(t *rapid.T, w *world) {
	c := client{t, w.source()}
	var got []row
	var cursor *string
	for {
		n := w.size()
		p := c.ask(last(n, cursor))
		got = append(slices.Clone(p.rows), got...)
		if p.hasPrevious && len(p.rows) != n {
			t.Fatalf("page of %d has only %d rows although more precede", n, len(p.rows))
		}
		if !p.hasPrevious {
			break
		}
		cursor = p.start()
	}
	checkWalk(t, w, got)
}

// checkWalk fails unless each row that was always there came once, in order.
func checkWalk(t *rapid.T, w *world, got []row) {
	for i := 1; i < len(got); i++ {
		if byKey(got[i-1], got[i]) >= 0 {
			t.Fatalf("row %d is repeated or out of order: %v after %v", i, got[i], got[i-1])
		}
	}
	checkRun(t, w, got, nil, nil)
}

// checkRun fails unless each row that was always there, after low and before high, came once.
func checkRun(t *rapid.T, w *world, got []row, low, high *row) {
	want := w.always(w.since)
	if low != nil {
		want = slices.DeleteFunc(want, func(r row) bool { return byKey(r, *low) <= 0 })
	}
	if high != nil {
		want = slices.DeleteFunc(want, func(r row) bool { return byKey(r, *high) >= 0 })
	}
	steady := map[row]bool{}
	for _, r := range want {
		steady[r] = true
	}
	got = slices.DeleteFunc(slices.Clone(got), func(r row) bool { return !steady[r] })
	if !slices.Equal(want, got) {
		t.Fatalf("rows that were always there (-want +got):\n%s", cmp.Diff(want, got))
	}
}

// wander pages forward and backward from the ends and the middle of each page, and checks each page by itself.
func wander(t *rapid.T, w *world) {
	c := client{t, w.source()}
	var p answer
	begin := func() {
		if w.rand.IntN(2) == 0 {
			p = c.ask(first(w.size(), nil))
		} else {
			p = c.ask(last(w.size(), nil))
		}
	}
	begin()
	for range 15 {
		if len(p.rows) == 0 {
			begin()
			continue
		}
		i := []int{0, len(p.rows) - 1, w.rand.IntN(len(p.rows))}[w.rand.IntN(3)]
		k, at, n := p.rows[i], p.cursors[i], w.size()
		switch w.rand.IntN(4) {
		case 0, 1:
			p = c.ask(first(n, &at))
			high := (*row)(nil)
			if p.hasNext {
				high = after(p.rows[len(p.rows)-1])
			}
			checkRun(t, w, p.rows, &k, high)
		case 2:
			p = c.ask(last(n, &at))
			low := (*row)(nil)
			if p.hasPrevious {
				low = before(p.rows[0])
			}
			checkRun(t, w, p.rows, low, &k)
		default:
			j := w.rand.IntN(len(p.rows))
			if i > j {
				i, j = j, i
			}
			a := page.Args{First: &n, After: &p.cursors[i], Before: &p.cursors[j]}
			backward := w.rand.IntN(2) == 0
			if backward {
				a.First, a.Last = nil, &n
			}
			low, high := p.rows[i], p.rows[j]
			if p = c.ask(a); len(p.rows) > n {
				t.Fatalf("%d rows for a page of %d", len(p.rows), n)
			}
			switch {
			case backward && p.hasPrevious:
				low = *before(p.rows[0])
			case !backward && p.hasNext:
				high = *after(p.rows[len(p.rows)-1])
			}
			checkRun(t, w, p.rows, &low, &high)
		}
	}
}

// after and before return rows between r and its neighbours.
func after(r row) *row  { r.SenderID++; return &r }
func before(r row) *row { r.SenderID--; return &r }

// After many rows arrive in one place, a fresh page and a cached one disagree about the position of a row.
// Calls that have not been made yet settle it.
func TestPagingToleratesStaleCachedPage(t *testing.T) {
	t.Parallel()
	for _, direction := range []string{"forward", "backward"} {
		for _, stale := range []int{998, 1497, 1400, 1996} {
			m := newRemote(byKey, bulk(4000, 4000)...)
			kept, _ := m.fetch(t.Context(), window, stale)
			s := m.source()
			fetch := s.Fetch
			s.Fetch = func(ctx context.Context, w upstream.Window, offset int) ([]row, error) {
				rows, err := fetch(ctx, w, offset)
				if offset == stale {
					rows = kept
				}
				return rows, err
			}
			c := client{t, s}
			p := c.ask(first(400, nil))
			for range 2 {
				p = c.ask(first(400, p.end()))
			}
			old := m.now()
			burst := make([]row, 1500)
			for i := range burst {
				burst[i] = row{page.Key{Time: window.Start, EmailID: fmt.Sprint("0", i)}}
			}
			m.add(burst...)
			m.calls()
			if direction == "forward" {
				p = c.ask(first(50, p.end()))
				if !slices.Equal(p.rows, old[1200:1250]) {
					t.Errorf("%s with offset %d cached: rows from %v, want from %v", direction, stale, p.rows[0],
						old[1200])
				}
			} else {
				p = c.ask(last(50, p.end()))
				if !slices.Equal(p.rows, old[1149:1199]) {
					t.Errorf("%s with offset %d cached: rows from %v, want from %v", direction, stale, p.rows[0],
						old[1149])
				}
			}
			if calls := m.calls(); len(calls) > 12 {
				t.Errorf("%s with offset %d cached: %d calls", direction, stale, len(calls))
			}
		}
	}
}
