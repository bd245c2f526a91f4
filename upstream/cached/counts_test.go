package cached

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// tallyQuestion is a question for counts, or for time series if it has an interval.
type tallyQuestion struct {
	kind  upstream.Kind
	query upstream.CountQuery
}

func (q tallyQuestion) ask(ctx context.Context, a upstream.Asker) (any, error) {
	question := q.query.Question(q.kind)
	return a.Ask(ctx, &question)
}

func drawTally(t *rapid.T) tallyQuestion {
	q := tallyQuestion{
		kind: rapid.SampledFrom(upstream.Kinds[:]).Draw(t, "kind"),
		query: upstream.CountQuery{
			UserID:   rapid.SampledFrom([]upstream.ID{0, 0, 0, 1, 2}).Draw(t, "user"),
			SenderID: rapid.SampledFrom([]upstream.ID{0, 0, 0, 0, 20, 31}).Draw(t, "sender"),
			Rollup:   rapid.SampledFrom([]upstream.Rollup{upstream.BySender, upstream.ByUser}).Draw(t, "rollup"),
			Interval: rapid.SampledFrom([]upstream.Interval{0, upstream.Hour, upstream.Day}).Draw(t, "interval"),
		},
	}
	if q.kind == upstream.Bounces {
		q.query.BounceType = rapid.SampledFrom([]upstream.BounceType{"", upstream.Hard, upstream.Soft}).Draw(t, "type")
	}
	return q
}

// The answer equals that of one call to the API at that moment: for every kind, rollup, interval and filter, for all
// windows, while the clock runs, events arrive until they settle, calls fail, and answers are evicted from a small
// memory.
func TestSumsEqualTheAnswerOfOneCall(t *testing.T) {
	second := func(t *rapid.T, from, to time.Duration, label string) time.Duration {
		return time.Duration(rapid.Int64Range(int64(from/time.Second), int64(to/time.Second)).Draw(t,
			label)) * time.Second
	}
	split := 0
	check := func(t *rapid.T) {
		var c clock
		c.set(second(t, -30*time.Hour, 30*time.Hour, "now"))
		o := Options{
			Bytes: rapid.SampledFrom([]int64{2000, DefaultBytes}).Draw(t, "bytes"),
			Settle: rapid.SampledFrom([]time.Duration{
				20 * time.Second, time.Hour, 90 * time.Minute, 26 * time.Hour,
			}).Draw(t, "settle"),
			Fresh: rapid.SampledFrom([]time.Duration{0, 5 * time.Second}).Draw(t, "fresh"),
			Now:   c.now,
		}
		if spare := rapid.IntRange(0, 9).Draw(t, "spare"); spare < 5 {
			o.Spare = func(context.Context) bool { spare--; return spare >= 0 }
		}
		events := 0
		// arrive adds events that happened at most from before now, some with a clock
		// that is ahead of ours.
		m := upstreamtest.NewModel(upstreamtest.Rows{Senders: senders})
		arrive := func(most int, back time.Duration) {
			for range rapid.IntRange(0, most).Draw(t, "events") {
				c.mu.Lock()
				after := c.after
				c.mu.Unlock()
				e := after + second(t, -back, 2*time.Minute, "event")
				m.Add(eventAt(at(e), rapid.SampledFrom(senders).Draw(t, "of"), events))
				events++
			}
		}
		arrive(30, 60*time.Hour)
		fail := false
		counting := &upstreamtest.Counting{API: m, Before: func(context.Context, string) error {
			if fail && rapid.Bool().Draw(t, "fails") {
				return &upstream.Error{Code: upstream.Unavailable}
			}
			return nil
		}}
		cache, err := New(serial(counting), o)
		if err != nil {
			t.Fatal(err)
		}
		defer cache.Close()
		a := typed(cache)
		questions := rapid.SliceOfN(rapid.Custom(drawTally), 1, 2).Draw(t, "questions")
		starts := []upstream.Time{
			at(second(t, -60*time.Hour, 10*time.Hour, "start").Truncate(time.Hour)),
			at(second(t, -60*time.Hour, 10*time.Hour, "start")),
		}
		for range rapid.IntRange(1, 12).Draw(t, "steps") {
			c.add(
				rapid.SampledFrom([]time.Duration{
					5 * time.Second, 10 * time.Second, 25 * time.Minute, time.Hour, 3 * time.Hour,
				}).Draw(t, "later"))
			arrive(2, o.Settle)
			q := rapid.SampledFrom(questions).Draw(t, "question")
			now := upstream.Time(c.now().Unix())
			q.query.Window = upstream.Window{Start: rapid.SampledFrom(starts).Draw(t, "from")}
			q.query.Window.End = max(q.query.Window.Start,
				now+rapid.SampledFrom([]upstream.Time{0, 0, 0, 1, 86400, -1, -1800, -7200, -86400}).Draw(t, "to")) + 1
			fail = rapid.IntRange(0, 3).Draw(t, "failing") == 0
			for range 2 {
				got, err := q.ask(t.Context(), a)
				want, _ := q.ask(t.Context(), m)
				switch {
				case err != nil && !fail:
					t.Fatal(err)
				case err == nil:
					if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
						t.Fatalf("%s %s at %d: (-want +got)\n%s", q.kind, q.query.Encode(), now, diff)
					}
				}
			}
		}
		for call, n := range counting.Calls() {
			if n > 0 && strings.Contains(call,
				fmt.Sprintf("start_time=%d&", upstream.Hour.Floor(upstream.Time(c.now().Add(-o.Settle).Unix())))) {
				split++
				break
			}
		}
	}
	for range 20 { // few cases may split none
		rapid.Check(t, check)
		if split > 0 {
			return
		}
	}
	t.Error("no run splits a window")
}

// serial lets one call through at a time, as rapid draws for one goroutine only.
func serial(c *upstreamtest.Counting) *upstreamtest.Counting {
	var mu sync.Mutex
	before := c.Before
	c.Before = func(ctx context.Context, call string) error {
		mu.Lock()
		defer mu.Unlock()
		return before(ctx, call)
	}
	return c
}

// callsMade returns the windows of the calls since the last time, in hours from midnight, sorted.
func callsMade(c *upstreamtest.Counting) []string {
	var all []string
	for call, n := range c.Calls() {
		q, err := upstream.ParseQuestion(upstream.ShapeCounts, upstream.Bounces, call[strings.IndexByte(call, '?')+1:])
		if err != nil {
			all = append(all, call)
			continue
		}
		window := hours(q.Window.Start) + " to " + hours(q.Window.End)
		if _, by, series := strings.Cut(call, "timeseries="); series {
			window += " by " + by
		}
		all = append(all, slices.Repeat([]string{window}, n)...)
	}
	c.Reset()
	slices.Sort(all)
	return all
}

func hours(t upstream.Time) string {
	d := time.Duration(t-midnight) * time.Second
	if d%time.Hour == 0 {
		return strings.TrimSuffix(d.String(), "0m0s")
	}
	return d.String()
}

// If the past cannot be fetched, the answer is an error, and no empty past is kept.
func TestAFailedPastIsAnError(t *testing.T) {
	var c clock
	c.set(4*time.Hour + 30*time.Minute)
	counting := &upstreamtest.Counting{API: upstreamtest.NewModel(everyTenMinutes(-48, 8))}
	o := sealing
	o.MaxStale = 0
	o.Now = c.now
	a := open(t, counting, o)
	for _, part := range []string{
		fmt.Sprintf("end_time=%d", at(3*time.Hour)), fmt.Sprintf("start_time=%d", at(3*time.Hour)),
	} {
		counting.Before = func(_ context.Context, call string) error {
			if strings.Contains(call, part) {
				return &upstream.Error{Code: upstream.Unavailable}
			}
			return nil
		}
		q := upstream.CountQuery{
			Window: upstream.Window{Start: at(-48 * time.Hour), End: upstream.Time(c.now().Unix())},
		}
		if got, err := a.Counts(t.Context(), upstream.Bounces, q); upstream.CodeOf(err) != upstream.Unavailable ||
			err == nil {
			t.Errorf("got %v, %v", got, err)
		}
		c.add(10 * time.Second)
	}
	counting.Before = nil
	dashboard(t, a, counting.API, &c, at(-48*time.Hour))
}

// Answers from a time when the clock was ahead lack events that have happened since, so they are asked for again after
// the clock was set back.
func TestNothingIsKeptFromWhenTheClockWasAhead(t *testing.T) {
	for name, q := range map[string]upstream.Question{
		"counts": upstream.CountQuery{Rollup: upstream.ByUser}.Question(upstream.Bounces),
		"series": upstream.CountQuery{Interval: upstream.Day}.Question(upstream.Bounces),
		"list":   upstream.ListQuery{}.Question(upstream.Bounces),
	} {
		var c clock
		m := upstreamtest.NewModel(everyTenMinutes(-24, 3)) // until the true time
		o := sealing
		o.Now = c.now
		a := open(t, m, o)
		ask := func(now, end time.Duration) {
			t.Helper()
			c.set(now)
			q := q
			q.Window = upstream.Window{Start: at(-24 * time.Hour), End: at(end)}
			got, err := a.Ask(t.Context(), &q)
			want, _ := m.Ask(t.Context(), &q)
			if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
				t.Errorf("%s at %s until %s: %v (-want +got)\n%s", name, now, end, err, diff)
			}
		}
		ask(8*time.Hour, 8*time.Hour)
		ask(8*time.Hour, 6*time.Hour)
		learned := a.ListMemory("", q)
		learned.Store("so many", 8)
		m.Add(everyTenMinutes(3, 10))
		c.set(3 * time.Hour)
		if learned.Settled(); learned.Load() != nil {
			t.Errorf("%s: %v is still kept", name, learned.Load())
		}
		ask(3*time.Hour, 6*time.Hour)
		ask(10*time.Hour, 6*time.Hour)
		ask(10*time.Hour, 10*time.Hour)
	}
}

// A day that is split at a settled hour is the sum of its parts. Series and counts keep the ids and addresses that only
// one of the parts has.
func TestPartsAddUp(t *testing.T) {
	tally := func(n int64) upstream.Tally { return upstream.Tally{Total: 3 * n, Soft: 2 * n, Hard: n} }
	older := []upstream.Series{
		{ID: 1, Points: []upstream.Point{{Start: 0, Tally: tally(1)}, {Start: 86400, Tally: tally(2)}}},
		{ID: 3, Points: []upstream.Point{{Start: 86400, Tally: tally(4)}}},
	}
	newer := []upstream.Series{
		{ID: 2, Points: []upstream.Point{{Start: 86400, Tally: tally(8)}}},
		{ID: 3, Points: []upstream.Point{{Start: 86400, Tally: tally(16)}, {Start: 172800, Tally: tally(32)}}},
	}
	want := []upstream.Series{
		older[0],
		newer[0],
		{ID: 3, Points: []upstream.Point{{Start: 86400, Tally: tally(20)}, {Start: 172800, Tally: tally(32)}}},
	}
	if diff := cmp.Diff(want, upstream.MergeSeries(older, newer)); diff != "" {
		t.Errorf("series: (-want +got)\n%s", diff)
	}
	if p := older[1].Points; len(p) != 1 || p[0].Tally != tally(4) {
		t.Error("adding has modified the parts")
	}
	counts := upstream.MergeCounts(
		[]upstream.Count{
			{ID: 1, Sender: "old@example.com", Tally: tally(1)}, {ID: 2, Sender: "two@example.com", Tally: tally(2)},
			{ID: 4, Sender: "four@example.com"},
		},
		[]upstream.Count{
			{ID: 1, Sender: "new@example.com", Tally: tally(4)}, {ID: 2, Tally: tally(8)},
			{ID: 3, Sender: "three@example.com", Tally: tally(16)},
		},
	)
	wantCounts := []upstream.Count{
		{ID: 1, Sender: "new@example.com", Tally: tally(5)}, {ID: 2, Sender: "two@example.com", Tally: tally(10)},
		{ID: 3, Sender: "three@example.com", Tally: tally(16)}, {ID: 4, Sender: "four@example.com"},
	}
	if diff := cmp.Diff(wantCounts, counts); diff != "" {
		t.Errorf("counts: (-want +got)\n%s", diff)
	}
}

// The caller's deadline reaches the API with each part of a split window.
func TestDeadlinesReachTheAPI(t *testing.T) {
	var c clock
	c.set(4*time.Hour + 30*time.Minute)
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	want, _ := ctx.Deadline()
	counting := &upstreamtest.Counting{API: upstreamtest.NewModel(everyTenMinutes(-48, 8)),
		Before: func(ctx context.Context, call string) error {
			if got, ok := ctx.Deadline(); !ok || !got.Equal(want) {
				t.Errorf("%s: the deadline is %v, want %v", call, got, want)
			}
			return nil
		}}
	o := sealing
	o.Now = c.now
	a := open(t, counting, o)
	for _, start := range []time.Duration{-48 * time.Hour, -47*time.Hour - time.Second, 4 * time.Hour} {
		for range 2 {
			q := upstream.CountQuery{Window: upstream.Window{Start: at(start), End: upstream.Time(c.now().Unix())}}
			if _, err := a.Counts(ctx, upstream.Bounces, q); err != nil {
				t.Error(err)
			}
			c.add(10 * time.Second)
		}
	}
}

// Where the first bucket of a time series starts with the window instead of the hour or day, the parts of a window add
// up to the same buckets all the same: only the first bucket of the whole may start within its hour or day.
func TestSeriesWhoseFirstBucketStartsWithTheWindowAddUp(t *testing.T) {
	t.Parallel()
	m := upstreamtest.NewModel(everyTenMinutes(-72, 30))
	server := upstream.Around(m, func(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
		answer, err := next.Ask(ctx, q)
		if series, ok := answer.([]upstream.Series); ok {
			for _, s := range series {
				s.Points[0].Start = max(s.Points[0].Start, q.Window.Start)
			}
		}
		return answer, err
	})
	for _, start := range []time.Duration{-48 * time.Hour, -42 * time.Hour, -42*time.Hour - time.Minute} {
		var c clock
		c.set(20 * time.Hour)
		o := sealing
		o.Now = c.now
		a := open(t, server, o)
		for range 30 {
			q := upstream.CountQuery{
				Window:   upstream.Window{Start: at(start), End: upstream.Time(c.now().Unix())},
				Interval: upstream.Day, Rollup: upstream.ByUser,
			}
			got, err := a.Series(t.Context(), upstream.Bounces, q)
			if err != nil {
				t.Fatal(err)
			}
			want, _ := m.Series(t.Context(), upstream.Bounces, q)
			for i := range got {
				if first := &got[i].Points[0].Start; *first == q.Window.Start {
					*first = upstream.Day.Floor(*first)
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Fatalf("from %s at %s: (-want +got)\n%s", start, c.now(), diff)
			}
			c.add(20 * time.Minute)
		}
	}
}
