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

func TestConcurrentMissesLoadOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counting := model()
		counting.Before = func(context.Context, string) error { time.Sleep(time.Second); return nil }
		var mu sync.Mutex
		seen := map[string]int{}
		o := standard
		o.Observe = func(_ context.Context, l Lookup) {
			mu.Lock()
			defer mu.Unlock()
			seen[fmt.Sprintf("%s?%s hit:%t joined:%t age:%v rows:%d", l.Question.Endpoint(), l.Question.Encode(), l.Hit,
				l.Joined, l.Age, l.Rows)]++
		}
		a := open(t, counting, o)
		defer a.Close()
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				if _, err := a.BlockedReasons(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		time.Sleep(7 * time.Second)
		if _, err := a.BlockedReasons(t.Context()); err != nil {
			t.Error(err)
		}
		if counting.Total() != 1 {
			t.Errorf("%d calls, want 1", counting.Total())
		}
		want := map[string]int{
			"/blocked-email/reasons? hit:false joined:false age:0s rows:5": 1,
			"/blocked-email/reasons? hit:false joined:true age:0s rows:5":  99,
			"/blocked-email/reasons? hit:true joined:false age:7s rows:5":  1,
		}
		if diff := cmp.Diff(want, seen); diff != "" {
			t.Errorf("observed (-want +got)\n%s", diff)
		}
	})
}

// Callers who come as an answer arrives find it or wait for it. This runs real goroutines on the real clock.
func TestNoSecondCallBetweenArrivalAndKeeping(t *testing.T) {
	for i := range 300 {
		counting := model()
		a := open(t, counting, standard)
		var wg sync.WaitGroup
		for range 8 {
			wg.Go(func() {
				if _, err := a.BlockedReasons(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		a.Close()
		if counting.Total() != 1 {
			t.Fatalf("round %d: %d calls", i, counting.Total())
		}
	}
}

func TestCallersThatGiveUpDoNotAffectOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		counting := model()
		counting.Before = func(ctx context.Context, _ string) error {
			select {
			case <-time.After(5 * time.Second):
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		a := open(t, counting, standard)
		defer a.Close()
		var wg sync.WaitGroup
		for i, patience := range []time.Duration{time.Second, time.Minute, 2 * time.Second} {
			wg.Go(func() {
				ctx, cancel := context.WithTimeout(t.Context(), patience)
				defer cancel()
				if i == 2 {
					time.AfterFunc(time.Second, cancel)
				}
				_, err := a.BlockedReasons(ctx)
				switch i {
				case 0:
					if upstream.CodeOf(err) != upstream.Timeout || !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("the caller with a deadline: %v", err)
					}
				case 1:
					if err != nil {
						t.Errorf("the caller that waited: %v", err)
					}
				case 2:
					if err != context.Canceled {
						t.Errorf("the caller that left: %v", err)
					}
				}
			})
			synctest.Wait()
		}
		wg.Wait()
		if counting.Total() != 1 {
			t.Errorf("%d calls, want 1", counting.Total())
		}
		// A caller whose context has ended gets no answer, even a cached one.
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := a.BlockedReasons(ctx); err != context.Canceled {
			t.Errorf("a caller whose context had ended: %v", err)
		}
	})
}

// Callers who miss the same window at the same time wait for one call for its past and one for its open edge. Both
// calls are reported for each caller.
func TestConcurrentMissesOfAWindowLoadEachPartOnce(t *testing.T) {
	var c clock
	c.set(4*time.Hour + 30*time.Minute)
	release := make(chan struct{})
	counting := &upstreamtest.Counting{API: upstreamtest.NewModel(everyTenMinutes(-48, 8))}
	counting.Before = func(context.Context, string) error { <-release; return nil }
	var mu sync.Mutex
	seen := map[string]int{}
	o := sealing
	o.Now = c.now
	o.Observe = func(_ context.Context, l Lookup) {
		mu.Lock()
		defer mu.Unlock()
		q, _ := upstream.ParseQuestion(upstream.ShapeCounts, upstream.Bounces, l.Question.Encode())
		how := "sent"
		if l.Hit || l.Joined {
			how = "not sent"
		}
		seen[fmt.Sprintf("%s %s to %s, %d rows", how, hours(q.Window.Start), hours(q.Window.End), l.Rows)]++
	}
	a := open(t, counting, o)
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() { dashboard(t, a, counting.API, &c, at(-48*time.Hour)) })
		if i == 10 {
			close(release)
		}
	}
	wg.Wait()
	if diff := cmp.Diff([]string{"-48h to 3h", "3h to 4h30m0s"}, callsMade(counting)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	want := map[string]int{
		"sent -48h to 3h, 6 rows": 1, "not sent -48h to 3h, 6 rows": 19,
		"sent 3h to 4h30m0s, 6 rows": 1, "not sent 3h to 4h30m0s, 6 rows": 19,
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("observed (-want +got)\n%s", diff)
	}
}
