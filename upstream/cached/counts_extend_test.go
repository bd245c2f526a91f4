package cached

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// dashboard requests the counts of bounces from a start up to now.
func dashboard(t *testing.T, a, m upstream.Asker, c *clock, start upstream.Time) {
	t.Helper()
	q := upstream.CountQuery{Window: upstream.Window{Start: start, End: upstream.Time(c.now().Unix())}}.Question(
		upstream.Bounces)
	got, err := a.Ask(t.Context(), &q)
	if err != nil {
		t.Fatal(err)
	}
	want, _ := m.Ask(t.Context(), &q)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("at %s: (-want +got)\n%s", c.now(), diff)
	}
}

// Each refresh of a dashboard over the same days costs one small call, also when another hour has settled.
func TestRefreshesFetchOnlyTheOpenEdge(t *testing.T) {
	var c clock
	c.set(5*time.Hour - 25*time.Second)
	counting := &upstreamtest.Counting{API: upstreamtest.NewModel(everyTenMinutes(-48, 8))}
	o := sealing
	o.Now = c.now
	a := open(t, counting, o)
	for i, want := range [][]string{
		{"-48h to 3h", "3h to 4h59m35s"},
		{"3h to 4h59m45s"},
		{"3h to 4h59m55s"},
		{"3h to 5h0m5s by hour"},
		{"4h to 5h0m15s"},
	} {
		dashboard(t, a, counting.API, &c, at(-48*time.Hour))
		if diff := cmp.Diff(want, callsMade(counting)); diff != "" {
			t.Errorf("refresh %d: (-want +got)\n%s", i, diff)
		}
		c.add(10 * time.Second)
	}
	for range 360 * 2 {
		dashboard(t, a, counting.API, &c, at(-48*time.Hour))
		c.add(10 * time.Second)
	}
	if n := counting.Total(); n != 720 {
		t.Errorf("%d calls in two hours, want one a refresh", n)
	}
}

// Each refresh costs one call, however much has settled since the last one, and also when the window's start moves on
// by an hour. Counts by sender cost two calls the first time that a start is used, since time series do not contain
// addresses.
func TestEveryRefreshCostsOneCall(t *testing.T) {
	for name, q := range map[string]upstream.CountQuery{
		"counts by user":   {Rollup: upstream.ByUser},
		"counts by sender": {},
		"series by day":    {Interval: upstream.Day},
		"series by hour":   {Interval: upstream.Hour, Rollup: upstream.ByUser},
	} {
		for _, moving := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, moving %t", name, moving), func(t *testing.T) {
				t.Parallel()
				var c clock
				c.set(4*time.Hour + 50*time.Minute)
				m := upstreamtest.NewModel(every(20*time.Minute, -96, 200))
				counting := &upstreamtest.Counting{API: m}
				o := sealing
				o.Now = c.now
				a := open(t, counting, o)
				seen := map[upstream.Time]bool{}
				refresh := func() {
					t.Helper()
					q := q
					q.Window.End = upstream.Time(c.now().Unix())
					q.Window.Start = at(-72 * time.Hour)
					if moving {
						q.Window.Start = upstream.Hour.Floor(q.Window.End) - 72*3600
					}
					most := 1
					if q.Interval == 0 && q.Rollup == upstream.BySender && !seen[q.Window.Start] {
						most = 2
					}
					seen[q.Window.Start] = true
					ask := tallyQuestion{upstream.Bounces, q}
					got, err := ask.ask(t.Context(), a)
					if err != nil {
						t.Fatal(err)
					}
					if made := callsMade(counting); len(made) > most {
						t.Errorf("at %s: %v", c.now(), made)
					}
					want, _ := ask.ask(t.Context(), m)
					if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
						t.Fatalf("at %s: (-want +got)\n%s", c.now(), diff)
					}
				}
				for _, closed := range []time.Duration{10 * time.Second, 5 * time.Hour, 80 * time.Hour, time.Hour} {
					c.add(closed)
					for range 8 {
						refresh()
						c.add(time.Minute)
					}
				}
			})
		}
	}
}

// A window whose start moves with the clock is fetched as a whole, since its past is not requested twice. A window
// whose start was seen before is split, wherever it begins.
func TestOnlyWindowsThatKeepTheirStartAreSplit(t *testing.T) {
	var c clock
	c.set(4*time.Hour + 30*time.Minute)
	counting := &upstreamtest.Counting{API: upstreamtest.NewModel(everyTenMinutes(-48, 8))}
	o := sealing
	o.Now = c.now
	a := open(t, counting, o)
	for i, want := range [][]string{
		{"-2h30m0s to 4h30m0s"}, {"-2h29m50s to 4h30m10s"}, {"-2h29m40s to 4h30m20s"},
	} {
		dashboard(t, a, counting.API, &c, upstream.Time(c.now().Add(-7*time.Hour).Unix()))
		if diff := cmp.Diff(want, callsMade(counting)); diff != "" {
			t.Errorf("moving start, refresh %d: (-want +got)\n%s", i, diff)
		}
		c.add(10 * time.Second)
	}
	c.set(4*time.Hour + 30*time.Minute)
	counting.Before = func(context.Context, string) error { return &upstream.Error{Code: upstream.Unavailable} }
	q := upstream.CountQuery{
		Window: upstream.Window{Start: at(-20*time.Hour - 40*time.Minute + time.Second), End: at(5 * time.Hour)},
	}
	if _, err := a.Counts(t.Context(), upstream.Bounces, q); err == nil {
		t.Error("no error")
	}
	counting.Before = nil
	callsMade(counting)
	for i, want := range [][]string{
		{"-20h39m59s to 4h30m0s"}, nil, // the same moment; what failed does not count as seen
		{"-20h39m59s to 4h30m10s by hour"}, nil,
		{"3h to 4h30m20s"}, nil,
	} {
		dashboard(t, a, counting.API, &c, at(-20*time.Hour-40*time.Minute+time.Second))
		if diff := cmp.Diff(want, callsMade(counting)); diff != "" {
			t.Errorf("standing start, refresh %d: (-want +got)\n%s", i, diff)
		}
		if i%2 == 1 {
			c.add(10 * time.Second)
		}
	}
}

// If the call for a settled hour fails, the hour is fetched as part of the open edge, so the answer is complete.
func TestAnHourThatFailsIsFetchedWithTheEdge(t *testing.T) {
	var c clock
	c.set(4*time.Hour + 30*time.Minute)
	counting := &upstreamtest.Counting{API: upstreamtest.NewModel(everyTenMinutes(-48, 8))}
	o := sealing
	o.Now = c.now
	a := open(t, counting, o)
	dashboard(t, a, counting.API, &c, at(-48*time.Hour))
	callsMade(counting)

	newHour := fmt.Sprintf("start_time=%d&end_time=%d", at(3*time.Hour), at(4*time.Hour))
	counting.Before = func(_ context.Context, call string) error {
		if strings.Contains(call, newHour) || strings.Contains(call, "timeseries") {
			return &upstream.Error{Code: upstream.Unavailable}
		}
		return nil
	}
	c.add(time.Hour)
	dashboard(t, a, counting.API, &c, at(-48*time.Hour))
	if diff := cmp.Diff([]string{"3h to 4h", "3h to 5h30m0s", "3h to 5h30m0s by hour", "4h to 5h30m0s"},
		callsMade(counting)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	counting.Before = nil
	c.add(time.Minute)
	dashboard(t, a, counting.API, &c, at(-48*time.Hour))
	if diff := cmp.Diff([]string{"3h to 5h31m0s by hour"}, callsMade(counting)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
