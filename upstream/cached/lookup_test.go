package cached

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// Lookups report how long an answer stays fresh: forever if it is final, for seconds if it touches the open edge, and
// not at all if it is stale or not kept.
func TestLookupsReportHowLongAnswersStayFresh(t *testing.T) {
	t.Parallel()
	var c clock
	c.set(10 * time.Hour)
	down := false
	api := &upstreamtest.Counting{API: upstreamtest.NewModel(upstreamtest.Rows{}),
		Before: func(context.Context, string) error {
			if down {
				return &upstream.Error{Code: upstream.Unavailable}
			}
			return nil
		}}
	var mu sync.Mutex
	var left []time.Duration
	a := open(t, api, Options{Bytes: 1 << 20, Settle: time.Hour, Fresh: 5 * time.Second, Catalogue: time.Hour,
		MaxStale: time.Minute, Now: c.now,
		Observe: func(_ context.Context, l Lookup) {
			mu.Lock()
			defer mu.Unlock()
			left = append(left, l.Left)
		}})
	past, edge := upstream.Window{Start: at(0), End: at(9 * time.Hour)},
		upstream.Window{Start: at(9*time.Hour + time.Minute), End: at(10 * time.Hour)}
	counts := func(w upstream.Window) func() error {
		return func() error {
			_, err := a.Counts(t.Context(), upstream.Emails, upstream.CountQuery{Window: w})
			return err
		}
	}
	for _, s := range []struct {
		name  string
		after time.Duration
		down  bool
		ask   func() error
		want  []time.Duration
	}{
		{"settled", 0, false, counts(past), []time.Duration{Forever}},
		{"settled, held", time.Second, false, counts(past), []time.Duration{Forever}},
		{"open", 0, false, counts(edge), []time.Duration{5 * time.Second}},
		{"open, held", 2 * time.Second, false, counts(edge), []time.Duration{3 * time.Second}},
		{"open, stale", 10 * time.Second, true, counts(edge), []time.Duration{0}},
		{
			"a catalogue", 0, false, func() error { _, err := a.BounceCategories(t.Context()); return err },
			[]time.Duration{time.Hour},
		},
	} {
		left = nil
		c.add(s.after)
		down = s.down
		if err := s.ask(); err != nil {
			t.Error(errors.Join(errors.New(s.name), err))
		}
		if d := cmp.Diff(s.want, left); d != "" {
			t.Errorf("%s: %s", s.name, d)
		}
	}
	// Both parts of a split window are reported, in any order.
	left, down = nil, false
	if err := counts(upstream.Window{Start: at(time.Hour), End: at(10*time.Hour + time.Minute)})(); err != nil {
		t.Fatal(err)
	}
	if len(left) != 2 || min(left[0], left[1]) != 5*time.Second || max(left[0], left[1]) != Forever {
		t.Errorf("split: %v", left)
	}
}
