package cached

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// TestOldEventsThatArriveLateAreSeenWithinSealed imports events into a past that was sealed:
// whatever the window, all of its answers have them once Sealed has passed.
func TestOldEventsThatArriveLateAreSeenWithinSealed(t *testing.T) {
	for name, w := range map[string]upstream.Window{
		"settled":       {Start: at(-10 * time.Hour), End: at(-4 * time.Hour)},
		"up to now":     {Start: at(-10 * time.Hour), End: midnight},
		"not on hours":  {Start: at(-10*time.Hour + 7*time.Minute), End: midnight},
		"up to tonight": {Start: at(-10 * time.Hour), End: at(24 * time.Hour)},
	} {
		t.Run(name, func(t *testing.T) {
			for i, q := range questions(upstreamtest.NewModel(everyTenMinutes(-12, 0)), w) {
				if q.catalogue {
					continue
				}
				var c clock
				m := upstreamtest.NewModel(everyTenMinutes(-12, 0))
				down := false
				api := &upstreamtest.Counting{API: m, Before: func(context.Context, string) error {
					if down {
						return &upstream.Error{Code: upstream.Unavailable, Err: errors.New("down")}
					}
					return nil
				}}
				o := sealing
				o.Now, o.Sealed, o.MaxStale = c.now, 2*time.Hour, time.Minute
				a := open(t, api, o)
				ask := func() any {
					t.Helper()
					got, err := questions(m, w)[i].ask(t.Context(), a)
					if err != nil {
						t.Fatalf("%s: %v", q.name, err)
					}
					return got
				}
				for range 8 { // sums grow meanwhile
					ask()
					c.add(10 * time.Minute)
				}
				m.Add(eventAt(at(-6*time.Hour), senders[0], 7))
				for range 12 { // and are not renewed by growing
					ask()
					c.add(10 * time.Minute)
				}
				want, _ := questions(m, w)[i].ask(t.Context(), m)
				if d := cmp.Diff(want, ask()); d != "" {
					t.Errorf("%s: (-want +got)\n%s", q.name, d)
				}
				if name == "settled" { // an old answer is better than none
					c.add(24 * time.Hour)
					down = true
					if d := cmp.Diff(want, ask()); d != "" {
						t.Errorf("%s, while the API is down: (-want +got)\n%s", q.name, d)
					}
				}
			}
		})
	}
}

func TestClearForgetsAllScopes(t *testing.T) {
	counting := model()
	a := open(t, counting, sealing)
	for _, view := range []*view{a, a.For("other")} {
		if _, err := view.BounceCategories(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	a.Clear()
	if u := a.Use(); u.Answers != 0 {
		t.Errorf("%d answers are left", u.Answers)
	}
}
