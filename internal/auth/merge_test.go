package auth_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// Long offsets in lists of several users cost few calls if counts say how far to jump; otherwise rows are read, up to a
// limit.
func TestLongOffsetsCostFewCalls(t *testing.T) {
	t.Parallel()
	var rows upstreamtest.Rows
	for i := range 130_000 {
		at := day + upstream.Time(i/100)
		rows.Emails = append(rows.Emails, upstream.Email{
			UserID: 20 + upstream.ID(i%2), SenderID: 200,
			EmailID: fmt.Sprintf("%s.%06d", at.UTC().Format("20060102150405"), i), EmailAddress: "r@example.com",
			Domain: "example.com", ProcessTime: at,
		})
	}
	counting := &upstreamtest.Counting{API: &sorted{rows: rows.Emails}}
	api := limit(counting, reader(20, 21), auth.Mask{})
	w := upstream.Window{Start: day - 10*86400, End: day + 10*86400}
	for name, c := range map[string]struct {
		q    upstream.ListQuery
		most int
	}{
		"the start":       {upstream.ListQuery{Window: w}, 2},
		"the second page": {upstream.ListQuery{Window: w, Offset: 500}, 4},
		"far away":        {upstream.ListQuery{Window: w, Offset: 70_123}, 2 + 2 + 2*4 + 30},
		"from within an hour": {
			upstream.ListQuery{Window: upstream.Window{Start: day + 100, End: w.End}, Offset: 60_123}, 2 + 2 + 2*4 + 30,
		},
		"the end":        {upstream.ListQuery{Window: w, Offset: 129_990}, 2 + 2 + 2*4 + 30},
		"behind the end": {upstream.ListQuery{Window: w, Offset: 131_000}, 2 + 2 + 2*5 + 30},
		"read, not jumped": {
			upstream.ListQuery{Window: w, Domain: "example.com", Offset: 20_000}, 2 + 20_500/500 + 1,
		},
		"a filter of a sender": {upstream.ListQuery{Window: w, SenderID: 200, Offset: 70_123}, 2 + 2 + 2*4 + 30},
	} {
		t.Run(name, func(t *testing.T) {
			counting.Reset()
			got, err := api.Emails(t.Context(), c.q)
			if err != nil {
				t.Fatal(err)
			}
			all := rows.Emails[max(0, c.q.Window.Start-day)*100:]
			want := all[min(c.q.Offset, len(all)):min(c.q.Offset+500, len(all))]
			if len(got) != len(want) || len(got) > 0 &&
				(got[0].EmailID != want[0].EmailID || got[len(got)-1].EmailID != want[len(want)-1].EmailID) {
				t.Errorf("%d rows, want %d", len(got), len(want))
			}
			if counting.Total() > c.most {
				t.Errorf("%d calls, want at most %d", counting.Total(), c.most)
			}
		})
	}
	t.Run("too far to be read", func(t *testing.T) {
		counting.Reset()
		_, err := api.Emails(t.Context(), upstream.ListQuery{Window: w, Domain: "example.com", Offset: 120_000})
		var u *upstream.Error
		if !errors.As(err, &u) || u.Code != upstream.InvalidArgument || u.Status != 0 ||
			u.Parameter != "filter.userId" || !strings.Contains(u.Message, "name one user") {
			t.Errorf("%v", err)
		}
		if n := counting.Total(); n > 202 {
			t.Errorf("%d calls", n)
		}
	})
}

// sorted is an API over many emails in list order that is fast.
type sorted struct{ rows []upstream.Email }

// Ask implements [upstream.Asker].
func (s *sorted) Ask(_ context.Context, q *upstream.Question) (any, error) {
	switch q.Shape {
	case upstream.ShapeCounts:
		return s.counts(q), nil
	case upstream.ShapeSeries:
		return s.series(q), nil
	}
	return s.list(q), nil
}

func (s *sorted) in(w upstream.Window) []upstream.Email {
	at := func(t upstream.Time) int {
		i, _ := slices.BinarySearchFunc(s.rows, t,
			func(e upstream.Email, t upstream.Time) int { return int(e.ProcessTime - t) })
		return i
	}
	return s.rows[at(w.Start):at(w.End)]
}

func (s *sorted) list(q *upstream.Question) []upstream.Email {
	var page []upstream.Email
	n := 0
	for _, e := range s.in(q.Window) {
		if e.UserID == q.UserID {
			if n++; n > q.Offset {
				page = append(page, e)
			}
		}
		if len(page) == upstream.PageSize {
			break
		}
	}
	return page
}

func (s *sorted) counts(q *upstream.Question) []upstream.Count {
	c := upstream.Count{ID: q.UserID}
	for _, e := range s.in(q.Window) {
		if e.UserID == q.UserID {
			c.Total++
		}
	}
	return []upstream.Count{c}
}

func (s *sorted) series(q *upstream.Question) []upstream.Series {
	one := upstream.Series{ID: q.UserID}
	for _, e := range s.in(q.Window) {
		start := q.Interval.Floor(e.ProcessTime)
		if n := len(one.Points); e.UserID == q.UserID && (n == 0 || one.Points[n-1].Start != start) {
			one.Points = append(one.Points, upstream.Point{Start: start})
		}
		if e.UserID == q.UserID {
			one.Points[len(one.Points)-1].Total++
		}
	}
	return []upstream.Series{one}
}

// Merging lists never loses or repeats a row, even while rows arrive between two pages of one user's list.
func TestMergingNeverLosesOrRepeatsRows(t *testing.T) {
	t.Parallel()
	model := upstreamtest.NewModel(crowd())
	w := upstream.Window{Start: day, End: day + 3*86400}
	q := upstream.ListQuery{Window: w, Offset: 600}
	want, err := model.Limit([]upstream.ID{20, 21}).Emails(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	counting := &upstreamtest.Counting{API: model}
	arrived := 0
	counting.Before = func(_ context.Context, call string) error {
		if strings.Contains(call, "offset=499") && arrived < 3 { // a second page: the first has been read
			arrived++
			e := upstream.Email{
				UserID: 20, SenderID: 200, EmailID: fmt.Sprintf("20161122000000.new%d", arrived),
				EmailAddress: "new@example1.com", Domain: "example1.com", ProcessTime: day,
			}
			model.Add(upstreamtest.Rows{Emails: []upstream.Email{e}})
		}
		return nil
	}
	got, err := limit(counting, reader(20, 21), auth.Mask{}).Emails(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if arrived == 0 {
		t.Fatal("nothing arrived")
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// wide answers some lists for a window that is a day longer at both ends.
func wide(next upstream.Asker, wrong func() bool) upstream.Asker {
	return upstream.Around(next, func(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
		if q.Shape == upstream.ShapeList && wrong() {
			wider := *q
			wider.Window.Start, wider.Window.End = q.Window.Start-86400, q.Window.End+86400
			q = &wider
		}
		return next.Ask(ctx, q)
	})
}

// Rows outside the window are not merged. Rows missing between pages, because only one of them counts such rows, are an
// error.
func TestRowsOutsideTheWindowAreNotMerged(t *testing.T) {
	t.Parallel()
	model := upstreamtest.NewModel(crowd())
	for name, odds := range map[string]int{"always": 100, "now and then": 40} {
		random := rand.New(rand.NewPCG(1, 2))
		var mu sync.Mutex
		api := limit(wide(model, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return random.IntN(100) < odds
		}), reader(20, 21), auth.Mask{})
		answered := 0
		const asked = 36
		for n := range asked {
			q := upstream.ListQuery{
				Window: upstream.Window{Start: day + 86400, End: day + 2*86400},
				Offset: []int{0, 1, 300, 499, 600, 1100}[n%6],
			}
			want, err := model.Limit([]upstream.ID{20, 21}).Emails(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			got, err := api.Emails(t.Context(), q)
			if odds < 100 && upstream.CodeOf(err) == upstream.InvalidResponse {
				continue
			}
			answered++
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
				t.Fatalf("%s, from %d on: %.2000s", name, q.Offset, d)
			}
		}
		if answered == 0 || odds < 100 && answered == asked {
			t.Errorf("%s: %d answers", name, answered)
		}
	}
}

// A sender used by two users is one row, as it is upstream.
func TestSendersOfTwoUsersAreOneRow(t *testing.T) {
	t.Parallel()
	model := upstreamtest.NewModel(crowd())
	users := []upstream.ID{20, 21}
	api, want := limit(model, reader(users...), auth.Mask{}), model.Limit(users)
	q := upstream.CountQuery{Window: upstream.Window{Start: day, End: day + 3*86400}}
	got, err := api.Counts(t.Context(), upstream.Bounces, q)
	counts, _ := want.Counts(t.Context(), upstream.Bounces, q)
	if d := cmp.Diff(counts, got); d != "" || err != nil {
		t.Error(d, err)
	}
	s := q.Per(upstream.Hour)
	gotSeries, err := api.Series(t.Context(), upstream.Bounces, s)
	series, _ := want.Series(t.Context(), upstream.Bounces, s)
	if d := cmp.Diff(series, gotSeries); d != "" || err != nil {
		t.Error(d, err)
	}
}
