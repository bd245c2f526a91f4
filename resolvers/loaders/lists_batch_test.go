package loaders_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"deliverygraph/internal/auth"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// listed returns n bounces of three senders of user 20, a minute apart.
func listed(n int) (rows upstreamtest.Rows) {
	for i := range n {
		b := upstream.Bounce{
			UserID: 20, SenderID: upstream.ID(1000 + i%3), EmailID: fmt.Sprintf("%05d", i),
			EmailAddress: "r@example.com",
			Type:         upstream.Hard, BounceTime: day + upstream.Time(60*i),
		}
		rows.Bounces = append(rows.Bounces, upstream.BounceDetail{Bounce: b})
	}
	return rows
}

// everyone returns the context of a caller who may see all users.
func everyone(t *testing.T) context.Context { return auth.With(t.Context(), auth.Anyone()) }

// listsKey asks for the bounces of a page of senders.
func listsKey(size int) loaders.ListsKey {
	return loaders.ListsKey{
		All:  upstream.ListQuery{Window: window}.Question(upstream.Bounces),
		Size: size, Found: window,
	}
}

// If the pages do not form one sorted list, they are not split, since rows could be lost or repeated. Each list is
// then read by itself.
func TestPagesThatDoNotFitAreNotSplit(t *testing.T) {
	t.Parallel()
	const n = 700
	more := listed(n)
	early := more.Bounces[0]
	early.EmailID, early.BounceTime = "early", day+1
	more.Bounces = append(more.Bounces, early)
	later := upstreamtest.NewModel(more)
	for name, c := range map[string]struct {
		answer func(q upstream.ListQuery, rows []upstream.Bounce) []upstream.Bounce
		splits bool
	}{
		"the list does not change": {
			func(_ upstream.ListQuery, rows []upstream.Bounce) []upstream.Bounce { return rows }, true,
		},
		"a row arrives after the second page is read, but before " +
			"the first": {func(q upstream.ListQuery, rows []upstream.Bounce) []upstream.Bounce {
			if q.Offset == 0 {
				rows, _ = later.Bounces(context.Background(), q)
			}
			return rows
		}, false},
		"a row arrives after the first page is read, but before " +
			"the second": {func(q upstream.ListQuery, rows []upstream.Bounce) []upstream.Bounce {
			if q.Offset > 0 {
				rows, _ = later.Bounces(context.Background(), q)
			}
			return rows
		}, true},
		"the list is not sorted": {func(_ upstream.ListQuery, rows []upstream.Bounce) []upstream.Bounce {
			rows[3], rows[5] = rows[5], rows[3]
			return rows
		}, false},
		"a row comes twice": {func(_ upstream.ListQuery, rows []upstream.Bounce) []upstream.Bounce {
			rows[4] = rows[3]
			return rows
		}, false},
		"a row is from outside the window": {func(_ upstream.ListQuery, rows []upstream.Bounce) []upstream.Bounce {
			rows[0].BounceTime = window.Start - 1
			return rows
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			model := upstreamtest.NewModel(listed(n))
			api := upstream.Around(model, func(ctx context.Context, q *upstream.Question,
				next upstream.Asker) (any, error) {
				answer, err := next.Ask(ctx, q)
				if rows, ok := answer.([]upstream.Bounce); ok {
					answer = c.answer(q.ListQuery, slices.Clone(rows))
				}
				return answer, err
			})
			lists, err := loaders.New(api, time.Unix(int64(now), 0)).Lists.One(everyone(t), listsKey(3))
			if err != nil || (lists != nil) != c.splits {
				t.Fatalf("split: %v, %v", lists != nil, err)
			}
			if lists == nil {
				return
			}
			for s := range upstream.ID(3) {
				rows := loaders.PageOf[upstream.Bounce](lists, 1000+s, window.Start, 0)
				want, _ := model.Bounces(t.Context(), upstream.ListQuery{Window: window, SenderID: 1000 + s})
				if !slices.EqualFunc(rows, want, func(a, b upstream.Bounce) bool { return a.EmailID == b.EmailID }) {
					t.Errorf("sender %d has %d rows, want %d", 1000+s, len(rows), len(want))
				}
			}
		})
	}
}

// The counts that found the senders tell what is cheaper. If they are those of another window, a counts call tells,
// unless the senders are few.
func TestListsAreReadTogetherIfThatTakesFewerCalls(t *testing.T) {
	t.Parallel()
	half := upstream.Window{Start: window.Start, End: window.Start + 43200}
	longer := upstream.Window{Start: window.Start - 86400, End: window.End}
	for name, c := range map[string]struct {
		rows, size int
		found      upstream.Window
		calls      int // with the counts that found the senders
		together   bool
	}{
		"one page for two":                {400, 2, window, 1 + 1, true},
		"two pages for three":             {700, 3, window, 1 + 2, true},
		"two pages for two":               {700, 2, window, 1, false},
		"no rows":                         {0, 5, window, 1 + 1, true},
		"one":                             {400, 1, window, 0, false},
		"a longer window":                 {700, 3, longer, 1 + 2, true},
		"a shorter window of four":        {700, 4, half, 1 + 2, true},
		"a shorter window of three":       {400, 3, half, 0, false},
		"a shorter window with many rows": {1440, 3, half, 0, false},
		"pages that are full to the end":  {999, 4, window, 1 + 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := &upstreamtest.Counting{API: upstreamtest.NewModel(listed(c.rows))}
			k := listsKey(c.size)
			k.Found = c.found
			lists, err := loaders.New(api, time.Unix(int64(now), 0)).Lists.One(everyone(t), k)
			if err != nil || (lists != nil) != c.together || api.Total() != c.calls {
				t.Errorf("%d calls, want %d; together: %v, %v", api.Total(), c.calls, lists != nil, err)
			}
		})
	}
}

// If the list over all fails, so do the lists. If the counts fail, which only tell what is cheaper, each list is
// read by itself.
func TestFailedCountsDoNotFailLists(t *testing.T) {
	t.Parallel()
	down := &upstream.Error{Code: upstream.Unavailable}
	for path, want := range map[string]error{"/bounces": down, "/bounce/counts": nil} {
		api := &upstreamtest.Counting{API: upstreamtest.NewModel(listed(9)),
			Before: func(_ context.Context, call string) error {
				if strings.HasPrefix(call, path+"?") {
					return down
				}
				return nil
			}}
		if lists, err := loaders.New(api, time.Unix(int64(now), 0)).Lists.One(everyone(t), listsKey(3)); lists != nil ||
			!errors.Is(err, want) {
			t.Errorf("%s: %v, %v", path, lists != nil, err)
		}
	}
}
