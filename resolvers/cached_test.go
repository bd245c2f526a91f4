package resolvers_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/internal/auth"
	"deliverygraph/resolvers/cost"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/upstreamtest"
)

// remembering puts a cache between the resolvers and the REST client, with the gateway's clock and settings for
// a remote upstream.
func (g *gateway) remembering(observe func(context.Context, cached.Lookup)) {
	g.t.Helper()
	g.rememberingWith(observe, cost.Options{})
}

func (g *gateway) rememberingWith(observe func(context.Context, cached.Lookup), e cost.Options) {
	g.t.Helper()
	g.rememberingOver(g.client, observe, e)
}

func (g *gateway) rememberingOver(api upstream.Asker, observe func(context.Context, cached.Lookup), e cost.Options) {
	g.t.Helper()
	c, err := cached.New(upstream.Around(api, operation.Budget), cached.Options{
		Bytes: cached.DefaultBytes, Settle: cached.DefaultSettle, Fresh: cached.DefaultFresh,
		Catalogue: cached.DefaultCatalogue, MaxStale: cached.DefaultMaxStale, Now: g.now,
		Spare: operation.Spare,
		Observe: func(ctx context.Context, l cached.Lookup) {
			operation.Lookup(ctx, l)
			if observe != nil {
				observe(ctx, l)
			}
		},
	})
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(c.Close)
	e.Shared = cached.DefaultFresh
	g.serveWith(c, e)
}

// These are the calls of graphql.md with a cache, over a settled day and over a day that ends now. Cold is the
// first time, warm is immediately afterwards, later is ten seconds later. The first time, a day that ends now
// is fetched as a time series, whose settled hours are never fetched again. Only counts by sender cost one more
// call: a series has no addresses, so their settled hours are fetched separately.
func TestUpstreamCallsWithCache(t *testing.T) {
	t.Parallel()
	const w = `window: {between: {start: "2016-11-22T00:00:00Z", end: "2016-11-23T00:00:00Z"}}`
	const other = `window: {between: {start: "2016-11-22T06:00:00Z", end: "2016-11-23T00:00:00Z"}}`
	const all = `{ sent bounced hardBounced softBounced blocked bounceRate }`
	const series = `{ sent bounced blocked series(interval: DAY) { start sent bounced blocked } }`
	type figures struct{ cold, warm, later int }
	cases := map[string]struct {
		query         string
		settled, open figures
	}{
		"500 bounces of any users with sender address and user": {
			`{ bounces(` + w + `, first: 500) { nodes { sender { address } user { userId } } } }`,
			figures{2, 0, 0}, figures{3, 0, 1}, // the page is full of settled rows
		},
		"the last 20 bounces": {
			`{ bounces(` + w + `, last: 20) { nodes { id } } }`,
			figures{2, 0, 0}, figures{2, 0, 2},
		},
		"the senders of a window, each with sent, bounced and blocked over the same window": {
			`{ senders(` + w + `) { nodes { address stats(` + w + `) ` + all + ` } } }`,
			figures{3, 0, 0}, figures{6, 0, 3},
		},
		"the users of a window, each with all stats over the same window": {
			`{ users(` + w + `) { nodes { userId stats(` + w + `) ` + all + ` } } }`,
			figures{3, 0, 0}, figures{3, 0, 3},
		},
		"the same with series by day": {
			`{ users(` + w + `) { nodes { userId stats(` + w + `) ` + series + ` } } }`,
			figures{6, 0, 0}, figures{3, 0, 6},
		},
		"the senders of one user, with stats over another window": {
			`{ senders(` + w + `, userId: 21) { nodes { userId stats(` + other + `) ` + all + ` } } }`,
			figures{6, 0, 0}, figures{9, 0, 3}, // both windows have the same unsettled end
		},
		"100 bounces with detail, 40 of them the same as others": {
			`{ a: bounces(` + w + `, first: 60) { nodes { detail { diagnosticCode } } }
				b: bounces(` + w + `, first: 40) { nodes { detail { ruleName } } } }`,
			figures{61, 0, 0}, figures{61, 0, 0},
		},
		"the same field under ten aliases": {
			`{ ` + tenTimes(`bounces(`+w+`, first: 20) { totalCount nodes { recipient sender { address } } }`) + ` }`,
			figures{3, 0, 0}, figures{4, 0, 2},
		},
		"the catalogues": {
			`{ bounceCategories { code } blockedReasons { code } }`,
			figures{2, 0, 0}, figures{2, 0, 0},
		},
	}
	g := newGateway(t, rowsOfDay(700))
	for name, c := range cases {
		for when, want := range map[string]figures{"settled": c.settled, "open": c.open} {
			t.Run(name+", "+when, func(t *testing.T) {
				g.serve(g.client)
				g.later.Store(0)
				if when == "settled" {
					g.later.Store(3600)
				}
				uncached := g.data(c.query, nil)
				g.called()
				for _, clients := range []int{1, 2} { // two concurrent clients cost as many calls as one
					g.remembering(nil)
					var got figures
					for _, n := range []*int{&got.cold, &got.warm, &got.later} {
						var wg sync.WaitGroup
						for range clients {
							wg.Go(func() {
								if d := cmp.Diff(uncached, g.data(c.query, nil)); d != "" {
									t.Errorf("(-uncached +cached)\n%.2000s", d)
								}
							})
						}
						wg.Wait()
						*n = len(g.called())
						if n == &got.warm {
							g.later.Add(10)
						}
					}
					if got != want {
						t.Errorf("%d clients: calls cold, warm and later are %v, want %v", clients, got, want)
					}
				}
			})
		}
	}
}

// The filter names a user that the caller may not see, and the cache has another caller's answer to it.
func TestCacheNeverShowsRowsOutsideTheScope(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(100))
	g.remembering(nil)
	const query = `{ bounces(window: {last: "P1D"}, filter: {userId: 25}) { totalCount nodes { id } } }`
	if n := len(list(g.data(query, nil), "bounces", "nodes")); n == 0 {
		t.Fatal("there are no rows to hide")
	}
	g.called()
	data := g.dataAs(auth.Only(20, 21), query, nil)
	if n := len(list(data, "bounces", "nodes")); n != 0 || len(g.called()) != 0 {
		t.Errorf("a caller who may see users 20 and 21 sees %v", data)
	}
}

// Totals that are found by probing are remembered for callers who see the same rows, and only for them.
func TestRememberedTotalsBelongToTheirCallers(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(9000))
	const query = `{
		emails(window: {last: "P2D"}, filter: {deliveredOnly: true}, last: 3) { totalCount nodes { id } }
	}`
	callers := []auth.Users{auth.Everyone(), auth.Only(20), auth.Only(20, 21), auth.Only(22, 23, 24)}
	var want []map[string]any
	for _, who := range callers {
		want = append(want, g.dataAs(who, query, nil))
	}
	g.remembering(nil)
	for range 3 {
		for i, who := range callers {
			if d := cmp.Diff(want[i], g.dataAs(who, query, nil)); d != "" {
				t.Errorf("caller %d (-uncached +cached)\n%s", i, d)
			}
		}
		g.later.Add(20) // no rows arrive
	}
	g.called()
	g.later.Add(20)
	g.data(query, nil)
	if calls := g.called(); len(calls) != 1 {
		t.Errorf("the total is asked for again by %v", calls)
	}
}

// A reader who pages through 25 pages of 20 rows causes one call.
func TestPagesOfOneUpstreamPageShareACall(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(700))
	g.remembering(nil)
	g.called()
	var at any
	seen := map[any]bool{}
	for range 25 {
		data := g.data(`query($at: String) {
			bounces(window: {last: "P1D"}, first: 20, after: $at) { nodes { id } pageInfo { endCursor } }
		}`, map[string]any{"at": at})
		for _, r := range list(data, "bounces", "nodes") {
			seen[get(r, "id")] = true
		}
		at = get(data, "bounces", "pageInfo", "endCursor")
		g.later.Add(8)
	}
	if calls := g.called(); len(calls) != 1 || len(seen) != 500 {
		t.Errorf("%d rows for %d calls: %v", len(seen), len(calls), calls)
	}
}

// thirtyDays returns events of all kinds: every three hours for the 30 days before now, and every 90 s for the
// half hour after now.
func thirtyDays() upstreamtest.Rows {
	rows := rowsOfDay(0)
	for i := range 240 {
		rows.Append(rowsAt(now-30*86400+upstream.Time(i)*3*3600+1, i))
	}
	for i := range 20 {
		rows.Append(rowsAt(now+upstream.Time(i)*90, 240+i))
	}
	return rows
}

// dashboard queries stats of all kinds, from a fixed start to the gateway's current time.
func (g *gateway) dashboard() map[string]any {
	g.t.Helper()
	return g.data(`query($start: DateTime!, $end: DateTime!) {
		stats(window: {between: {start: $start, end: $end}}) { sent bounced hardBounced blocked bounceRate }
	}`, map[string]any{"start": now - 30*86400, "end": g.now().Unix()})
}

// The calls stay small when another hour settles.
func TestDashboardRefreshCostsThreeSmallCalls(t *testing.T) {
	t.Parallel()
	g := newGateway(t, thirtyDays())
	small := func(calls []string) (n int) {
		for _, c := range calls {
			_, query, _ := strings.Cut(c, "?")
			q, err := upstream.ParseQuestion(upstream.ShapeCounts, upstream.Bounces, query)
			if err != nil {
				t.Fatal(err)
			}
			if q.Window.End-q.Window.Start <= 3*3600 {
				n++
			}
		}
		return n
	}
	var all []map[string]any
	g.later.Store(1800)
	g.remembering(nil)
	g.called()
	for i := range 67 {
		all = append(all, g.dashboard())
		calls := g.called()
		// The first refreshes fetch everything, by day and then by hour.
		if i > 1 && small(calls) != len(calls) || len(calls) != 3 {
			t.Errorf("refresh %d costs %v", i, calls)
		}
		g.later.Add(30)
	}
	g.serve(g.client)
	for i := 0; i < len(all); i += 7 {
		g.later.Store(1800 + int64(i)*30)
		if d := cmp.Diff(g.dashboard(), all[i]); d != "" {
			t.Errorf("refresh %d (-uncached +cached)\n%s", i, d)
		}
	}
}

// During an outage a dashboard shows its last answers without an error, and the observer sees how old they are.
func TestDashboardShowsStaleAnswersInAnOutage(t *testing.T) {
	t.Parallel()
	g := newGateway(t, thirtyDays())
	var mu sync.Mutex
	stale := map[string]int{}
	g.remembering(func(_ context.Context, l cached.Lookup) {
		mu.Lock()
		defer mu.Unlock()
		if l.Stale {
			stale[fmt.Sprint(l.Question.Endpoint(), " ", l.Age)]++
		}
	})
	want := g.dashboard()
	g.mu.Lock()
	g.intrude = func(w http.ResponseWriter, _ *http.Request) bool {
		w.WriteHeader(http.StatusServiceUnavailable)
		return true
	}
	g.mu.Unlock()
	g.later.Add(60)
	if d := cmp.Diff(want, g.dashboard()); d != "" {
		t.Errorf("(-before +during the outage)\n%s", d)
	}
	each := map[string]int{"/email/counts 1m0s": 1, "/bounce/counts 1m0s": 1, "/blocked-email/counts 1m0s": 1}
	if d := cmp.Diff(each, stale); d != "" {
		t.Errorf("stale lookups (-want +got):\n%s", d)
	}
	g.later.Add(15 * 60)
	for _, e := range g.ask(`{ stats(window: {between: {start: 1477180800, end: 1479860000}}) { sent } }`, nil).Errors {
		if e.Extensions["code"] != "UPSTREAM_UNAVAILABLE" {
			t.Errorf("error for an answer that is not cached: %v", e)
		}
	}
	if g.ask(`{ stats(window: {between: {start: 1477180801, end: 1479860000}}) { sent } }`, nil).Errors == nil {
		t.Error("no error for an answer that is not cached")
	}
}

// The text of rows is reused as long as the rows are the same, and no longer: after a new answer arrives, lists
// show it. Other lists of the same rows show their own selection.
func TestReusedTextIsNeverOlderThanItsRows(t *testing.T) {
	t.Parallel()
	const w = `window: {between: {start: "2016-11-22T00:00:00Z", end: "2016-11-23T00:00:00Z"}}`
	const row = `emailId recipient type bouncedAt xHeaders { name value }`
	queries := map[string]string{
		"nodes":                 `{ bounces(` + w + `, first: 500) { nodes { ` + row + ` } } }`,
		"fewer":                 `{ bounces(` + w + `, first: 20) { nodes { ` + row + ` } } }`,
		"edges":                 `{ bounces(` + w + `, first: 500) { edges { cursor node { ` + row + ` } } } }`,
		"edges with only nodes": `{ bounces(` + w + `, first: 500) { edges { node { ` + row + ` } } } }`,
		"the same window as hours": `{
			bounces(window: {last: "PT24H"}, first: 500) { edges { cursor node { ` + row + ` } } }
		}`,
	}
	rows := rowsOfDay(60)
	g, uncached := newGateway(t, rows), newGateway(t, rows)
	g.remembering(nil)
	check := func(when string) {
		t.Helper()
		for range 3 {
			for name, q := range queries {
				if diff := cmp.Diff(uncached.data(q, nil), g.data(q, nil)); diff != "" {
					t.Fatalf("%s, %s: (-uncached +cached)\n%s", when, name, diff)
				}
			}
		}
	}
	check("at first")
	// The first of these bounces changes the list's first row.
	late := upstreamtest.Rows{Bounces: []upstream.BounceDetail{rows.Bounces[0], rows.Bounces[20]}}
	for i := range late.Bounces {
		late.Bounces[i].EmailID, late.Bounces[i].Category = fmt.Sprintf("19700101000000.%d@mail6-40", i), "late"
	}
	g.write(late)
	uncached.write(late)
	g.later.Store(10) // answers about a day that ends now are no longer fresh
	uncached.later.Store(10)
	check("later")
}
