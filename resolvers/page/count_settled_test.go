package page_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// A total that has been found once is asked for again only where rows may have arrived since, as windows move with
// the clock.
func TestTotalIsRememberedWhereItHasSettled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const hour, day = 3600, 86400
		list := newCrowd(20_000, steady)
		memory := &notes{}
		calls := make(chan string, 100)
		ask := func(name string, w upstream.Window, before upstream.Time, brief bool, rounds, most int) {
			t.Helper()
			memory.before = before
			s := distant(page.Source[row]{Window: w, Key: keyOf, Time: timeOf, Memory: memory, Brief: brief,
				Fetch: func(ctx context.Context, w upstream.Window, offset int) ([]row, error) {
					calls <- fmt.Sprint(w, "+", offset)
					return list.fetch(ctx, w, offset)
				}}, time.Second)
			begun := time.Now()
			got, want := total(t, s), int64(list.before(w.End)-list.before(w.Start))
			if took := int(time.Since(begun) / time.Second); got != want || took > rounds || len(calls) > most {
				t.Errorf("%s: %d in %d rounds and %d calls, want %d in %d and %d",
					name, got, took, len(calls), want, rounds, most)
			}
			for len(calls) > 0 {
				<-calls
			}
		}
		begin, now := quarter.Start+day, quarter.End-day
		settled := now - 2*hour
		ask("first", upstream.Window{Start: begin, End: now}, settled, false, 3, 13)
		ask("again", upstream.Window{Start: begin, End: now}, settled, false, 1, 1)
		ask("later", upstream.Window{Start: begin, End: now + 10}, settled, false, 1, 1)
		ask("when an hour has settled", upstream.Window{Start: begin, End: now + hour}, settled+hour, false, 1, 1)
		ask("when the start has moved, too",
			upstream.Window{Start: begin + hour, End: now + 2*hour}, settled+2*hour, false, 1, 2)
		ask("from an hour earlier", upstream.Window{Start: begin, End: now + 2*hour}, settled+2*hour, false, 1, 2)
		ask("up to a settled moment", upstream.Window{Start: begin, End: settled + 2*hour}, settled+2*hour, false, 0, 0)
		ask("of a week", upstream.Window{Start: now - 7*day, End: now}, settled, false, 3, 13)
		ask("of the month, which keeps the others", upstream.Window{Start: now - 30*day, End: now},
			settled, false, 3, 17)
		ask("of the week, still known", upstream.Window{Start: now - 7*day, End: now + 5}, settled, false, 1, 1)
		ask("from the start, still known", upstream.Window{Start: begin, End: now + 2*hour + 5},
			settled+2*hour, false, 1, 1)
		ask("brief", upstream.Window{Start: now - day/2, End: now}, settled, false, 1, 1)
		ask("taken for brief", upstream.Window{Start: quarter.Start, End: quarter.Start + 40*day}, settled, true, 4, 15)
	})
}

// The last rows need no page of their own if those that have not settled are more.
func TestLastPageUsesTheOpenEdge(t *testing.T) {
	t.Parallel()
	list := newCrowd(200_000, func(float64, float64, int) float64 { return 1 })
	memory := &notes{before: quarter.End - 3600}
	var calls atomic.Int32
	s := page.Source[row]{Window: quarter, Key: keyOf, Time: timeOf, Memory: memory, Room: func() int { return 1 },
		Fetch: func(ctx context.Context, w upstream.Window, offset int) ([]row, error) {
			calls.Add(1)
			return list.fetch(ctx, w, offset)
		}}
	want := total(t, s)
	calls.Store(0)
	conn, err := page.Connect("list", s, last(20, nil))
	if err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Rows(t.Context())
	if err != nil || len(rows) != 20 || rows[19] != list.at(list.len()-1) || calls.Load() != 1 {
		t.Errorf("%d rows, %v, in %d calls", len(rows), err, calls.Load())
	}
	if got, err := conn.TotalCount(t.Context()); got != want || err != nil || calls.Load() != 1 {
		t.Errorf("total is %d, %v in %d calls, want %d", got, err, calls.Load(), want)
	}
	before, err := client{t, s}.try(last(500, new(conn.Cursor(0))))
	if err != nil || before.rows[499] != list.at(list.len()-21) || !before.hasPrevious {
		t.Errorf("the page before ends with %v, %v", before.rows[len(before.rows)-1], err)
	}
}

// Rows arrive while the clock moves, none later than they settle. Each total of a window, whatever was asked
// before it, is that of the moment.
func TestRememberedTotalsAreExactWhileRowsArrive(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		r := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 0))
		now, settle := upstream.Time(rapid.IntRange(2000, 50_000).Draw(t, "now")), upstream.Time(500)
		arrive := func(n int, from, to upstream.Time) []row {
			rows := make([]row, n)
			for i := range rows {
				at := from + upstream.Time(r.IntN(int(to-from)))
				rows[i] = row{page.Key{Time: at, EmailID: fmt.Sprint(r.Uint32())}}
			}
			return rows
		}
		m := newRemote(byKey, arrive(rapid.SampledFrom([]int{0, 300, 1200, 6000}).Draw(t, "rows"), 1000, now)...)
		memory := &notes{}
		m.memory = memory
		start := upstream.Time(1000)
		for range 25 {
			now += upstream.Time(r.IntN(400))
			m.add(arrive(r.IntN(120), now-settle+1, now+1)...)
			m.forget()
			memory.before = (now - settle) / 100 * 100
			s := m.source()
			s.Window = upstream.Window{Start: start, End: now}
			s.Brief = r.IntN(2) == 0
			switch r.IntN(4) {
			case 0:
				start += 100
				s.Window.Start = start
			case 1:
				s.Window.End -= upstream.Time(r.IntN(600))
			case 2:
				s.Window.Start = now - upstream.Time(1+r.IntN(1500))
			}
			if s.Window.Start >= s.Window.End {
				continue
			}
			want := len(slices.DeleteFunc(slices.Clone(m.now()), func(r row) bool {
				return !s.Window.Contains(r.Time)
			}))
			conn, err := page.Connect("list", s, page.Args{})
			if err != nil {
				t.Fatal(err)
			}
			if r.IntN(2) == 0 {
				conn.RowsFirst()
			}
			if got, err := conn.TotalCount(context.Background()); got != int64(want) || err != nil {
				t.Fatalf("total of %v, settled before %d, is %d, %v; want %d", s.Window, memory.before, got, err, want)
			}
		}
	})
}
