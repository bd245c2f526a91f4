package cached

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// TestViewsOfAVersionUseNothingOlder has unsettled events arrive, each with a new version, while answers would stay
// fresh for a day. Each version's view has all events, asks each question once, and asks little of settled events.
func TestViewsOfAVersionUseNothingOlder(t *testing.T) {
	t.Parallel()
	for name, w := range map[string]upstream.Window{
		"open":          {Start: at(-10 * time.Minute), End: at(10 * time.Minute)},
		"with the past": {Start: at(-10 * time.Hour), End: at(10 * time.Minute)},
		"not on hours":  {Start: at(-10*time.Hour + 7*time.Minute), End: at(10 * time.Minute)},
	} {
		t.Run(name, func(t *testing.T) {
			m := upstreamtest.NewModel(everyTenMinutes(-12, 0))
			counting := &upstreamtest.Counting{API: m}
			var c clock
			o := sealing
			o.Now, o.Fresh = c.now, 24*time.Hour
			a := open(t, counting, o)
			for version := range int64(5) {
				view := typed(a.At(version))
				for i, q := range questions(m, w) {
					want, _ := q.ask(t.Context(), m)
					for round := range 2 {
						counting.Reset()
						got, err := questions(m, w)[i].ask(t.Context(), view)
						if d := cmp.Diff(want, got); d != "" || err != nil {
							t.Errorf("%s at version %d: %v (-want +got)\n%s", q.name, version, err, d)
						}
						if n := counting.Total(); round == 1 && version > 1 && n > 0 {
							t.Errorf("%s at version %d is asked for again by %d calls", q.name, version, n)
						}
					}
				}
				m.Add(eventAt(at(-time.Duration(version)*time.Minute), senders[0], int(100+version)))
			}
		})
	}
}

func TestViewsOfAVersionKeepWhatIsSettled(t *testing.T) {
	t.Parallel()
	m := upstreamtest.NewModel(everyTenMinutes(-12, 0))
	counting := &upstreamtest.Counting{API: m}
	var c clock
	o := sealing
	o.Now = c.now
	a := open(t, counting, o)
	for version := range int64(3) {
		for _, q := range questions(m, upstream.Window{Start: at(-10 * time.Hour), End: at(-4 * time.Hour)}) {
			counting.Reset()
			if _, err := q.ask(t.Context(), typed(a.At(version))); err != nil {
				t.Fatal(err)
			}
			if n := counting.Total(); n > 0 && version > 0 && !q.catalogue {
				t.Errorf("%s at version %d makes %d calls", q.name, version, n)
			}
		}
	}
}

// TestCallsOfOlderVersionsAreNotJoined has a call of version 1 in progress when version 2 begins.
func TestCallsOfOlderVersionsAreNotJoined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := &upstreamtest.Counting{API: sampleModel(), Before: func(context.Context, string) error {
			time.Sleep(time.Second)
			return nil
		}}
		a := open(t, slow, sealing)
		defer a.Close()
		for range 2 { // the second of each version joins the first
			go func() { _, _ = typed(a.At(1)).BounceCategories(context.Background()) }()
		}
		synctest.Wait()
		for range 2 {
			go func() { _, _ = typed(a.At(2)).BounceCategories(context.Background()) }()
		}
		synctest.Wait()
		if n := slow.Total(); n != 1 {
			t.Errorf("%d equal calls run at once", n)
		}
		time.Sleep(3 * time.Second)
		for _, version := range []int64{2, 1} { // an answer of version 2 also serves version 1
			if _, err := typed(a.At(version)).BounceCategories(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if n := slow.Total(); n != 2 {
			t.Errorf("%d calls, want one for each version", n)
		}
	})
}
