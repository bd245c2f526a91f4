package loaders_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"pgregory.net/rapid"

	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

const day upstream.Time = 1479772800

var window = upstream.Window{Start: day, End: day + 86400}

// accounts returns an email and a bounce of every sender of each user. Users have the numbers 20, 21, …; their
// senders 1000, 1001, … and 2000, 2001, ….
func accounts(senders ...int) upstreamtest.Rows {
	var rows upstreamtest.Rows
	for u, n := range senders {
		for s := range n {
			at := day + upstream.Time(u*1000+s)
			b := upstream.Bounce{
				UserID: upstream.ID(20 + u), SenderID: upstream.ID(1000*(u+1) + s), EmailID: fmt.Sprint(u, s),
				EmailAddress: "r@example.com", Type: upstream.Hard, BounceTime: at,
			}
			rows.Bounces = append(rows.Bounces, upstream.BounceDetail{Bounce: b})
			rows.Emails = append(rows.Emails,
				upstream.Email{
					UserID: b.UserID, SenderID: b.SenderID, EmailID: b.EmailID, EmailAddress: b.EmailAddress,
					ProcessTime: at,
				})
		}
	}
	return rows
}

// ownersOf loads all keys concurrently, as sibling fields do.
func ownersOf(ctx context.Context, l *loaders.Loaders, keys []loaders.OwnerKey) ([]upstream.ID, []error) {
	users, errs := make([]upstream.ID, len(keys)), make([]error, len(keys))
	var wg sync.WaitGroup
	for i, k := range keys {
		wg.Go(func() { users[i], errs[i] = l.Owners.One(ctx, k) })
	}
	wg.Wait()
	return users, errs
}

// The limit is one call for the users and one for each user or sender, whichever are fewer. It also holds if
// some keys come later.
func TestBatchedOwnersAreCorrectInFewestCalls(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		senders := rapid.SliceOfN(rapid.IntRange(1, 12), 1, 5).Draw(t, "senders of each user")
		var keys []loaders.OwnerKey
		want := map[loaders.OwnerKey]upstream.ID{}
		kinds := rapid.SampledFrom([][]upstream.Kind{{upstream.Emails}, {upstream.Emails, upstream.Bounces}}).Draw(t,
			"kinds")
		for u, n := range senders {
			for s := range n {
				if rapid.Bool().Draw(t, "asked") {
					k := loaders.OwnerKey{
						Sender: upstream.ID(1000*(u+1) + s), Kind: rapid.SampledFrom(kinds).Draw(t, "kind"),
						Window: window,
					}
					keys, want[k] = append(keys, k), upstream.ID(20+u)
				}
			}
		}
		if len(keys) == 0 || rapid.Bool().Draw(t, "unknown sender") {
			k := loaders.OwnerKey{Sender: 999, Kind: kinds[0], Window: window}
			keys, want[k] = append(keys, k), 0
		}
		perKind := map[upstream.Kind]int{}
		for _, k := range keys {
			perKind[k.Kind]++
		}
		most := 0
		for _, n := range perKind {
			if n <= 2 {
				most += n
			} else {
				most += 1 + min(n, len(senders))
			}
		}
		api := &upstreamtest.Counting{API: upstreamtest.NewModel(accounts(senders...))}
		l := loaders.New(api, time.Unix(int64(now), 0))
		for i, k := range keys {
			keys[i].Siblings = perKind[k.Kind]
		}
		var users []upstream.ID
		var errs []error
		if late := rapid.IntRange(0, len(keys)).Draw(t, "first late key"); late == 0 {
			users, errs = ownersOf(context.Background(), l, keys)
		} else {
			users, errs = ownersOf(context.Background(), l, keys[:late])
			u, e := ownersOf(context.Background(), l, keys[late:])
			users, errs = append(users, u...), append(errs, e...)
		}
		for i, k := range keys {
			k.Siblings = 0
			if users[i] != want[k] || (errs[i] == nil) != (want[k] != 0) ||
				errs[i] != nil && upstream.CodeOf(errs[i]) != upstream.NotFound {
				t.Errorf("user of sender %d is %d (%v), want %d", k.Sender, users[i], errs[i], want[k])
			}
		}
		if n := api.Total(); n > most {
			t.Errorf("%d calls for %d senders of %d users, want at most %d", n, len(keys), len(senders), most)
		}
	})
}

// The batch's calls use the context that Watch returned.
func TestWatchSeesEveryBatch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type mine struct{}
		var log string
		api := &upstreamtest.Counting{API: upstreamtest.NewModel(accounts(3, 3))}
		var mu sync.Mutex
		within := upstream.Around(api, func(ctx context.Context, q *upstream.Question,
			next upstream.Asker) (any, error) {
			mu.Lock()
			log += fmt.Sprint(ctx.Value(mine{}), " ")
			mu.Unlock()
			return next.Ask(ctx, q)
		})
		e := loaders.Extension{
			API: func(context.Context) upstream.Asker { return within },
			Now: time.Now,
			Watch: func(ctx context.Context, loader string, keys int) (context.Context, func(calls, failed int)) {
				log += fmt.Sprintf("%s: %d keys; ", loader, keys)
				done := func(calls, failed int) { log += fmt.Sprintf("%d calls, %d failed", calls, failed) }
				return context.WithValue(ctx, mine{}, "in it"), done
			},
		}
		ctx, _ := e.Begin(t.Context(), &graphql.OperationContext{})
		l := loaders.From(ctx)
		_, _ = ownersOf(t.Context(), l, []loaders.OwnerKey{
			{Sender: 1000, Kind: upstream.Emails, Window: window}, {Sender: 999, Kind: upstream.Emails, Window: window},
			{Sender: 2000, Kind: upstream.Emails, Window: window}})
		if want := "owners of senders: 3 keys; in it in it in it 3 calls, 1 failed"; log != want {
			t.Errorf("got %s\nwant %s", log, want)
		}
	})
}

const now = day + 86400

// A failed call fails the senders whose user it might have found, and no others.
func TestFailedCallFailsOnlyItsSenders(t *testing.T) {
	t.Parallel()
	down := &upstream.Error{Code: upstream.Unavailable, Message: "down"}
	key := func(s upstream.ID) loaders.OwnerKey {
		return loaders.OwnerKey{Sender: s, Kind: upstream.Emails, Window: window}
	}
	var all []loaders.OwnerKey
	for u := range upstream.ID(3) {
		for s := range upstream.ID(5) {
			all = append(all, key(1000*(u+1)+s))
		}
	}
	for name, c := range map[string]struct {
		keys  []loaders.OwnerKey
		fails string
		want  []upstream.ID // 0 means failed
	}{
		"the only call for a sender": {all[:1], "sender_id=1000", []upstream.ID{0}},
		"the call for the users":     {all[:3], "rollup_to=user", []upstream.ID{0, 0, 0}},
		"one of few calls":           {[]loaders.OwnerKey{all[0], all[5]}, "sender_id=2000", []upstream.ID{20, 0}},
		"one of many calls": {
			all, "user_id=21", []upstream.ID{20, 20, 20, 20, 20, 0, 0, 0, 0, 0, 22, 22, 22, 22, 22},
		},
		"an unrelated call": {all[:4], "user_id=22", []upstream.ID{20, 20, 20, 20}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := &upstreamtest.Counting{API: upstreamtest.NewModel(accounts(5, 5, 5)),
				Before: func(_ context.Context, call string) error {
					if strings.Contains(call, c.fails) {
						return down
					}
					return nil
				}}
			keys := slices.Clone(c.keys)
			for i := range keys {
				keys[i].Siblings = len(keys)
			}
			users, errs := ownersOf(t.Context(), loaders.New(api, time.Unix(int64(now), 0)), keys)
			for i, want := range c.want {
				if users[i] != want || errors.Is(errs[i], down) != (want == 0) || want != 0 && errs[i] != nil {
					t.Errorf("user of sender %d is %d (%v), want %d", c.keys[i].Sender, users[i], errs[i], want)
				}
			}
		})
	}
}

// The first field makes the call, others wait for it, and later ones get the same answer or error.
func TestOperationMakesEachCallOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		down := &upstream.Error{Code: upstream.Unavailable}
		counting := &upstreamtest.Counting{API: upstreamtest.NewModel(accounts(3)),
			Before: func(_ context.Context, call string) error {
				<-release
				if strings.HasPrefix(call, "/blocked-email/reasons") {
					return down
				}
				return nil
			}}
		api := loaders.New(counting, time.Unix(int64(now), 0)).API
		questions := upstreamtest.Questions(window, accounts(1).Bounces[0].Key())
		ask := func() (failed int) {
			for _, q := range questions {
				if _, err := api.Ask(t.Context(), q); errors.Is(err, down) {
					failed++
				} else if err != nil {
					t.Error(err)
				}
			}
			return failed
		}
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				if ask() != 1 {
					t.Error("an error was not shared")
				}
			})
		}
		synctest.Wait()
		close(release)
		wg.Wait()
		ask()
		if n := counting.Total(); n != len(questions) {
			t.Errorf("%d calls, want %d", n, len(questions))
		}
	})
}

// A field that waits for another field's call stops waiting when its own context ends.
func TestWaitEndsWithOwnContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		api := loaders.New(&upstreamtest.Counting{
			API:    upstreamtest.NewModel(accounts(1)),
			Before: func(context.Context, string) error { <-release; return nil },
		}, time.Unix(int64(now), 0)).API
		done := make(chan error)
		go func() { _, err := api.BounceCategories(t.Context()); done <- err }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := api.BounceCategories(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		close(release)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// A panic becomes an error for all fields that made the call.
func TestPanicBecomesError(t *testing.T) {
	t.Parallel()
	l := loaders.New(&upstreamtest.Counting{
		API: upstreamtest.NewModel(accounts(2, 2)), Before: func(context.Context, string) error { panic("broken") },
	}, time.Unix(int64(now), 0))
	for range 2 {
		if _, err := l.API.BounceCategories(t.Context()); err == nil || !strings.Contains(err.Error(), "broken") ||
			!strings.Contains(err.Error(), "loaders_test.go") {
			t.Error(err)
		}
	}
	_, errs := ownersOf(t.Context(), l, []loaders.OwnerKey{
		{Sender: 1000, Window: window}, {Sender: 2000, Window: window},
	})
	for _, err := range errs {
		if err == nil || !strings.Contains(err.Error(), "broken") {
			t.Error(err)
		}
	}
}

// A column fetches missing counts concurrently. Counts that the operation already has, errors included, are not
// fetched again, whether a field or a column loaded them.
func TestColumnsLoadMissingCountsConcurrently(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		down := &upstream.Error{Code: upstream.Unavailable, Message: "down"}
		api := &upstreamtest.Counting{API: upstreamtest.NewModel(accounts(2, 1)),
			Before: func(_ context.Context, call string) error {
				time.Sleep(time.Second)
				if strings.HasPrefix(call, "/bounce/counts") {
					return down
				}
				return nil
			}}
		l := loaders.New(api, time.Unix(int64(now), 0))
		ask := func(calls, atOnce int) {
			t.Helper()
			api.Reset()
			all, errs := l.Counts.All(t.Context(), []loaders.CountsKey{
				{Kind: upstream.Emails, Query: upstream.CountQuery{Window: window}},
				{Kind: upstream.Bounces, Query: upstream.CountQuery{Window: window}},
				{Kind: upstream.Emails, Query: upstream.CountQuery{Window: window, Rollup: upstream.ByUser}},
				{Kind: upstream.Emails, Query: upstream.CountQuery{Window: window}},
			})
			if !errors.Is(errs[1], down) {
				t.Error(errs)
			}
			for i, rows := range map[int]int{0: 3, 2: 2, 3: 3} {
				if errs[i] != nil || len(all[i].Rows) != rows {
					t.Errorf("key %d has %v (%v), want %d rows", i, all[i], errs[i], rows)
				}
			}
			if api.Total() != calls || api.Peak() != atOnce {
				t.Errorf("%d calls, %d at once; want %d and %d", api.Total(), api.Peak(), calls, atOnce)
			}
		}
		byUser := loaders.CountsKey{
			Kind: upstream.Emails, Query: upstream.CountQuery{Window: window, Rollup: upstream.ByUser},
		}
		if _, err := l.Counts.One(t.Context(), byUser); err != nil {
			t.Fatal(err)
		}
		ask(2, 2)
		ask(0, 0)
		for k, fails := range map[upstream.Kind]bool{upstream.Emails: false, upstream.Bounces: true} {
			if _, err := l.Counts.One(t.Context(),
				loaders.CountsKey{Kind: k, Query: upstream.CountQuery{Window: window}}); errors.Is(err, down) != fails {
				t.Error(k, err)
			}
		}
		if n := api.Total(); n != 0 {
			t.Errorf("%d calls for known counts", n)
		}
	})
}
