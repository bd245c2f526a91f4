package feed_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/upstream/upstreamtest"

	"go.uber.org/goleak"

	"deliverygraph/resolvers/feed"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is an upstream in memory. Bounces appear on it, and it can fail.
type world struct {
	model *upstreamtest.Model
	api   *upstreamtest.Counting
	mu    sync.Mutex
	down  error
	made  int
}

func newWorld() *world {
	w := &world{model: upstreamtest.NewModel(upstreamtest.Rows{})}
	w.api = &upstreamtest.Counting{API: w.model, Before: func(context.Context, string) error {
		w.mu.Lock()
		defer w.mu.Unlock()
		return w.down
	}}
	return w
}

func (w *world) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = err
}

func (w *world) failing() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.down != nil
}

var errDown = &upstream.Error{Code: upstream.Unavailable, Message: "down"}

// appear adds n bounces of the user that bounced some time ago, and returns their email ids.
func (w *world) appear(user upstream.ID, n int, ago time.Duration) (ids []string) {
	var rows upstreamtest.Rows
	at := upstream.Time(time.Now().Add(-ago).Unix())
	for range n {
		w.made++
		id := fmt.Sprintf("%s.%06d@mail", at.UTC().Format("20060102150405"), w.made)
		rows.Bounces = append(rows.Bounces, upstream.BounceDetail{Bounce: upstream.Bounce{
			UserID: user, SenderID: user*10 + 1, EmailID: id, EmailAddress: "recipient@example.com",
			Type: upstream.Hard, BounceTime: at, ProcessTime: at,
		}})
		ids = append(ids, id)
	}
	w.model.Add(rows)
	return ids
}

func (w *world) feed(o feed.Options) *feed.Feed {
	return feed.New(func(ctx context.Context) feed.View {
		name, _ := ctx.Value(callerKey{}).(string)
		return feed.View{API: w.api, Context: context.Background(), Key: "all", Caller: name}
	}, o)
}

type callerKey struct{}

// read returns the events that are available now.
func read(t *testing.T, s *feed.Subscription) (ids []string, last *feed.Event, err error) {
	t.Helper()
	for {
		e, err := next(s)
		if errors.Is(err, context.DeadlineExceeded) {
			return ids, last, nil
		}
		if err != nil {
			return ids, last, err
		}
		ids, last = append(ids, e.Bounce.EmailID), e
	}
}

func next(s *feed.Subscription) (*feed.Event, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Millisecond)
	defer cancel()
	return s.Next(ctx)
}

func subscribe(t *testing.T, f *feed.Feed, q upstream.ListQuery, after *string) *feed.Subscription {
	t.Helper()
	s, err := f.Subscribe(t.Context(), q, after)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func equal(t *testing.T, what string, got, want []string) {
	t.Helper()
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("%s: got %d: %.1000q, want %d: %.1000q", what, len(got), strings.Join(got, " "), len(want),
			strings.Join(want, " "))
	}
}

func TestOnePollServesAllSubscribersOfAFilter(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.appear(20, 3, time.Minute) // before the first subscription
		f := w.feed(feed.Options{PerCaller: 20_000})
		defer f.Close()
		var all []*feed.Subscription
		for range 10_000 {
			all = append(all, subscribe(t, f, upstream.ListQuery{}, nil))
		}
		if n := w.api.Total(); n != 1 {
			t.Errorf("%d calls for all subscriptions, want 1", n)
		}
		w.api.Reset()
		want := append(w.appear(20, 2, 0), w.appear(21, 1, -time.Second)...)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		late := w.appear(20, 1, 4*time.Minute)
		time.Sleep(6 * time.Second)
		synctest.Wait()
		if n := w.api.Total(); n < 2 || n > 3 {
			t.Errorf("%d calls in 12 s", n)
		}
		for _, s := range all {
			got, _, err := read(t, s)
			if err != nil || strings.Join(got, " ") != strings.Join(append(want[:len(want):len(want)], late...), " ") {
				t.Fatalf("got %q, %v", got, err)
			}
			s.Close()
		}
		w.api.Reset()
		time.Sleep(time.Minute)
		if n := w.api.Total(); n != 0 {
			t.Errorf("%d calls after the last subscriber left, want 0", n)
		}
	})
}

func TestFiltersAndViewsHaveTheirOwnTopics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		f := w.feed(feed.Options{Topics: 2})
		defer f.Close()
		a := subscribe(t, f, upstream.ListQuery{UserID: 20}, nil)
		b := subscribe(t, f, upstream.ListQuery{UserID: 21}, nil)
		_, err := f.Subscribe(t.Context(), upstream.ListQuery{UserID: 22}, nil)
		if limit := new(feed.LimitError); !errors.As(err, &limit) {
			t.Errorf("a third filter: %v", err)
		}
		of20, of21 := w.appear(20, 2, 0), w.appear(21, 1, 0)
		time.Sleep(6 * time.Second)
		gotA, last, _ := read(t, a)
		gotB, _, _ := read(t, b)
		equal(t, "of 20", gotA, of20)
		equal(t, "of 21", gotB, of21)
		cursor := a.Cursor(last)
		b.Close()
		_, err = f.Subscribe(t.Context(), upstream.ListQuery{UserID: 22}, &cursor)
		if argument := new(page.ArgumentError); !errors.As(err, &argument) || argument.Argument != "after" {
			t.Errorf("a cursor of another filter: %v", err)
		}
		subscribe(t, f, upstream.ListQuery{UserID: 22}, nil).Close() // the limit applies to open subscriptions only
		time.Sleep(25 * time.Hour)
		_, err = f.Subscribe(t.Context(), upstream.ListQuery{UserID: 20}, &cursor)
		if argument := new(page.ArgumentError); !errors.As(err, &argument) {
			t.Errorf("a cursor that is too old: %v", err)
		}
	})
}

func TestSubscriptionsBeyondALimitAreRejected(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refused := 0
		f := newWorld().feed(feed.Options{Subscribers: 3, PerCaller: 2, Refused: func() { refused++ }})
		ada, bob := context.WithValue(t.Context(), callerKey{}, "ada"),
			context.WithValue(t.Context(), callerKey{}, "bob")
		want := func(ctx context.Context, part string) *feed.Subscription {
			t.Helper()
			s, err := f.Subscribe(ctx, upstream.ListQuery{}, nil)
			limit := new(feed.LimitError)
			switch {
			case part == "" && err != nil, part != "" &&
				!(errors.As(err, &limit) && strings.Contains(err.Error(), part)):
				t.Errorf("got %v, want %q", err, part)
			}
			return s
		}
		first := want(ada, "")
		want(ada, "")
		want(ada, "this caller has 2")
		want(bob, "")
		want(bob, "this gateway has 3")
		if refused != 2 {
			t.Errorf("Refused was called %d times, want 2", refused)
		}
		first.Close()
		first.Close()
		want(ada, "")
		want(ada, "this caller has 2")
		f.Close()
		if _, err := f.Subscribe(t.Context(), upstream.ListQuery{}, nil); !errors.Is(err, feed.ErrClosed) {
			t.Errorf("closed: %v", err)
		}
	})
}

// During an outage the stream is silent and polls become rarer. Afterwards it delivers what appeared in the
// meantime.
func TestOutageLosesNoBounces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		f := w.feed(feed.Options{})
		defer f.Close()
		s := subscribe(t, f, upstream.ListQuery{}, nil)
		time.Sleep(time.Minute)
		w.fail(errDown)
		w.api.Reset()
		var want []string
		for range 30 {
			want = append(want, w.appear(20, 1, 0)...)
			time.Sleep(time.Minute)
		}
		if n := w.api.Total(); n < 25 || n > 80 {
			t.Errorf("%d calls in half an hour of outage, want 25 to 80", n)
		}
		if got, _, err := read(t, s); len(got) > 0 || err != nil {
			t.Errorf("during the outage: %q, %v", got, err)
		}
		w.fail(nil)
		time.Sleep(61 * time.Second)
		got, _, err := read(t, s)
		equal(t, "afterwards", got, want)
		if err != nil {
			t.Error(err)
		}

		w.fail(&upstream.Error{Code: upstream.Unauthenticated, Status: 451})
		time.Sleep(10 * time.Second)
		if _, _, err = read(t, s); upstream.CodeOf(err) != upstream.Unauthenticated {
			t.Errorf("after the key was revoked: %v", err)
		}
		w.fail(errDown)
		if _, err := f.Subscribe(t.Context(), upstream.ListQuery{}, nil); upstream.CodeOf(err) != upstream.Unavailable {
			t.Errorf("Subscribe during an outage: %v", err)
		}
	})
}

// Other subscriptions continue, and the slow reader can resume from its cursor.
func TestSlowSubscriberIsEndedAndCanResume(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		f := w.feed(feed.Options{Buffer: 10})
		defer f.Close()
		slow, quick := subscribe(t, f, upstream.ListQuery{}, nil), subscribe(t, f, upstream.ListQuery{}, nil)
		var want, got []string
		for i := range 12 {
			want = append(want, w.appear(20, 4, time.Duration(i%3)*time.Minute)...)
			time.Sleep(6 * time.Second)
			now, _, err := read(t, quick)
			if got = append(got, now...); err != nil {
				t.Fatal(err)
			}
			if i == 0 {
				first, err := next(slow)
				if err != nil || first.Bounce.EmailID != want[0] {
					t.Fatal(first, err)
				}
			}
		}
		equal(t, "quick reader", got, want)
		_, err := next(slow)
		tooSlow := new(feed.SlowError)
		if !errors.As(err, &tooSlow) || tooSlow.Behind != 10 {
			t.Fatalf("slow reader: %v, want a SlowError", err)
		}
		slow.Close()
		rest, _, err := read(t, subscribe(t, f, upstream.ListQuery{}, &tooSlow.Cursor))
		if err != nil {
			t.Fatal(err)
		}
		if len(rest) != len(want)-1 {
			t.Errorf("resumed reader got %d bounces, want %d", len(rest), len(want)-1)
		}
	})
}

// The bounces before the subscription are more than one poll reads.
func TestSubscriptionBeginsWithBouncesThatAppearAfterIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		f := w.feed(feed.Options{})
		defer f.Close()
		for i := range 7 {
			w.appear(20, 1500, time.Duration(200-i)*time.Second)
		}
		s := subscribe(t, f, upstream.ListQuery{}, nil)
		time.Sleep(10 * time.Second)
		want := w.appear(20, 3, time.Second)
		time.Sleep(6 * time.Second)
		got, _, err := read(t, s)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "events", got, want)
	})
}

// The burst has more rows than a window or a cursor holds, also within one second.
func TestBurstIsDeliveredAndResumed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		f := w.feed(feed.Options{})
		defer f.Close()
		s := subscribe(t, f, upstream.ListQuery{}, nil)
		var want []string
		for i := range 50 { // 3,500 rows
			want = append(want, w.appear(20, 70, time.Duration(50-i)*time.Second)...)
		}
		var got []string
		var cursor string
		for range 4 {
			time.Sleep(6 * time.Second)
			now, last, err := read(t, s)
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, now...); last != nil {
				cursor = s.Cursor(last)
			}
		}
		equal(t, "live", got, want)
		if len(cursor) > 4096 {
			t.Errorf("cursor has %d characters, want at most 4096", len(cursor))
		}
		more := w.appear(20, 700, 0)
		s.Close()
		time.Sleep(20 * time.Minute)
		more = append(more, w.appear(20, 700, time.Second)...)
		again := w.feed(feed.Options{})
		defer again.Close()
		got, _, err := read(t, subscribe(t, again, upstream.ListQuery{}, &cursor))
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "resumed", got, more)

		if upstreamtest.Race {
			return // the rest takes a minute under the race detector
		}
		// One poll is not enough to read these rows: a reader that falls behind resumes from its cursor. The
		// user had no burst before, since a cursor has no room for both.
		q := upstream.ListQuery{UserID: 21}
		s, want, got = subscribe(t, f, q, nil), nil, nil
		w.fail(errDown)
		for i := range 240 {
			want = append(want, w.appear(21, 50, time.Duration(240-i)*time.Second)...)
		}
		w.fail(nil)
		for range 3 {
			time.Sleep(6 * time.Second)
			now, _, err := read(t, s)
			slow := new(feed.SlowError)
			if got = append(got, now...); errors.As(err, &slow) {
				s.Close()
				s = subscribe(t, f, q, &slow.Cursor)
			} else if err != nil {
				t.Fatal(err)
			}
		}
		equal(t, "after an outage", got, want)
	})
}
