package page_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
	_ "deliverygraph/upstream/upstreamtest" // keeps properties quick
)

// relay is the algorithm of the Relay specification over a list in memory. Cursors are indexes; -1 means none.
func relay(rows []row, first, last, after, before int) answer {
	low, high := 0, len(rows)
	if after >= 0 {
		low = after + 1
	}
	if before >= 0 {
		high = max(low, before)
	}
	p := answer{rows: rows[low:high]}
	switch {
	case first >= 0:
		p.hasNext = len(p.rows) > first
		p.rows = p.rows[:min(first, len(p.rows))]
		p.hasPrevious = after >= 0
	default:
		p.hasPrevious = len(p.rows) > last
		p.rows = p.rows[max(0, len(p.rows)-last):]
		p.hasNext = before >= 0
	}
	return p
}

func TestConnectionFollowsRelayAlgorithm(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	for _, ties := range []int{1, 40, 3000} {
		for _, n := range []int{1, 4, 5, 500, 1299, 1300} {
			m := newRemote(byKey, bulk(n, ties)...)
			newest := n%2 == 0
			rows := m.now()
			if newest {
				rows = slices.Clone(rows)
				slices.Reverse(rows)
			}
			cursors := cursorsOf(t, m.source(), newest)
			for range 30 {
				a, want := page.Args{Newest: newest}, answer{}
				after, before := -1, -1
				if r.IntN(2) == 0 {
					after = r.IntN(n)
					a.After = &cursors[r.IntN(2)][after]
				}
				if r.IntN(2) == 0 {
					before = r.IntN(n)
					a.Before = &cursors[r.IntN(2)][before]
				}
				size := []int{0, 1, 3, 499, 500}[r.IntN(5)]
				if r.IntN(2) == 0 {
					a.First, want = &size, relay(rows, size, -1, after, before)
				} else {
					a.Last, want = &size, relay(rows, -1, size, after, before)
				}
				got := client{t, m.source()}.ask(a)
				got.cursors = nil
				if d := cmp.Diff(want, got, cmp.AllowUnexported(answer{}), cmpopts.EquateEmpty()); d != "" {
					t.Fatalf("%s (%d, %d) of %d rows (-want +got):\n%.1000s", show(a), after, before, n, d)
				}
			}
		}
	}
}

// cursorsOf returns the cursors of all rows, from walking forward and from walking backward.
func cursorsOf(t *testing.T, s page.Source[row], newest bool) (cursors [2][]string) {
	c := client{t, s}
	ask := func(a page.Args) answer {
		a.Newest = newest
		return c.ask(a)
	}
	p := ask(first(77, nil))
	for cursors[0] = p.cursors; p.hasNext; cursors[0] = append(cursors[0], p.cursors...) {
		p = ask(first(77, p.end()))
	}
	p = ask(last(77, nil))
	for cursors[1] = p.cursors; p.hasPrevious; cursors[1] = slices.Concat(p.cursors, cursors[1]) {
		p = ask(last(77, p.start()))
	}
	return cursors
}

func TestDefaultSize(t *testing.T) {
	t.Parallel()
	m := newRemote(byKey, bulk(200, 1)...)
	cursors, back := cursorsOf(t, m.source(), false)[0], cursorsOf(t, m.source(), true)[0]
	reversed := slices.Clone(m.now())
	slices.Reverse(reversed)
	for name, test := range map[string]struct {
		args page.Args
		want []row
	}{
		"no arguments: the first 50":      {page.Args{}, m.now()[:50]},
		"only after: the 50 after it":     {page.Args{After: &cursors[99]}, m.now()[100:150]},
		"only before: the 50 before it":   {page.Args{Before: &cursors[99]}, m.now()[49:99]},
		"both: the first 50 between them": {page.Args{After: &cursors[9], Before: &cursors[99]}, m.now()[10:60]},
		"newest, no arguments":            {page.Args{Newest: true}, reversed[:50]},
		"newest, only after":              {page.Args{Newest: true, After: &back[99]}, reversed[100:150]},
		"newest, only before":             {page.Args{Newest: true, Before: &back[99]}, reversed[49:99]},
		"newest, both": {
			page.Args{Newest: true, After: &back[9], Before: &back[99]}, reversed[10:60],
		},
	} {
		if d := cmp.Diff(test.want, client{t, m.source()}.ask(test.args).rows); d != "" {
			t.Errorf("%s (-want +got):\n%.1000s", name, d)
		}
	}
}

// An invalid argument is reported by name, before any call.
func TestInvalidArgumentsAreNamed(t *testing.T) {
	t.Parallel()
	m := newRemote(byKey, bulk(10, 1)...)
	s := m.source()
	good := client{t, s}.ask(page.Args{}).cursors[3]
	cursor := func(binding string, w upstream.Window) *string {
		s := m.source()
		s.Window = w
		c, err := page.Connect(binding, s, page.Args{})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Rows(context.Background()); err != nil {
			t.Fatal(err)
		}
		return new(c.Cursor(0))
	}
	flip := func(i int) *string {
		b := []byte(good)
		b[i] = map[bool]byte{true: 'A', false: 'B'}[b[i] != 'A']
		return new(string(b))
	}
	minus, zero, one, many := -1, 0, 1, 501
	for name, test := range map[string]struct {
		args           page.Args
		argument, want string
	}{
		"first too small": {page.Args{First: &minus}, "first", "first must be between 0 and 500, but is -1"},
		"first too large": {page.Args{First: &many}, "first", "first must be between 0 and 500, but is 501"},
		"last too small":  {page.Args{Last: &minus}, "last", "last must be between 0 and 500, but is -1"},
		"last too large":  {page.Args{Last: &many}, "last", "last must be between 0 and 500, but is 501"},
		"first and last":  {page.Args{First: &one, Last: &zero}, "last", "first and last exclude each other"},
		"not a cursor":    {page.Args{After: new("hello")}, "after", "after is not a cursor"},
		"empty cursor":    {page.Args{After: new("")}, "after", "after is not a cursor"},
		"cursor cut short": {
			page.Args{Before: new(good[:len(good)-3])}, "before", "before is not a cursor of this list",
		},
		"longer cursor": {
			page.Args{Before: new(good + "AAAA")}, "before", "before is not a cursor of this list",
		},
		"cursor with a line break": {
			page.Args{Before: new(good[:9] + "\n" + good[9:])}, "before", "before is not a cursor of this list",
		},
		"very long cursor": {
			page.Args{Before: new(strings.Repeat(good, 1000))}, "before", "before is not a cursor of this list",
		},
		"changed cursor": {
			page.Args{After: flip(len(good) / 2)}, "after", "after is not a cursor of this list",
		},
		"another order": {
			page.Args{After: &good, Newest: true}, "after", "after is not a cursor of this list",
		},
		"first too small, newest": {
			page.Args{First: &minus, Newest: true}, "first", "first must be between 0 and 500, but is -1",
		},
		"another version": {page.Args{After: flip(0)}, "after", "another"},
		"another filter": {
			page.Args{After: cursor("other", window)}, "after", "after is not a cursor of this list",
		},
		"another window": {
			page.Args{After: &good, Before: cursor("list", upstream.Window{Start: 999, End: 5000})}, "before",
			"before belongs to another window than after",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := page.Connect("list", s, test.args)
			var bad *page.ArgumentError
			if !errors.As(err, &bad) || bad.Argument != test.argument {
				t.Fatalf("error is %v, want one about %s", err, test.argument)
			}
			if name != "another version" && !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("message is %q, want %q", err, test.want)
			}
		})
	}
}

// Later pages of a relative window stay in the window of the first page.
func TestCursorsKeepTheirWindow(t *testing.T) {
	t.Parallel()
	m := newRemote(byKey, bulk(10, 1)...)
	p := client{t, m.source()}.ask(page.Args{})
	later := upstream.Window{Start: window.Start + 1, End: window.End + 1}
	for _, test := range []struct {
		args page.Args
		want upstream.Window
	}{
		{first(5, nil), later}, {first(5, p.end()), window}, {last(5, p.start()), window},
		{page.Args{After: p.start(), Before: p.end()}, window},
	} {
		if r, err := test.args.Open("list", later); r.Window != test.want || err != nil {
			t.Errorf("%s: window is %v, %v; want %v", show(test.args), r.Window, err, test.want)
		}
	}
}

// Rows with text of any length and any bytes have working cursors.
func TestCursorsOfUnusualRows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.OneOf(rapid.String(),
			rapid.SampledFrom([]string{
				strings.Repeat("x", 320), strings.Repeat("x", 321), strings.Repeat("x", 9000) + "1",
				strings.Repeat("x", 9000) + "2", "\xff\x00",
			}))
		rows := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) row {
			return row{page.Key{
				Time:      window.Start + upstream.Time(rapid.IntRange(0, 2).Draw(t, "time")),
				EmailID:   text.Draw(t, "email id"),
				Recipient: text.Draw(t, "recipient"),
				UserID:    upstream.ID(rapid.Int64().Draw(t, "user")),
			}}
		}), 1, 8, func(r row) string { return fmt.Sprint(r.Time, r.EmailID, r.Recipient) }).Draw(t, "rows")
		m := newRemote(byKey, rows...)
		c := client{t, m.source()}
		p := c.ask(first(1, nil))
		got := p.rows
		for p.hasNext {
			p = c.ask(first(1, p.end()))
			got = append(got, p.rows...)
		}
		if !slices.Equal(got, m.now()) {
			t.Errorf("walk is %v, want %v", got, m.now())
		}
	})
}

// No text makes Open or New panic, or return rows for a cursor of another list.
func FuzzCursor(f *testing.F) {
	m := newRemote(byKey, bulk(1200, 7)...)
	for _, cursor := range cursorsOf(nil, m.source(), false)[0][:20] {
		f.Add(cursor, "list")
	}
	f.Add("", "")
	f.Fuzz(func(t *testing.T, text, binding string) {
		for _, a := range []page.Args{{After: &text}, {Before: &text}} {
			c, err := page.Connect(binding, m.source(), a)
			if err != nil {
				if bad := new(page.ArgumentError); !errors.As(err, &bad) ||
					!strings.HasPrefix(bad.Message, bad.Argument) {
					t.Fatalf("error %v does not name its argument", err)
				}
				continue
			}
			if binding != "list" {
				t.Fatalf("a cursor of another list is accepted: %q", text)
			}
			if _, err := c.Rows(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
	})
}
