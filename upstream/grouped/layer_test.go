package grouped_test

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"deliverygraph/upstream"
	"deliverygraph/upstream/grouped"
	"deliverygraph/upstream/upstreamtest"
)

// lacking returns an API over a server without the extension, and a record of its calls.
func lacking(rows upstreamtest.Rows, left int) (upstream.API, *upstreamtest.Counting) {
	server := &upstreamtest.Counting{API: upstream.Around(upstreamtest.NewModel(rows),
		func(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
			if q.Shape == upstream.ShapeGroups {
				return nil, &upstream.Error{Code: upstream.NotFound, Status: http.StatusNotFound}
			}
			return next.Ask(ctx, q)
		})}
	l := &grouped.Layer{Providers: grouped.DefaultProviders(), Left: func(context.Context) int { return left }}
	return upstream.API{Asker: upstream.Around(server, l.Ask)}, server
}

func queries(k upstream.Kind) *rapid.Generator[upstream.Question] {
	return rapid.Custom(func(t *rapid.T) upstream.Question {
		q := upstream.Question{Kind: k, ListQuery: upstreamtest.ListQueries(k).Draw(t, "list")}
		q.Offset = 0
		all := k.Dimensions()
		q.By[0] = rapid.SampledFrom(all).Draw(t, "by")
		if d := rapid.SampledFrom(all).Draw(t, "and by"); d != q.By[0] && rapid.Bool().Draw(t, "two") {
			q.By[1] = d
		}
		if q.Has(upstream.DimensionHeader) {
			q.Header = "x-campaign"
		}
		q.Top = rapid.SampledFrom([]int{1, 3, 1000}).Draw(t, "top")
		q.Interval = rapid.SampledFrom([]upstream.Interval{0, 0, upstream.Hour, upstream.Day}).Draw(t, "interval")
		q.Sent = q.Comparable() && k != upstream.Emails && rapid.Bool().Draw(t, "sent")
		return q
	})
}

// Groups made of the counts and lists of a server are those of a server that groups events itself.
func TestGroupsOfServersWithoutTheExtension(t *testing.T) {
	t.Parallel()
	rows := upstreamtest.Sample()
	model := upstreamtest.NewModel(rows)
	api, _ := lacking(rows, math.MaxInt)
	rapid.Check(t, func(t *rapid.T) {
		k := rapid.SampledFrom(upstream.Kinds[:]).Draw(t, "kind")
		q := queries(k).Draw(t, "query")
		want, _ := model.Groups(t.Context(), q)
		got, err := api.Groups(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		if q.Has(upstream.DimensionRule) || q.Has(upstream.DimensionDiagnostic) {
			// Of an email that bounced for several recipients in one second, there is only one detail.
			if got.Total != want.Total {
				t.Fatalf("%d bounces, want %d", got.Total, want.Total)
			}
			return
		}
		if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
			t.Fatalf("%s by %v: %s", k, q.By, d)
		}
	})
}

// By type, sender or user, and time, groups take one call.
func TestCountsAreGroupedByOneCall(t *testing.T) {
	t.Parallel()
	for _, by := range [][2]upstream.Dimension{
		{upstream.DimensionType}, {upstream.DimensionUser}, {upstream.DimensionHour}, {upstream.DimensionWeekday},
		{upstream.DimensionType, upstream.DimensionDay}, {upstream.DimensionUser, upstream.DimensionHour},
	} {
		api, server := lacking(upstreamtest.Sample(), 1)
		q := upstream.Question{
			Kind:      upstream.Bounces,
			ListQuery: upstream.ListQuery{Window: day()}, Grouping: upstream.Grouping{By: by, Top: 9},
		}
		if _, err := api.Groups(t.Context(), q); err != nil {
			t.Errorf("%v: %v", by, err)
		}
		server.Reset()
		if _, err := api.Groups(t.Context(), q); err != nil || server.Total() != 1 {
			t.Errorf("%v: %d calls: %v, %v", by, server.Total(), server.Calls(), err)
		}
	}
}

// A list that does not fit the budget is not read. The error says how many calls it takes.
func TestBreakdownsBeyondTheBudgetAreRefused(t *testing.T) {
	t.Parallel()
	rows := upstreamtest.Sample()
	q := upstream.Question{
		Kind:      upstream.Bounces,
		ListQuery: upstream.ListQuery{Window: day()},
		Grouping:  upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionDomain}, Top: 9},
	}
	bounces := upstreamtest.NewModel(rows)
	whole, _ := bounces.Groups(t.Context(), q)
	calls := int(whole.Total)/upstream.PageSize + 1
	api, server := lacking(rows, calls-1)
	_, err := api.Groups(t.Context(), q)
	if upstream.CodeOf(err) != upstream.Exhausted ||
		!strings.Contains(err.Error(), fmt.Sprintf("takes %d upstream", calls)) {
		t.Errorf("%v, want %d calls", err, calls)
	}
	for call := range server.Calls() {
		if strings.HasPrefix(call, "/bounces?") {
			t.Errorf("it read the list: %s", call)
		}
	}
	api, _ = lacking(rows, calls)
	if got, err := api.Groups(t.Context(), q); err != nil || got.Total != whole.Total {
		t.Errorf("%d of %d bounces, %v", got.Total, whole.Total, err)
	}
}

// A server that lacks the extension is not asked for it again.
func TestLackOfTheExtensionIsRemembered(t *testing.T) {
	t.Parallel()
	api, server := lacking(upstreamtest.Sample(), 100)
	q := upstream.Question{
		Kind:      upstream.Bounces,
		ListQuery: upstream.ListQuery{Window: day()},
		Grouping:  upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionType}, Top: 9},
	}
	for range 3 {
		if _, err := api.Groups(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	probes := 0
	for call, n := range server.Calls() {
		if strings.HasPrefix(call, "/bounces/groups") {
			probes += n
		}
	}
	if probes != 1 {
		t.Errorf("it was asked %d times", probes)
	}
}

func day() upstream.Window {
	return upstream.Window{Start: upstreamtest.SampleDay - 86400, End: upstreamtest.SampleCrowd + 86400}
}

// longList is a server that has only the emails of a long list.
type longList struct {
	pages               int
	asked, atOnce, most atomic.Int64
}

// Ask implements [upstream.Asker].
func (l *longList) Ask(_ context.Context, q *upstream.Question) (any, error) {
	switch q.Shape {
	case upstream.ShapeCounts:
		return []upstream.Count{{ID: 17, Tally: upstream.Tally{Total: int64(l.pages*upstream.PageSize - 1)}}}, nil
	case upstream.ShapeGroups:
		return nil, &upstream.Error{Code: upstream.NotFound, Status: http.StatusNotFound}
	}
	l.asked.Add(1)
	now := l.atOnce.Add(1)
	for most := l.most.Load(); now > most && !l.most.CompareAndSwap(most, now); most = l.most.Load() {
	}
	defer l.atOnce.Add(-1)
	rows := make([]upstream.Email, upstream.PageSize)
	if q.Offset/upstream.PageSize == l.pages-1 {
		rows = rows[:upstream.PageSize-1]
	}
	for i := range rows {
		rows[i] = upstream.Email{
			EmailID: strconv.Itoa(q.Offset + i), Domain: "example.com", ProcessTime: q.Window.Start,
		}
	}
	return rows, nil
}

// The pages of a long list are read once each, and not all of them are in memory at once, whatever the budget.
func TestLongListsAreReadInParts(t *testing.T) {
	t.Parallel()
	server := &longList{pages: 100}
	l := &grouped.Layer{Providers: grouped.DefaultProviders(), Left: func(context.Context) int { return math.MaxInt }}
	q := upstream.Question{
		Kind:      upstream.Emails,
		ListQuery: upstream.ListQuery{Window: day()},
		Grouping:  upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionDomain}, Top: 9},
	}
	got, err := upstream.API{Asker: upstream.Around(server, l.Ask)}.Groups(t.Context(), q)
	if want := int64(100*upstream.PageSize - 1); err != nil || got.Total != want {
		t.Errorf("%d emails, want %d: %v", got.Total, want, err)
	}
	if n, most := server.asked.Load(), server.most.Load(); n != 100 || most > 64 {
		t.Errorf("%d pages were read, %d at once", n, most)
	}
}

// Bounces whose details the server no longer has are in the group of those without a rule.
func TestBouncesWithoutDetailsAreGroupedToo(t *testing.T) {
	t.Parallel()
	rows := upstreamtest.Sample()
	api, server := lacking(rows, math.MaxInt)
	server.Before = func(_ context.Context, call string) error {
		if strings.HasPrefix(call, upstream.BouncePath) && !strings.Contains(call, "?") {
			return &upstream.Error{Code: upstream.NotFound, Status: http.StatusNotFound}
		}
		return nil
	}
	q := upstream.Question{
		Kind:      upstream.Bounces,
		ListQuery: upstream.ListQuery{Window: day()},
		Grouping:  upstream.Grouping{By: [2]upstream.Dimension{upstream.DimensionRule}, Top: 9},
	}
	want, _ := upstreamtest.NewModel(rows).Groups(t.Context(), q)
	got, err := api.Groups(t.Context(), q)
	if err != nil || got.Total != want.Total || len(got.Groups) != 1 || got.Groups[0].Keys != (upstream.Keys{}) {
		t.Errorf("%+v, %v; want %d bounces without a rule", got, err, want.Total)
	}
}
