package cached

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// failing is an API behind a cache. It fails with an error while one is set.
type failing struct {
	*view
	clock    clock
	model    *upstreamtest.Model
	counting *upstreamtest.Counting
	err      error

	mu   sync.Mutex
	seen []Lookup
}

func newFailing(t *testing.T, change func(*Options)) *failing {
	f := &failing{model: upstreamtest.NewModel(everyTenMinutes(-48, 2))}
	f.counting = &upstreamtest.Counting{API: f.model, Before: func(context.Context, string) error { return f.err }}
	o := sealing
	o.Now = f.clock.now
	o.Observe = func(_ context.Context, l Lookup) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.seen = append(f.seen, l)
	}
	change(&o)
	f.view = open(t, f.counting, o)
	return f
}

// stale gives the stale answers since the last time.
func (f *failing) stale() (all []Lookup) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, l := range f.seen {
		if l.Stale {
			all = append(all, l)
		}
	}
	f.seen = nil
	return all
}

var (
	down     = &upstream.Error{Code: upstream.Unavailable, Message: "down"}
	lastHalf = upstream.Window{Start: at(-30 * time.Minute), End: at(time.Hour)}
)

// While the API is down, answers of every kind are served past their freshness, up to the limit, and reported as stale
// with their age. Once it is up again, none are.
func TestStaleAnswersAreServedWhileTheAPIIsDown(t *testing.T) {
	qs := questions(upstreamtest.NewModel(everyTenMinutes(-48, 2)), lastHalf)
	long := upstream.CountQuery{Window: upstream.Window{Start: at(-48 * time.Hour), End: at(time.Hour)}}.Question(
		upstream.Emails)
	qs = append(qs, sampleQuestion{name: "counts with a sealed past", question: &long})
	for _, q := range qs {
		t.Run(q.name, func(t *testing.T) {
			f := newFailing(t, func(*Options) {})
			fresh := DefaultFresh
			if q.catalogue {
				fresh = DefaultCatalogue
			}
			want, err := q.ask(t.Context(), f)
			if err != nil {
				t.Fatal(err)
			}
			f.err = down
			f.model.Add(eventAt(at(-time.Minute), senders[0], 1))
			for _, test := range []struct {
				age   time.Duration
				stale bool
				err   bool
			}{
				{fresh - 1, false, false}, {fresh, true, false}, {fresh + time.Minute, true, false},
				{fresh + DefaultMaxStale, true, false}, {fresh + DefaultMaxStale + 1, false, true},
			} {
				f.clock.set(test.age)
				got, err := q.ask(t.Context(), f)
				if (err != nil) != test.err {
					t.Errorf("age %v: %v", test.age, err)
				}
				if diff := cmp.Diff(want, got); err == nil && diff != "" {
					t.Errorf("age %v: (-want +got)\n%s", test.age, diff)
				}
				stale := f.stale()
				if (len(stale) == 1) != test.stale {
					t.Errorf("age %v: %d stale answers", test.age, len(stale))
				}
				for _, l := range stale {
					if l.Age != test.age || l.Err == nil || l.Hit || l.Joined {
						t.Errorf("age %v: reported %+v", test.age, l)
					}
				}
			}
			f.err = nil
			f.clock.set(fresh + time.Minute)
			got, err := q.ask(t.Context(), f)
			if want, _ := q.ask(t.Context(), f.model); err != nil || !cmp.Equal(got, want) || len(f.stale()) > 0 {
				t.Errorf("when the API is up again: %v, %v", got, err)
			}
		})
	}
}

// Stale answers are served only if the API fails, not if it refuses.
func TestStaleAnswersReplaceFailuresOnly(t *testing.T) {
	for code, stale := range map[upstream.Code]bool{
		upstream.Unavailable: true, upstream.Timeout: true, upstream.InvalidResponse: true,
		upstream.InvalidArgument: false, upstream.Unauthenticated: false, upstream.PermissionDenied: false,
		upstream.NotFound: false, upstream.Internal: false,
	} {
		for _, err := range []error{
			&upstream.Error{Code: code}, fmt.Errorf("list emails: %w", &upstream.Error{Code: code}),
		} {
			f := newFailing(t, func(*Options) {})
			ask := func() error {
				_, err := f.Emails(t.Context(), upstream.ListQuery{Window: lastHalf})
				return err
			}
			if err := ask(); err != nil {
				t.Fatal(err)
			}
			f.err = err
			f.clock.add(time.Minute)
			if got := ask(); (got == nil) != stale || got != nil && got != err {
				t.Errorf("%s: got %v", code, got)
			}
		}
	}
	f := newFailing(t, func(*Options) {})
	if _, err := f.BlockedReasons(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.err = errors.New("a fault of ours")
	f.clock.add(time.Hour)
	if _, err := f.BlockedReasons(t.Context()); err != f.err {
		t.Errorf("an error without a code: got %v", err)
	}
}

func TestStaleAnswersCanBeSwitchedOff(t *testing.T) {
	for name, change := range map[string]func(*Options){
		"max stale is 0": func(o *Options) { o.MaxStale = 0 },
		"fresh is 0":     func(o *Options) { o.Fresh = 0 },
	} {
		f := newFailing(t, change)
		for _, err := range []error{nil, down} {
			f.err = err
			if _, got := f.Emails(t.Context(), upstream.ListQuery{Window: lastHalf}); !errors.Is(got, err) {
				t.Errorf("%s: got %v, want %v", name, got, err)
			}
			f.clock.add(time.Minute)
		}
	}
}

// The window of a dashboard ends later each time. While the API is down, the dashboard gets its newest answer, unless
// that may contain events after the new end.
func TestMovingWindowsGetTheNewestAnswerWhileTheAPIIsDown(t *testing.T) {
	f := newFailing(t, func(*Options) {})
	upTo := func(d time.Duration) upstream.Window {
		return upstream.Window{Start: at(-40 * time.Hour), End: at(d)}
	}
	asks := map[string]func(w upstream.Window, user upstream.ID) (any, error){
		"list": func(w upstream.Window, user upstream.ID) (any, error) {
			return f.Bounces(t.Context(), upstream.ListQuery{Window: w, UserID: user})
		},
		"counts": func(w upstream.Window, user upstream.ID) (any, error) {
			return f.Counts(t.Context(), upstream.Bounces, upstream.CountQuery{Window: w, UserID: user})
		},
		"series": func(w upstream.Window, user upstream.ID) (any, error) {
			return f.Series(t.Context(), upstream.Bounces,
				upstream.CountQuery{Window: w, UserID: user, Interval: upstream.Hour})
		},
	}
	for name, ask := range asks {
		t.Run(name, func(t *testing.T) {
			f.err = nil
			f.clock.set(20 * time.Minute)
			var want any
			for _, d := range []time.Duration{20 * time.Minute, 21 * time.Minute} {
				f.clock.set(d)
				var err error
				if want, err = ask(upTo(d), 0); err != nil {
					t.Fatal(err)
				}
			}
			f.stale()
			f.err = down
			for _, d := range []time.Duration{22 * time.Minute, 25 * time.Minute} {
				f.clock.set(d)
				got, err := ask(upTo(d), 0)
				if err != nil || !cmp.Equal(got, want) {
					t.Errorf("%v: got %v, %v", d, got, err)
				}
				if l := f.stale(); len(l) != 1 || l[0].Age != d-21*time.Minute {
					t.Errorf("%v: reported %+v", d, l)
				}
			}
			if _, err := ask(upTo(25*time.Minute), 1); !errors.Is(err, down) {
				t.Errorf("another filter: %v", err)
			}
			if _, err := ask(upstream.Window{Start: at(-39 * time.Hour), End: at(25 * time.Minute)}, 0); !errors.Is(err,
				down) {
				t.Errorf("another start: %v", err)
			}
			if _, err := ask(upTo(19*time.Minute), 0); !errors.Is(err, down) {
				t.Errorf("an earlier end: %v", err)
			}
			f.clock.set(32 * time.Minute)
			if _, err := ask(upTo(32*time.Minute), 0); !errors.Is(err, down) {
				t.Errorf("after too long: %v", err)
			}
			for what, end := range map[string]time.Duration{
				"an answer that may contain events after the end": time.Hour,
				"an answer that ended before it was given":        30 * time.Minute,
			} {
				f.err = nil
				f.clock.set(33 * time.Minute)
				if _, err := ask(upTo(end), 2); err != nil {
					t.Fatal(err)
				}
				f.err = down
				f.clock.set(34 * time.Minute)
				if _, err := ask(upTo(34*time.Minute), 2); !errors.Is(err, down) {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
}

// A dashboard is served through an outage in which an hour settles.
func TestDashboardsAreServedThroughAnOutageInWhichAnHourSettles(t *testing.T) {
	f := newFailing(t, func(*Options) {})
	ask := func(now time.Duration) ([]upstream.Count, error) {
		f.clock.set(now)
		return f.Counts(t.Context(), upstream.Bounces,
			upstream.CountQuery{Window: upstream.Window{Start: at(-40 * time.Hour), End: at(now)}})
	}
	want, err := ask(59 * time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	f.err = down
	got, err := ask(61 * time.Minute)
	if err != nil || !cmp.Equal(want, got) {
		t.Errorf("got %v, %v", got, err)
	}
	if l := f.stale(); len(l) != 1 || l[0].Age != 2*time.Minute {
		t.Errorf("reported %+v", l)
	}
}

// While the API hangs, all callers wait for one call. Those that wait until their deadline get the stale answer, those
// that leave get none.
func TestCallersGetStaleAnswersWhileTheAPIHangs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counting := model()
		o := sealing
		o.Now = nil
		a := open(t, counting, o)
		defer a.Close()
		want, err := a.BlockedReasons(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(DefaultCatalogue + time.Minute)
		counting.Before = func(ctx context.Context, _ string) error {
			<-ctx.Done()
			return ctx.Err()
		}
		var wg sync.WaitGroup
		for i := range 10 {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i+1)*time.Second)
				defer cancel()
				if i == 9 {
					time.AfterFunc(time.Second, cancel)
				}
				got, err := a.BlockedReasons(ctx)
				if i == 9 && err != context.Canceled {
					t.Errorf("the caller that left got %v, %v", got, err)
				}
				if i < 9 && (err != nil || !cmp.Equal(want, got)) {
					t.Errorf("the caller that waited got %v, %v", got, err)
				}
			})
		}
		wg.Wait()
		if counting.Total() != 2 {
			t.Errorf("%d calls, want one each time", counting.Total())
		}
	})
}
