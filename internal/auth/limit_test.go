package auth_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/upstreamtest"
)

// limit returns an API as a caller may see it.
func limit(next upstream.Asker, c auth.Caller, mask auth.Mask) upstream.API {
	return upstream.API{Asker: auth.Limit(next, c, mask)}
}

const day upstream.Time = 1479772800 // 2016-11-22

// crowd returns n emails and bounces of users 20 to 23 over three days, some in crowded seconds, and some of the same
// email for two users. A quarter belong to users 22 and 23.
var crowd = sync.OnceValue(func() upstreamtest.Rows {
	const n = 3000
	var rows upstreamtest.Rows
	for i := range n {
		user := upstream.ID([]int{20, 21, 20, 21, 20, 21, 22, 23}[i*5%8])
		sender := user*10 + upstream.ID(i%3)
		at := day + upstream.Time(i*3*86400/n)
		if i%4 == 1 {
			at = day + upstream.Time(i/700)*40_000 // hundreds in one second
		}
		id := fmt.Sprintf("%s.%06d", at.UTC().Format("20060102150405"), i*7919%n)
		local, domain := fmt.Sprintf("r%d", i%50), fmt.Sprintf("example%d.com", i%3)
		e := store.Event{
			Identity: upstream.Identity{
				Time: at, EmailID: id, Recipient: local + "@" + domain, UserID: user, SenderID: sender,
			},
			Local: local, Domain: domain,
			Own: store.Own{
				Delivered: i%3 == 0, ProcessTime: at, Type: []upstream.BounceType{upstream.Hard, upstream.Soft}[i%2],
				Category: "other", Code: "5.0.0", DiagnosticCode: "smtp;550", RuleName: "rule",
			},
		}
		rows.Append(upstreamtest.RowsOf(e))
		if i%50 == 7 { // another user's too
			if e.UserID = 41 - user%2; e.UserID >= 40 {
				e.UserID -= 20
			}
			rows.Append(upstreamtest.RowsOf(e))
		}
	}
	return rows
})

func someUsers(t *rapid.T) []upstream.ID {
	users := rapid.SliceOfNDistinct(rapid.SampledFrom([]upstream.ID{20, 21, 22, 23, 999}), 0, 4,
		rapid.ID[upstream.ID]).Draw(t, "users")
	if rapid.IntRange(0, 3).Draw(t, "many") == 0 { // most of them without data
		for u := range upstream.ID(10) {
			users = append(users, 1000+u)
		}
	}
	return users
}

func windows(t *rapid.T) upstream.Window {
	moment := rapid.OneOf(
		rapid.SampledFrom([]upstream.Time{day - 5, day, day + 3*86400}),
		rapid.Map(rapid.IntRange(-5000, 3*86400+5000), func(n int) upstream.Time { return day + upstream.Time(n) }))
	a, b := moment.Draw(t, "start"), moment.Draw(t, "end")
	return upstream.Window{Start: min(a, b), End: max(a, b) + 1}
}

func filters(t *rapid.T, q *upstream.ListQuery) {
	q.UserID = rapid.SampledFrom([]upstream.ID{0, 0, 0, 0, 20, 23, 999}).Draw(t, "user")
	q.SenderID = rapid.SampledFrom([]upstream.ID{0, 0, 0, 201, 231}).Draw(t, "sender")
}

// A caller limited to some users gets the answers of an API that has only these users' data.
func TestALimitedAPIIsOneOfItsUsersData(t *testing.T) {
	t.Parallel()
	all := upstreamtest.NewModel(crowd())
	rapid.Check(t, func(t *rapid.T) {
		users := someUsers(t)
		got, want := limit(all, reader(users...), auth.Mask{}), all.Limit(append([]upstream.ID{}, users...))
		q := upstream.ListQuery{Window: windows(t)}
		filters(t, &q)
		counts := upstream.CountQuery{
			Window: q.Window, UserID: q.UserID, SenderID: q.SenderID,
			Rollup: rapid.SampledFrom([]upstream.Rollup{upstream.BySender, upstream.ByUser}).Draw(t, "rollup"),
		}
		q.Offset = rapid.OneOf(rapid.SampledFrom([]int{0, 1, 499, 500, 501}), rapid.IntRange(0, 3200)).Draw(t, "offset")
		if rapid.Bool().Draw(t, "uncountable") {
			q.Domain = "example1.com"
		}
		ctx := context.Background()
		switch rapid.SampledFrom([]string{"emails", "bounces", "counts", "series", "bounce"}).Draw(t, "call") {
		case "emails":
			q.Delivered = rapid.Bool().Draw(t, "delivered")
			same(t)(got.Emails(ctx, q))(want.Emails(ctx, q))
		case "bounces":
			q.BounceType = rapid.SampledFrom([]upstream.BounceType{"", "", upstream.Hard}).Draw(t, "type")
			same(t)(got.Bounces(ctx, q))(want.Bounces(ctx, q))
		case "counts":
			k := rapid.SampledFrom(upstream.Kinds[:]).Draw(t, "kind")
			same(t)(got.Counts(ctx, k, counts))(want.Counts(ctx, k, counts))
		case "series":
			k := rapid.SampledFrom(upstream.Kinds[:]).Draw(t, "kind")
			s := counts.Per(rapid.SampledFrom([]upstream.Interval{upstream.Hour, upstream.Day}).Draw(t, "interval"))
			same(t)(got.Series(ctx, k, s))(want.Series(ctx, k, s))
		case "bounce":
			b := rapid.SampledFrom(crowd().Bounces).Draw(t, "bounce")
			d, err := got.Bounce(ctx, b.Key())
			if in := slices.Contains(users, b.UserID); in != (err == nil) || in && d.Key() != b.Key() ||
				!in && upstream.CodeOf(err) != upstream.NotFound {
				t.Errorf("%v for %v: %v", b.Key(), users, err)
			}
		}
	})
}

// same compares two answers; nil and empty rows are equal.
func same(t *rapid.T) func(got any, err error) func(want any, err error) {
	return func(got any, err error) func(want any, err error) {
		if err != nil {
			t.Fatal(err)
		}
		return func(want any, err error) {
			if err != nil {
				t.Fatal(err)
			}
			if a, b := fmt.Sprintf("%v", got), fmt.Sprintf("%v", want); a != b {
				t.Fatal(cmp.Diff(want, got))
			}
		}
	}
}

// Calls of a caller limited to some users are narrowed to them before they go upstream.
func TestLimitedCallsAreNarrowed(t *testing.T) {
	t.Parallel()
	w := upstream.Window{Start: day, End: day + 3*86400}
	const at = "?start_time=1479772800&end_time=1480032000"
	ctx := t.Context()
	cases := map[string]struct {
		users []upstream.ID
		ask   func(upstream.API) (int, error)
		calls []string
	}{
		"no users": {
			nil, func(a upstream.API) (int, error) { return length(a.Emails(ctx, upstream.ListQuery{Window: w})) },
			nil,
		},
		"a list of another user": {[]upstream.ID{20, 21}, func(a upstream.API) (int, error) {
			return length(a.Bounces(ctx, upstream.ListQuery{Window: w, UserID: 22}))
		}, nil},
		"a list of one user of several": {[]upstream.ID{20, 21}, func(a upstream.API) (int, error) {
			return length(a.Emails(ctx, upstream.ListQuery{Window: w, UserID: 21, Offset: 1000}))
		}, []string{"/emails" + at + "&user_id=21&offset=1000"}},
		"a list of the only user": {[]upstream.ID{21}, func(a upstream.API) (int, error) {
			return length(a.Bounces(ctx, upstream.ListQuery{Window: w, SenderID: 211, Offset: 50}))
		}, []string{"/bounces" + at + "&user_id=21&sender_id=211&offset=50"}},
		"a list of several": {[]upstream.ID{22, 23}, func(a upstream.API) (int, error) {
			return length(a.Emails(ctx, upstream.ListQuery{Window: w, Domain: "example1.com"}))
		}, []string{
			"/emails" + at + "&user_id=22&domain=example1.com", "/emails" + at + "&user_id=23&domain=example1.com",
		}},
		"counts of another user": {[]upstream.ID{20}, func(a upstream.API) (int, error) {
			return length(a.Counts(ctx, upstream.Emails, upstream.CountQuery{Window: w, UserID: 21}))
		}, nil},
		"counts of several": {[]upstream.ID{20, 21}, func(a upstream.API) (int, error) {
			return length(a.Counts(ctx, upstream.Emails, upstream.CountQuery{Window: w, Rollup: upstream.ByUser}))
		}, []string{
			"/email/counts" + at + "&user_id=20&rollup_to=user", "/email/counts" + at + "&user_id=21&rollup_to=user",
		}},
		"series of several": {[]upstream.ID{20, 21}, func(a upstream.API) (int, error) {
			return length(a.Series(ctx, upstream.Bounces,
				upstream.CountQuery{Window: w, Interval: upstream.Day}))
		}, []string{
			"/bounce/counts" + at + "&user_id=20&timeseries=day", "/bounce/counts" + at + "&user_id=21&timeseries=day",
		}},
		"counts by user of many": {[]upstream.ID{20, 21, 1, 2, 3, 4, 5, 6, 7}, func(a upstream.API) (int, error) {
			rows, err := a.Counts(ctx, upstream.Emails, upstream.CountQuery{Window: w, Rollup: upstream.ByUser})
			if len(rows) != 2 || rows[0].ID != 20 || rows[1].ID != 21 {
				t.Errorf("got %v", rows)
			}
			return len(rows), err
		}, []string{"/email/counts" + at + "&rollup_to=user"}},
		"counts by user of another than many": {[]upstream.ID{20, 21, 1, 2, 3, 4, 5, 6, 7},
			func(a upstream.API) (int, error) {
				return length(a.Counts(ctx, upstream.Emails,
					upstream.CountQuery{Window: w, Rollup: upstream.ByUser, UserID: 22}))
			}, nil},
		"a detail of another user": {[]upstream.ID{20}, func(a upstream.API) (int, error) {
			_, err := a.Bounce(ctx, upstream.BounceKey{UserID: 21, SenderID: 210, BounceTime: day, EmailID: "x"})
			return 0, ignore(err, upstream.NotFound)
		}, nil},
		"the catalogues are for all": {nil, func(a upstream.API) (int, error) {
			n, err := length(a.BounceCategories(ctx))
			m, err2 := length(a.BlockedReasons(ctx))
			return n + m, errors.Join(err, err2)
		}, []string{"/blocked-email/reasons", "/bounce/categories"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			api := &upstreamtest.Counting{API: upstreamtest.NewModel(crowd())}
			rows, err := c.ask(limit(api, reader(c.users...), auth.Mask{}))
			if err != nil || (rows > 0) != (len(c.calls) > 0) {
				t.Errorf("%d rows, %v", rows, err)
			}
			var calls []string
			for call := range api.Calls() {
				calls = append(calls, call)
			}
			slices.Sort(calls)
			if d := cmp.Diff(c.calls, calls); d != "" || api.Total() != len(c.calls) {
				t.Errorf("%d calls: %s", api.Total(), d)
			}
		})
	}
}

// reader returns a caller that may read all data of these users.
func reader(users ...upstream.ID) auth.Caller {
	return auth.Caller{Users: auth.Only(users...), Scopes: auth.AllScopes}
}

func length[T any](rows []T, err error) (int, error) { return len(rows), err }

func ignore(err error, code upstream.Code) error {
	if upstream.CodeOf(err) == code {
		return nil
	}
	return fmt.Errorf("want %s, got %w", code, err)
}

// Data that was not requested is never passed on.
func TestDataOfOtherUsersNeverPasses(t *testing.T) {
	t.Parallel()
	api := limit(upstream.Around(upstreamtest.NewModel(crowd()), deaf), reader(22, 23), auth.Mask{})
	w := upstream.Window{Start: day, End: day + 3*86400}
	ctx := t.Context()
	for name, ask := range map[string]func() (int, error){
		"a list": func() (int, error) { return length(api.Emails(ctx, upstream.ListQuery{Window: w})) },
		"a list of one": func() (int, error) {
			return length(api.Bounces(ctx, upstream.ListQuery{Window: w, UserID: 22}))
		},
		"counts": func() (int, error) {
			return length(api.Counts(ctx, upstream.Emails, upstream.CountQuery{Window: w, Rollup: upstream.ByUser}))
		},
		"counts of one": func() (int, error) {
			return length(api.Counts(ctx, upstream.Emails,
				upstream.CountQuery{Window: w, UserID: 22, Rollup: upstream.ByUser}))
		},
		"a time series": func() (int, error) {
			return length(api.Series(ctx, upstream.Emails,
				upstream.CountQuery{Window: w, Rollup: upstream.ByUser, Interval: upstream.Day}))
		},
		"a detail of another": func() (int, error) {
			_, err := api.Bounce(ctx, upstream.BounceKey{UserID: 22, SenderID: 220, BounceTime: day, EmailID: "x"})
			return 0, err
		},
	} {
		if n, err := ask(); upstream.CodeOf(err) != upstream.InvalidResponse || n != 0 {
			t.Errorf("%s: %d rows, %v", name, n, err)
		}
	}
}

// deaf answers as if no user was requested.
func deaf(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
	if q.Shape == upstream.ShapeDetail {
		return crowd().Bounces[0], nil
	}
	all := *q
	all.UserID = 0
	return next.Ask(ctx, &all)
}

// If the call for one user fails, so does the answer: without this user it would be wrong.
func TestFailureForOneUserFailsTheAnswer(t *testing.T) {
	t.Parallel()
	down := &upstream.Error{Code: upstream.Unavailable}
	counting := &upstreamtest.Counting{API: upstreamtest.NewModel(crowd()),
		Before: func(_ context.Context, call string) error {
			if strings.Contains(call, "user_id=21") {
				return down
			}
			return nil
		}}
	api := limit(counting, reader(20, 21, 22), auth.Mask{})
	w := upstream.Window{Start: day, End: day + 3*86400}
	for name, ask := range map[string]func() (int, error){
		"a list": func() (int, error) { return length(api.Emails(t.Context(), upstream.ListQuery{Window: w})) },
		"a far offset": func() (int, error) {
			return length(api.Emails(t.Context(), upstream.ListQuery{Window: w, Offset: 2000}))
		},
		"counts": func() (int, error) {
			return length(api.Counts(t.Context(), upstream.Emails, upstream.CountQuery{Window: w}))
		},
		"a time series": func() (int, error) {
			return length(api.Series(t.Context(), upstream.Emails,
				upstream.CountQuery{Window: w, Interval: upstream.Hour}))
		},
	} {
		if n, err := ask(); !errors.Is(err, down) || n != 0 {
			t.Errorf("%s: %d rows, %v", name, n, err)
		}
	}
}
