package page_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// distant makes every call of a source take a time, so that the time of an answer shows its rounds: calls that
// wait for one another.
func distant(s page.Source[row], each time.Duration) page.Source[row] {
	fetch, count := s.Fetch, s.Count
	s.Fetch = func(ctx context.Context, w upstream.Window, offset int) ([]row, error) {
		time.Sleep(each)
		return fetch(ctx, w, offset)
	}
	if count != nil {
		s.Count = func(ctx context.Context, w upstream.Window) (int64, error) {
			time.Sleep(each)
			return count(ctx, w)
		}
	}
	return s
}

// spread returns n rows spread evenly over part of the window.
func spread(n int, w upstream.Window) []row {
	rows := make([]row, n)
	for i := range rows {
		rows[i] = rowAt(w.Start+upstream.Time(i)*(w.End-w.Start)/upstream.Time(n), i)
	}
	return rows
}

// The count and the last rows are asked for side by side. If the list's end is denser or sparser than assumed,
// its last page takes one more call, and later operations know better. A question that is repeated makes the same
// calls again, which a cache answers.
func TestLastPageTakesOneRound(t *testing.T) {
	t.Parallel()
	later := func(by upstream.Time) upstream.Window {
		return upstream.Window{Start: window.Start, End: window.End - 1000 + by}
	}
	type step struct {
		window        upstream.Window
		size          int
		rounds, calls int
	}
	for name, c := range map[string]struct {
		rows  []row
		steps []step
	}{
		"of a list of usual density": {spread(3000, window), []step{
			{later(0), 20, 1, 2}, {later(0), 20, 1, 2}, {later(10), 20, 1, 2}, {later(10), 100, 1, 2},
			{later(10), 101, 2, 2}, // too many rows to guess
		}},
		"of a dense list": {spread(60_000, window), []step{
			{later(0), 20, 2, 3}, {later(0), 20, 2, 2}, {later(10), 20, 1, 2}, {later(20), 250, 1, 2},
			{later(30), 251, 2, 2},
		}},
		"of a sparse list": {spread(150, window), []step{{later(0), 20, 2, 3}, {later(10), 20, 1, 2}}},
		"of a list that ended long ago": {spread(5000, upstream.Window{Start: window.Start, End: 2000}), []step{
			// no more guesses
			{later(0), 20, 2, 3}, {later(10), 20, 2, 3}, {later(20), 20, 2, 3}, {later(30), 20, 2, 2},
		}},
		"of an empty list": {nil, []step{{later(0), 20, 2, 3}, {later(10), 20, 1, 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newRemote(byKey, c.rows...)
				m.memory, m.counts = &notes{}, true
				for i, step := range c.steps {
					want := slices.DeleteFunc(slices.Clone(c.rows),
						func(r row) bool { return !step.window.Contains(r.Time) })
					s := distant(m.source(), time.Second)
					s.Window = step.window
					conn, err := page.Connect("list", s, last(step.size, nil))
					if err != nil {
						t.Fatal(err)
					}
					begun := time.Now()
					rows, err := conn.Rows(t.Context())
					more, err2 := conn.HasPreviousPage(t.Context())
					if rounds := int(time.Since(begun) / time.Second); rounds != step.rounds || err != nil ||
						err2 != nil {
						t.Errorf("step %d: %d rounds, want %d (%v, %v)", i, rounds, step.rounds, err, err2)
					}
					if calls := m.calls(); len(calls) != step.calls {
						t.Errorf("step %d: calls are %v, want %d", i, calls, step.calls)
					}
					from := max(0, len(want)-step.size)
					if !slices.Equal(rows, want[from:]) || more != (from > 0) {
						t.Errorf("step %d: %d rows and %v, want the last %d of %d", i, len(rows), more, step.size,
							len(want))
					}
				}
			})
		})
	}
}

// A remote that ignores the start of a window, or sorts in no order, gives the same rows as without a memory.
func TestTailOfHostileRemoteIsNotTrusted(t *testing.T) {
	t.Parallel()
	rows := spread(300, window)
	latest := slices.Clone(rows)
	slices.Reverse(latest)
	for name, fetch := range map[string]func(w upstream.Window, offset int) []row{
		"ignores the start": func(w upstream.Window, offset int) []row {
			return cutPage(rows, upstream.Window{Start: window.Start, End: w.End}, offset)
		},
		"latest first": func(w upstream.Window, offset int) []row {
			in := slices.DeleteFunc(slices.Clone(latest), func(r row) bool { return !w.Contains(r.Time) })
			return in[min(offset, len(in)):]
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var answers []answer
			for _, memory := range []page.Memory{nil, &notes{}} {
				s := page.Source[row]{Window: window, Key: keyOf, Time: timeOf, Memory: memory,
					Fetch: func(_ context.Context, w upstream.Window, offset int) ([]row, error) {
						return fetch(w, offset), nil
					},
					Count: func(context.Context, upstream.Window) (int64, error) { return int64(len(rows)), nil },
				}
				answers = append(answers, client{t, s}.ask(last(10, nil)))
			}
			if a, b := answers[0], answers[1]; len(a.rows) != 10 || !slices.Equal(a.rows, b.rows) ||
				a.hasPrevious != b.hasPrevious {
				t.Errorf("without a memory %v, with one %v", a.rows, b.rows)
			}
		})
	}
}
