package auth_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// limit returns an asker or a fake as a caller may see it, with typed calls.
func limit(next any, c auth.Caller, mask auth.Mask) upstream.API {
	asker, ok := next.(upstream.Asker)
	if !ok {
		asker = upstreamtest.Asker(next.(upstreamtest.API))
	}
	return upstream.API{Asker: auth.Limit(asker, c, mask)}
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
		b := upstream.Bounce{
			UserID: user, SenderID: sender, EmailID: id, EmailAddress: fmt.Sprintf("r%d@example%d.com", i%50, i%3),
			Local: fmt.Sprintf("r%d", i%50), Domain: fmt.Sprintf("example%d.com", i%3),
			Type: []upstream.BounceType{upstream.Hard, upstream.Soft}[i%2], Category: "other", Code: "5.0.0",
			BounceTime: at, ProcessTime: at,
		}
		users := []upstream.ID{user}
		if i%50 == 7 {
			users = append(users, 41-user%2)
		}
		for _, u := range users {
			b.UserID = u
			if u >= 40 {
				b.UserID -= 20
			}
			rows.Bounces = append(rows.Bounces,
				upstreamtest.Rows{
					Bounces: []upstream.BounceDetail{{Bounce: b, DiagnosticCode: "smtp;550", RuleName: "rule"}},
				}.Bounces...)
			rows.Emails = append(rows.Emails,
				upstream.Email{
					UserID: b.UserID, SenderID: sender, EmailID: id, EmailAddress: b.EmailAddress, Local: b.Local,
					Domain: b.Domain, ProcessTime: at, Delivered: i%3 == 0,
				})
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
			s := upstream.SeriesQuery{
				CountQuery: counts,
				Interval:   rapid.SampledFrom([]upstream.Interval{upstream.Hour, upstream.Day}).Draw(t, "interval"),
			}
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
		ask   func(upstreamtest.API) (int, error)
		calls []string
	}{
		"no users": {
			nil, func(a upstreamtest.API) (int, error) { return length(a.Emails(ctx, upstream.ListQuery{Window: w})) },
			nil,
		},
		"a list of another user": {[]upstream.ID{20, 21}, func(a upstreamtest.API) (int, error) {
			return length(a.BlockedEmails(ctx, upstream.ListQuery{Window: w, UserID: 22}))
		}, nil},
		"a list of one user of several": {[]upstream.ID{20, 21}, func(a upstreamtest.API) (int, error) {
			return length(a.Emails(ctx, upstream.ListQuery{Window: w, UserID: 21, Offset: 1000}))
		}, []string{"/emails" + at + "&user_id=21&offset=1000"}},
		"a list of the only user": {[]upstream.ID{21}, func(a upstreamtest.API) (int, error) {
			return length(a.Bounces(ctx, upstream.ListQuery{Window: w, SenderID: 211, Offset: 50}))
		}, []string{"/bounces" + at + "&user_id=21&sender_id=211&offset=50"}},
		"a list of several": {[]upstream.ID{22, 23}, func(a upstreamtest.API) (int, error) {
			return length(a.Emails(ctx, upstream.ListQuery{Window: w, Domain: "example1.com"}))
		}, []string{
			"/emails" + at + "&user_id=22&domain=example1.com", "/emails" + at + "&user_id=23&domain=example1.com",
		}},
		"counts of another user": {[]upstream.ID{20}, func(a upstreamtest.API) (int, error) {
			return length(a.Counts(ctx, upstream.Emails, upstream.CountQuery{Window: w, UserID: 21}))
		}, nil},
		"counts of several": {[]upstream.ID{20, 21}, func(a upstreamtest.API) (int, error) {
			return length(a.Counts(ctx, upstream.Emails, upstream.CountQuery{Window: w, Rollup: upstream.ByUser}))
		}, []string{
			"/email/counts" + at + "&user_id=20&rollup_to=user", "/email/counts" + at + "&user_id=21&rollup_to=user",
		}},
		"series of several": {[]upstream.ID{20, 21}, func(a upstreamtest.API) (int, error) {
			return length(a.Series(ctx, upstream.Bounces,
				upstream.SeriesQuery{CountQuery: upstream.CountQuery{Window: w}, Interval: upstream.Day}))
		}, []string{
			"/bounce/counts" + at + "&user_id=20&timeseries=day", "/bounce/counts" + at + "&user_id=21&timeseries=day",
		}},
		"counts by user of many": {[]upstream.ID{20, 21, 1, 2, 3, 4, 5, 6, 7}, func(a upstreamtest.API) (int, error) {
			rows, err := a.Counts(ctx, upstream.Emails, upstream.CountQuery{Window: w, Rollup: upstream.ByUser})
			if len(rows) != 2 || rows[0].ID != 20 || rows[1].ID != 21 {
				t.Errorf("got %v", rows)
			}
			return len(rows), err
		}, []string{"/email/counts" + at + "&rollup_to=user"}},
		"counts by user of another than many": {[]upstream.ID{20, 21, 1, 2, 3, 4, 5, 6, 7},
			func(a upstreamtest.API) (int, error) {
				return length(a.Counts(ctx, upstream.Emails,
					upstream.CountQuery{Window: w, Rollup: upstream.ByUser, UserID: 22}))
			}, nil},
		"a detail of another user": {[]upstream.ID{20}, func(a upstreamtest.API) (int, error) {
			_, err := a.Bounce(ctx, upstream.BounceKey{UserID: 21, SenderID: 210, BounceTime: day, EmailID: "x"})
			return 0, ignore(err, upstream.NotFound)
		}, nil},
		"the catalogues are for all": {nil, func(a upstreamtest.API) (int, error) {
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

// Long offsets in lists of several users cost few calls if counts say how far to jump; otherwise rows are read, up to a
// limit.
func TestLongOffsetsCostFewCalls(t *testing.T) {
	t.Parallel()
	var rows upstreamtest.Rows
	for i := range 130_000 {
		at := day + upstream.Time(i/100)
		rows.Emails = append(rows.Emails, upstream.Email{
			UserID: 20 + upstream.ID(i%2), SenderID: 200,
			EmailID: fmt.Sprintf("%s.%06d", at.UTC().Format("20060102150405"), i), EmailAddress: "r@example.com",
			Domain: "example.com", ProcessTime: at,
		})
	}
	counting := &upstreamtest.Counting{API: &sorted{rows: rows.Emails}}
	api := limit(counting, reader(20, 21), auth.Mask{})
	w := upstream.Window{Start: day - 10*86400, End: day + 10*86400}
	for name, c := range map[string]struct {
		q    upstream.ListQuery
		most int
	}{
		"the start":       {upstream.ListQuery{Window: w}, 2},
		"the second page": {upstream.ListQuery{Window: w, Offset: 500}, 4},
		"far away":        {upstream.ListQuery{Window: w, Offset: 70_123}, 2 + 2 + 2*4 + 30},
		"from within an hour": {
			upstream.ListQuery{Window: upstream.Window{Start: day + 100, End: w.End}, Offset: 60_123}, 2 + 2 + 2*4 + 30,
		},
		"the end":        {upstream.ListQuery{Window: w, Offset: 129_990}, 2 + 2 + 2*4 + 30},
		"behind the end": {upstream.ListQuery{Window: w, Offset: 131_000}, 2 + 2 + 2*5 + 30},
		"read, not jumped": {
			upstream.ListQuery{Window: w, Domain: "example.com", Offset: 20_000}, 2 + 20_500/500 + 1,
		},
		"a filter of a sender": {upstream.ListQuery{Window: w, SenderID: 200, Offset: 70_123}, 2 + 2 + 2*4 + 30},
	} {
		t.Run(name, func(t *testing.T) {
			counting.Reset()
			got, err := api.Emails(t.Context(), c.q)
			if err != nil {
				t.Fatal(err)
			}
			all := rows.Emails[max(0, c.q.Window.Start-day)*100:]
			want := all[min(c.q.Offset, len(all)):min(c.q.Offset+500, len(all))]
			if len(got) != len(want) || len(got) > 0 &&
				(got[0].EmailID != want[0].EmailID || got[len(got)-1].EmailID != want[len(want)-1].EmailID) {
				t.Errorf("%d rows, want %d", len(got), len(want))
			}
			if counting.Total() > c.most {
				t.Errorf("%d calls, want at most %d", counting.Total(), c.most)
			}
		})
	}
	t.Run("too far to be read", func(t *testing.T) {
		counting.Reset()
		_, err := api.Emails(t.Context(), upstream.ListQuery{Window: w, Domain: "example.com", Offset: 120_000})
		var u *upstream.Error
		if !errors.As(err, &u) || u.Code != upstream.InvalidArgument || u.Status != 0 ||
			u.Parameter != "filter.userId" || !strings.Contains(u.Message, "name one user") {
			t.Errorf("%v", err)
		}
		if n := counting.Total(); n > 202 {
			t.Errorf("%d calls", n)
		}
	})
}

// sorted is an API over many emails in list order that is fast.
type sorted struct {
	upstreamtest.API
	rows []upstream.Email
}

func (s *sorted) in(w upstream.Window) []upstream.Email {
	at := func(t upstream.Time) int {
		i, _ := slices.BinarySearchFunc(s.rows, t,
			func(e upstream.Email, t upstream.Time) int { return int(e.ProcessTime - t) })
		return i
	}
	return s.rows[at(w.Start):at(w.End)]
}

func (s *sorted) Emails(_ context.Context, q upstream.ListQuery) ([]upstream.Email, error) {
	var page []upstream.Email
	n := 0
	for _, e := range s.in(q.Window) {
		if e.UserID == q.UserID {
			if n++; n > q.Offset {
				page = append(page, e)
			}
		}
		if len(page) == upstream.PageSize {
			break
		}
	}
	return page, nil
}

func (s *sorted) Counts(_ context.Context, _ upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	c := upstream.Count{ID: q.UserID}
	for _, e := range s.in(q.Window) {
		if e.UserID == q.UserID {
			c.Total++
		}
	}
	return []upstream.Count{c}, nil
}

func (s *sorted) Series(_ context.Context, _ upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	one := upstream.Series{ID: q.UserID}
	for _, e := range s.in(q.Window) {
		start := q.Interval.Floor(e.ProcessTime)
		if n := len(one.Points); e.UserID == q.UserID && (n == 0 || one.Points[n-1].Start != start) {
			one.Points = append(one.Points, upstream.Point{Start: start})
		}
		if e.UserID == q.UserID {
			one.Points[len(one.Points)-1].Total++
		}
	}
	return []upstream.Series{one}, nil
}

// Data that was not requested is never passed on.
func TestDataOfOtherUsersNeverPasses(t *testing.T) {
	t.Parallel()
	api := limit(deaf{upstreamtest.NewModel(crowd())}, reader(22, 23), auth.Mask{})
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
				upstream.SeriesQuery{
					CountQuery: upstream.CountQuery{Window: w, Rollup: upstream.ByUser}, Interval: upstream.Day,
				}))
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

// deaf is an API that ignores the requested user.
type deaf struct{ upstreamtest.API }

func (d deaf) Emails(ctx context.Context, q upstream.ListQuery) ([]upstream.Email, error) {
	q.UserID = 0
	return d.API.Emails(ctx, q)
}

func (d deaf) Bounces(ctx context.Context, q upstream.ListQuery) ([]upstream.Bounce, error) {
	q.UserID = 0
	return d.API.Bounces(ctx, q)
}

func (d deaf) Bounce(context.Context, upstream.BounceKey) (upstream.BounceDetail, error) {
	return crowd().Bounces[0], nil
}

func (d deaf) Counts(ctx context.Context, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	q.UserID = 0
	return d.API.Counts(ctx, k, q)
}

func (d deaf) Series(ctx context.Context, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	q.UserID = 0
	return d.API.Series(ctx, k, q)
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
				upstream.SeriesQuery{CountQuery: upstream.CountQuery{Window: w}, Interval: upstream.Hour}))
		},
	} {
		if n, err := ask(); !errors.Is(err, down) || n != 0 {
			t.Errorf("%s: %d rows, %v", name, n, err)
		}
	}
}

// Merging lists never loses or repeats a row, even while rows arrive between two pages of one user's list.
func TestMergingNeverLosesOrRepeatsRows(t *testing.T) {
	t.Parallel()
	model := upstreamtest.NewModel(crowd())
	w := upstream.Window{Start: day, End: day + 3*86400}
	q := upstream.ListQuery{Window: w, Offset: 600}
	want, err := model.Limit([]upstream.ID{20, 21}).Emails(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	counting := &upstreamtest.Counting{API: model}
	arrived := 0
	counting.Before = func(_ context.Context, call string) error {
		if strings.Contains(call, "offset=499") && arrived < 3 { // a second page: the first has been read
			arrived++
			e := upstream.Email{
				UserID: 20, SenderID: 200, EmailID: fmt.Sprintf("20161122000000.new%d", arrived),
				EmailAddress: "new@example1.com", Domain: "example1.com", ProcessTime: day,
			}
			model.Add(upstreamtest.Rows{Emails: []upstream.Email{e}})
		}
		return nil
	}
	got, err := limit(counting, reader(20, 21), auth.Mask{}).Emails(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	if arrived == 0 {
		t.Fatal("nothing arrived")
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

// wide is an API that answers some lists of emails for a window that is a day longer at both ends.
type wide struct {
	upstreamtest.API
	wrong func() bool
}

func (a wide) Emails(ctx context.Context, q upstream.ListQuery) ([]upstream.Email, error) {
	if a.wrong() {
		q.Window.Start, q.Window.End = q.Window.Start-86400, q.Window.End+86400
	}
	return a.API.Emails(ctx, q)
}

// Rows outside the window are not merged. Rows missing between pages, because only one of them counts such rows, are an
// error.
func TestRowsOutsideTheWindowAreNotMerged(t *testing.T) {
	t.Parallel()
	model := upstreamtest.NewModel(crowd())
	for name, odds := range map[string]int{"always": 100, "now and then": 40} {
		random := rand.New(rand.NewPCG(1, 2))
		var mu sync.Mutex
		api := limit(wide{model, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return random.IntN(100) < odds
		}}, reader(20, 21), auth.Mask{})
		answered := 0
		const asked = 36
		for n := range asked {
			q := upstream.ListQuery{
				Window: upstream.Window{Start: day + 86400, End: day + 2*86400},
				Offset: []int{0, 1, 300, 499, 600, 1100}[n%6],
			}
			want, err := model.Limit([]upstream.ID{20, 21}).Emails(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			got, err := api.Emails(t.Context(), q)
			if odds < 100 && upstream.CodeOf(err) == upstream.InvalidResponse {
				continue
			}
			answered++
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(want, got, cmpopts.EquateEmpty()); d != "" {
				t.Fatalf("%s, from %d on: %.2000s", name, q.Offset, d)
			}
		}
		if answered == 0 || odds < 100 && answered == asked {
			t.Errorf("%s: %d answers", name, answered)
		}
	}
}

// A sender used by two users is one row, as it is upstream.
func TestSendersOfTwoUsersAreOneRow(t *testing.T) {
	t.Parallel()
	model := upstreamtest.NewModel(crowd())
	users := []upstream.ID{20, 21}
	api, want := limit(model, reader(users...), auth.Mask{}), model.Limit(users)
	q := upstream.CountQuery{Window: upstream.Window{Start: day, End: day + 3*86400}}
	got, err := api.Counts(t.Context(), upstream.Bounces, q)
	counts, _ := want.Counts(t.Context(), upstream.Bounces, q)
	if d := cmp.Diff(counts, got); d != "" || err != nil {
		t.Error(d, err)
	}
	s := upstream.SeriesQuery{CountQuery: q, Interval: upstream.Hour}
	gotSeries, err := api.Series(t.Context(), upstream.Bounces, s)
	series, _ := want.Series(t.Context(), upstream.Bounces, s)
	if d := cmp.Diff(series, gotSeries); d != "" || err != nil {
		t.Error(d, err)
	}
}
