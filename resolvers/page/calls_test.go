package page_test

import (
	"context"
	"fmt"
	"math/bits"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// Each row that was there from the start comes once. A walk costs about one call per 500 rows, plus one for
// each client page that finds no fresh answer.
func TestLongWalkReadsEachRowOnceInFewCalls(t *testing.T) {
	t.Parallel()
	const rows = 5_000
	for _, size := range []int{7, 50, 500} {
		for _, direction := range []string{"forward", "backward"} {
			for _, list := range []struct {
				name string
				ties int
			}{{"few a second", 3}, {"all in one second", rows}} {
				for _, fresh := range []int{0, 10} { // number of client pages for which an answer stays fresh
					if size == 7 && fresh == 0 && list.ties == 3 {
						continue // slow, and covered by the others
					}
					name := fmt.Sprintf("%s in pages of %d, %s, fresh for %d", direction, size, list.name, fresh)
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						m := newRemote(byKey, bulk(rows, list.ties)...)
						want := m.now()
						r := rand.New(rand.NewPCG(uint64(size), 0))
						pages := 0
						s := m.source()
						s.Count = m.count
						s = remember(s, func() int { return pages }, fresh-1)
						c := client{t, s}
						var got []row
						var cursor *string
						for more := true; more; {
							var p answer
							if direction == "forward" {
								p = c.ask(first(size, cursor))
								got, more = append(got, p.rows...), p.hasNext
								cursor = p.end()
							} else {
								p = c.ask(last(size, cursor))
								for _, r := range slices.Backward(p.rows) {
									got = append(got, r)
								}
								more, cursor = p.hasPrevious, p.start()
							}
							pages++
							if pages%20 == 0 {
								for range 3 {
									m.add(arrival(r, rows/list.ties))
								}
								m.forget()
							}
						}
						if direction == "backward" {
							slices.Reverse(got)
						}
						got = slices.DeleteFunc(got, func(r row) bool { return r.SenderID == 99 })
						if !slices.Equal(want, got) {
							t.Errorf("rows that were there at the start (-want +got):\n%.2000s", cmp.Diff(want, got))
						}
						refetched := pages
						if fresh > 0 {
							refetched = pages/fresh + 1
						}
						calls := m.calls()
						if limit := rows/(upstream.PageSize-1) + refetched + 8; len(calls) > limit {
							t.Errorf("%d calls for %d client pages, want at most %d", len(calls), pages, limit)
						}
						t.Logf("%d client pages, %d calls", pages, len(calls))
					})
				}
			}
		}
	}
}

// arrival returns a row at a random place in the list.
func arrival(r *rand.Rand, seconds int) row {
	k := rowAt(window.Start+upstream.Time(r.IntN(seconds+1)), r.IntN(20_000))
	k.Recipient, k.SenderID = fmt.Sprint(r.Uint32()), 99
	return k
}

// Clients that use different page sizes share upstream calls.
func TestPageSizesShareUpstreamCalls(t *testing.T) {
	t.Parallel()
	var want []string
	for _, size := range []int{500, 499, 50, 7} {
		m := newRemote(byKey, bulk(2600, 4)...)
		c := client{t, remember(m.source(), func() int { return 0 }, 0)}
		p := c.ask(first(size, nil))
		for p.hasNext {
			p = c.ask(first(size, p.end()))
		}
		got := m.calls()
		if want == nil {
			want = got
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("calls in pages of %d, against pages of 500 (-want +got):\n%s", size, d)
		}
	}
	if len(want) != 6 {
		t.Errorf("2600 rows in %d calls, want 6", len(want))
	}
}

func TestOnePageMakesFewestCalls(t *testing.T) {
	t.Parallel()
	type connection = *page.Connection[row]
	rows := func(c connection) (any, error) { r, err := c.Rows(context.Background()); return len(r), err }
	next := func(c connection) (any, error) { return c.HasNextPage(context.Background()) }
	previous := func(c connection) (any, error) { return c.HasPreviousPage(context.Background()) }
	count := func(c connection) (any, error) { return c.TotalCount(context.Background()) }
	rowsFirst := func(c connection) (any, error) { c.RowsFirst(); return nil, nil }

	type ask struct {
		field func(connection) (any, error)
		want  any
	}
	// The first page suggests a list of a hundred pages. Its rows end early, however.
	probed := []string{"1000+0", "1000+4000", "1000+70000", "1000+140000", "1000+280000",
		"1000+500", "1000+1000", "1000+2000", "1000+7000"}
	for name, test := range map[string]struct {
		rows   int
		counts bool
		args   page.Args
		asks   []ask
		want   []string
	}{
		"nothing selected": {rows: 10, want: nil},
		"rows":             {rows: 10, asks: []ask{{rows, 10}}, want: []string{"1000+0"}},
		"all of a short list": {
			rows: 10, counts: true,
			asks: []ask{{rowsFirst, nil}, {count, int64(10)}, {rows, 10}, {next, false}, {previous, false}},
			want: []string{"1000+0"},
		},
		"only a full page": {
			rows: 500, args: first(500, nil),
			asks: []ask{{rows, 500}},
			want: []string{"1000+0"},
		},
		"a full page, and whether more follow": {
			rows: 500, args: first(500, nil),
			asks: []ask{{rows, 500}, {next, false}},
			want: []string{"1000+0", "1499+0"},
		},
		"499 of a full page, and whether more follow": {
			rows: 500, args: first(499, nil),
			asks: []ask{{next, true}, {rows, 499}},
			want: []string{"1000+0"},
		},
		"only total, counted": {
			rows: 1200, counts: true,
			asks: []ask{{count, int64(1200)}},
			want: []string{"count"},
		},
		"only total, probed": {rows: 1200, asks: []ask{{count, int64(1200)}}, want: probed},
		"total of a short list, probed": {
			rows: 12,
			asks: []ask{{count, int64(12)}, {rows, 12}},
			want: []string{"1000+0"},
		},
		"total of a long list after its rows, counted": {
			rows: 600, counts: true,
			asks: []ask{{rowsFirst, nil}, {count, int64(600)}, {rows, 50}},
			want: []string{"1000+0", "count"},
		},
		"only first 0": {
			rows: 10, args: first(0, nil),
			asks: []ask{{rows, 0}},
			want: nil,
		},
		"first 0, and whether more follow": {
			rows: 10, args: first(0, nil),
			asks: []ask{{rows, 0}, {next, true}, {previous, false}},
			want: []string{"1000+0"},
		},
		"last, counted": {
			rows: 1200, counts: true, args: last(50, nil),
			asks: []ask{{rows, 50}, {next, false}, {previous, true}},
			want: []string{"count", "1000+701"},
		},
		"last, counted, and its total": {
			rows: 1200, counts: true, args: last(50, nil),
			asks: []ask{{rowsFirst, nil}, {count, int64(1200)}, {rows, 50}},
			want: []string{"count", "1000+701"},
		},
		"last of a short list, probed": {
			rows: 12, args: last(50, nil),
			asks: []ask{{rows, 12}, {next, false}, {previous, false}, {count, int64(12)}},
			want: []string{"1000+0"},
		},
		"last, probed, reuses the probed page": {
			rows: 1200, args: last(50, nil),
			asks: []ask{{rows, 50}, {count, int64(1200)}},
			want: probed,
		},
		"an empty list": {
			rows: 0,
			asks: []ask{{rows, 0}, {next, false}, {count, int64(0)}},
			want: []string{"1000+0"},
		},
		"last of an empty list, counted": {
			rows: 0, counts: true, args: last(5, nil),
			asks: []ask{{rows, 0}, {previous, false}},
			want: []string{"count", "1000+0"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := newRemote(byKey, bulk(test.rows, 1)...)
			s := m.source()
			if test.counts {
				s.Count = m.count
			}
			c, err := page.Connect("list", s, test.args)
			if err != nil {
				t.Fatal(err)
			}
			for i, a := range test.asks {
				if got, err := a.field(c); err != nil || got != a.want {
					t.Errorf("answer %d is %v, %v; want %v", i, got, err, a.want)
				}
			}
			want, calls := slices.Sorted(slices.Values(test.want)), slices.Sorted(slices.Values(m.calls()))
			if d := cmp.Diff(want, calls); d != "" { // those of a round have no order
				t.Errorf("calls (-want +got):\n%s", d)
			}
		})
	}
}

// Totals are exact, and cost a logarithmic number of calls.
func TestTotalCountIsExactInFewCalls(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 499, 500, 501, 999, 1000, 1001, 2000, 4999, 8000, 19_999, 20_000, 20_001, 123_456} {
		m := newRemote(byKey)
		m.history[0] = bulk(n, 2)
		if got := total(t, m.source()); got != int64(n) {
			t.Errorf("total is %d, want %d", got, n)
		}
		limit := 1
		if n >= upstream.PageSize {
			limit = 12 + 3*bits.Len(uint(n/upstream.PageSize))
		}
		if calls := m.calls(); len(calls) > limit {
			t.Errorf("%d calls for a total of %d, want at most %d", len(calls), n, limit)
		} else {
			t.Logf("%d rows: %d calls", n, len(calls))
		}
	}
}
