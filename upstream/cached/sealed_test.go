package cached

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// Settled windows are fetched once, and windows at the open edge again when their answers are no longer fresh. The end
// of a window is exclusive.
func TestSettledWindowsAreFetchedOnce(t *testing.T) {
	m := upstreamtest.NewModel(everyTenMinutes(-12, 2))
	for name, test := range map[string]struct {
		window upstream.Window // of which bounces[0] is the detail
		calls  int             // in a year, of which every quarter is asked twice
	}{
		"long ago": {upstream.Window{Start: at(-10 * time.Hour), End: at(-9 * time.Hour)}, 1},
		"up to the settled time": {
			upstream.Window{Start: at(-time.Hour - 10*time.Minute), End: at(-time.Hour)}, 1,
		},
		"one second later": {upstream.Window{Start: at(-time.Hour), End: at(-time.Hour + 1*time.Second)}, 2},
		"up to now":        {upstream.Window{Start: at(-30 * time.Minute), End: midnight}, 2},
	} {
		t.Run(name, func(t *testing.T) {
			for _, q := range questions(m, test.window) {
				if q.catalogue {
					continue
				}
				for _, fresh := range []time.Duration{0, DefaultFresh} {
					var c clock
					counting := &upstreamtest.Counting{API: m}
					o := sealing
					o.Now, o.Fresh = c.now, fresh
					a := open(t, counting, o)
					want, _ := q.ask(t.Context(), m)
					for range 4 {
						got, err := q.ask(t.Context(), a)
						if err != nil {
							t.Fatal(err)
						}
						if diff := cmp.Diff(want, got); diff != "" {
							t.Errorf("%s: (-want +got)\n%s", q.name, diff)
						}
						c.add(90 * 24 * time.Hour)
					}
					if n := counting.Total(); n != test.calls {
						t.Errorf("%s, fresh for %v: %d calls, want %d", q.name, fresh, n, test.calls)
					}
				}
			}
		})
	}
}

// An answer that came before its window had settled may lack events, so it is never sealed: neither if it was kept, nor
// if it was in progress meanwhile.
func TestAnswersFromBeforeTheWindowSettledAreNotSealed(t *testing.T) {
	w := upstream.Window{Start: at(-59 * time.Minute), End: at(-31 * time.Minute)}
	for i, q := range questions(upstreamtest.NewModel(everyTenMinutes(-3, 0)), w) {
		if q.catalogue {
			continue
		}
		for name, settles := range map[string]bool{"kept": false, "under way": true} {
			t.Run(q.name+" "+name, func(t *testing.T) {
				var c clock
				m := upstreamtest.NewModel(everyTenMinutes(-3, 0))
				counting := &upstreamtest.Counting{API: m, Before: func(context.Context, string) error {
					if settles {
						c.set(time.Hour)
					}
					return nil
				}}
				o := sealing
				o.Now = c.now
				a := open(t, counting, o)
				q := questions(m, w)[i]
				ask := func(calls int) any {
					t.Helper()
					got, err := q.ask(t.Context(), a)
					if err != nil {
						t.Fatal(err)
					}
					if n := counting.Total(); n != calls {
						t.Errorf("%d calls, want %d", n, calls)
					}
					return got
				}
				ask(1)
				m.Add(eventAt(at(-45*time.Minute), senders[0], 7))
				counting.Before = nil
				c.set(2 * time.Hour)
				want, _ := q.ask(t.Context(), m)
				for range 2 {
					if diff := cmp.Diff(want, ask(2)); diff != "" {
						t.Errorf("(-want +got)\n%s", diff)
					}
					c.add(24 * time.Hour)
				}
			})
		}
	}
}

// listing answers lists of emails with its rows.
func listing(rows []upstream.Email) upstream.Asker {
	return upstreamtest.Asker(func(context.Context, *upstream.Question) (any, error) { return rows, nil })
}

// A full page of settled rows is kept even if its window is open, since new rows come after it. This does not hold if
// the order of its rows shows that the remote does not sort.
// A sum grows by an hour that was asked for two seconds before it settled, when the API still lacked an event.
func TestSumsDoNotKeepAnswersFromBeforeTheHourSettled(t *testing.T) {
	t.Parallel()
	m := upstreamtest.NewModel(upstreamtest.Rows{Senders: senders})
	var c clock
	o := sealing
	o.Now = c.now
	a := open(t, m, o)
	ask := func(from upstream.API, now, end time.Duration) []upstream.Count {
		t.Helper()
		c.set(now)
		counts, err := from.Counts(t.Context(), upstream.Bounces, upstream.CountQuery{
			Window: upstream.Window{Start: at(-10 * time.Hour), End: at(end)}, Rollup: upstream.BySender,
		})
		if err != nil {
			t.Fatal(err)
		}
		return counts
	}
	ask(a.API, time.Hour-time.Second, 0)
	m.Add(eventAt(at(-time.Second), senders[0], 1))
	now := time.Hour + time.Second
	want := ask(upstream.API{Asker: m}, now, now)
	if got := ask(a.API, now, now); !cmp.Equal(want, got) || len(got) != 1 {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestFullPagesOfSettledRowsAreSealed(t *testing.T) {
	emails := func(n int, last time.Duration) []upstream.Email {
		rows := make([]upstream.Email, n)
		for i := range rows {
			rows[i].ProcessTime = at(last) - upstream.Time((n-1-i)/2)
		}
		return rows
	}
	newestFirst := emails(upstream.PageSize, -2*time.Hour)
	slices.Reverse(newestFirst)
	for name, test := range map[string]struct {
		rows  []upstream.Email
		calls int
	}{
		"full and settled":                        {emails(upstream.PageSize, -time.Hour-time.Second), 1},
		"longer than a page":                      {emails(upstream.PageSize+1, -time.Hour-time.Second), 1},
		"its last row is about to settle":         {emails(upstream.PageSize, -time.Hour), 2},
		"its last row is not settled":             {emails(upstream.PageSize, -50*time.Minute), 25},
		"not full: more rows may join it":         {emails(upstream.PageSize-1, -2*time.Hour), 25},
		"empty":                                   {nil, 25},
		"newest first, against the documentation": {newestFirst, 25},
	} {
		t.Run(name, func(t *testing.T) {
			var c clock
			counting := &upstreamtest.Counting{API: listing(test.rows)}
			o := sealing
			o.Now = c.now
			a := open(t, counting, o)
			// Twenty-five pages of 20, as a person reads them.
			for range 25 {
				got, err := a.Emails(t.Context(),
					upstream.ListQuery{Window: upstream.Window{Start: at(-48 * time.Hour), End: midnight}})
				if err != nil {
					t.Fatal(err)
				}
				if !slices.EqualFunc(test.rows, got,
					func(a, b upstream.Email) bool { return a.ProcessTime == b.ProcessTime }) {
					t.Fatal("the page has changed")
				}
				c.add(8 * time.Second)
			}
			if counting.Total() != test.calls {
				t.Errorf("%d calls, want %d", counting.Total(), test.calls)
			}
		})
	}
}

// A page with rows from outside its window is wrong, so it is not kept forever, even if its window has settled or it is
// full of settled rows.
func TestPagesWithRowsOutsideTheirWindowAreFetchedAgain(t *testing.T) {
	w := upstream.Window{Start: at(-48 * time.Hour), End: at(-47 * time.Hour)}
	for name, test := range map[string]struct {
		first, last upstream.Time
		calls       int
	}{
		"within":           {w.Start, w.End - 1, 1},
		"the end included": {w.Start, w.End, 1},
		"too early":        {w.Start - 1, w.End - 1, 2},
		"too late":         {w.Start, w.End + 1, 2},
	} {
		for _, n := range []int{2, upstream.PageSize} {
			rows := make([]upstream.Email, n)
			for i := range rows {
				rows[i].ProcessTime = test.first
			}
			rows[n-1].ProcessTime = test.last
			var c clock
			counting := &upstreamtest.Counting{API: listing(rows)}
			o := sealing
			o.Now, o.Fresh = c.now, DefaultFresh
			a := open(t, counting, o)
			for _, after := range []time.Duration{0, DefaultFresh / 2, DefaultFresh / 2} {
				c.add(after)
				if _, err := a.Emails(t.Context(), upstream.ListQuery{Window: w}); err != nil {
					t.Fatal(err)
				}
			}
			if counting.Total() != test.calls {
				t.Errorf("%s, %d rows: %d calls, want %d", name, n, counting.Total(), test.calls)
			}
		}
	}
}

// Twenty-five pages of 20 that come from one upstream page cost one call while it is fresh.
func TestClientPagesShareOneUpstreamPage(t *testing.T) {
	var c clock
	counting := &upstreamtest.Counting{API: listing(nil)}
	o := standard
	o.Now = c.now
	a := open(t, counting, o)
	for range 25 {
		if _, err := a.Emails(t.Context(), upstream.ListQuery{
			Window: upstream.Window{Start: at(-48 * time.Hour), End: midnight},
		}); err != nil {
			t.Fatal(err)
		}
		c.add(199 * time.Millisecond)
	}
	if counting.Total() != 1 {
		t.Errorf("%d calls, want 1", counting.Total())
	}
}

// A sum that was made of an older answer is used no longer than that answer, so that events that arrive late are seen.
func TestSumsAreNoYoungerThanTheirParts(t *testing.T) {
	t.Parallel()
	m := upstreamtest.NewModel(everyTenMinutes(-3, 2))
	var c clock
	o := sealing
	o.Now, o.Sealed = c.now, time.Hour
	a := open(t, m, o)
	ask := func(now, end time.Duration) {
		t.Helper()
		c.set(now)
		q := upstream.CountQuery{Window: upstream.Window{Start: at(-3 * time.Hour), End: at(end)}}
		got, err := a.Counts(t.Context(), upstream.Bounces, q)
		want, _ := m.Counts(t.Context(), upstream.Bounces, q)
		if now == 50*time.Minute { // the late event is not seen yet
			want[0].Tally = want[0].Add(upstream.Tally{Total: -1, Hard: -1})
		}
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("at %s: %v (-want +got)\n%s", now, err, diff)
		}
	}
	ask(0, -time.Hour) // settled
	m.Add(eventAt(at(-2*time.Hour+time.Second), senders[0], 0))
	ask(50*time.Minute, 50*time.Minute) // made of that answer and the rest
	ask(65*time.Minute, 65*time.Minute)
}
