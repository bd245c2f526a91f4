package resolvers_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/rest"
	"deliverygraph/upstream/upstreamtest"
)

// The number of upstream calls is part of the contract (graphql.md, "Batching, in upstream calls"). Each case
// counts calls at the REST server, without a cache.
func TestUpstreamCalls(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(700))
	const w = `window: {between: {start: 1479772800, end: "2016-11-23T00:00:00Z"}}`
	const other = `window: {between: {start: "2016-11-22T06:00:00Z", end: "2016-11-22T18:00:00Z"}}`
	const all = `{ sent bounced hardBounced softBounced blocked bounceRate hardBounceRate softBounceRate blockedRate }`
	const series = `{ sent bounced blocked series(interval: DAY) { start sent bounced hardBounced softBounced ` +
		`blocked } }`
	cases := map[string]struct {
		scope []upstream.ID // nil means everyone
		query string
		calls int
		check func(t *testing.T, data map[string]any)
	}{
		"500 bounces of any users with sender address and user": {
			query: `{ bounces(` + w + `, first: 500) { nodes { sender { address userId } user { userId } } } }`,
			calls: 2,
			check: func(t *testing.T, data map[string]any) {
				rows := list(data, "bounces", "nodes")
				if len(rows) != 500 {
					t.Errorf("%d rows", len(rows))
				}
				for i, r := range rows {
					u, _, address := senderOf(i)
					if get(r, "sender", "address") != address || get(r, "user", "userId") != fmt.Sprint(u) ||
						get(r, "sender", "userId") != fmt.Sprint(u) {
						t.Fatalf("row %d: %v, want %s of user %d", i, r, address, u)
					}
				}
			},
		},
		"the senders of a window, each with sent, bounced and blocked over the same window": {
			query: `{ senders(` + w + `) { totalCount nodes { address stats(` + w + `) ` + all + ` } } }`,
			calls: 3,
			check: func(t *testing.T, data map[string]any) {
				if n := len(list(data, "senders", "nodes")); n != 24 {
					t.Errorf("%d senders", n)
				}
			},
		},
		"the users of a window, each with all stats over the same window": {
			query: `{ users(` + w + `) { totalCount nodes { userId stats(` + w + `) ` + all + ` } } }`,
			calls: 3,
			check: func(t *testing.T, data map[string]any) {
				if n := len(list(data, "users", "nodes")); n != users {
					t.Errorf("%d users", n)
				}
			},
		},
		"the users with series by day": {
			query: `{ users(` + w + `) { nodes { userId stats(` + w + `) ` + series + ` } } }`, calls: 6,
		},
		"the senders with series by day": {
			query: `{ senders(` + w + `) { nodes { address stats(` + w + `) ` + series + ` } } }`, calls: 6,
		},
		"the senders of one user, with stats over another window": {
			query: `{ senders(` + w + `, userId: "21") { nodes { userId stats(` + other + `) ` + all + ` } } }`,
			calls: 3 + 3,
			check: func(t *testing.T, data map[string]any) {
				if n := len(list(data, "senders", "nodes")); n != sendersEach {
					t.Errorf("%d senders", n)
				}
			},
		},
		"one stats field": {query: `{ stats(` + w + `) { hardBounced softBounced } }`, calls: 1},
		"details are loaded only when one of their fields is selected": {
			query: `{ bounces(` + w + `, first: 100) { nodes { detail { __typename } } } }`, calls: 1,
		},
		"100 bounces with detail, 40 of them the same as others": {
			// b selects 40 of the 60 bounces of a.
			query: `{ a: bounces(` + w + `, first: 60) { nodes { detail { diagnosticCode } } } b: bounces(` + w +
				`, first: 40) { nodes { detail { ruleName fullContent } } } }`,
			calls: 1 + 60,
		},
		"the same field under ten aliases": {
			query: `{ ` + tenTimes(`bounces(`+w+
				`, first: 20) { totalCount nodes { recipient sender { address } } `+
				`pageInfo { hasNextPage hasPreviousPage } }`) + ` }`,
			calls: 3, // the page, its senders' counts, and the total
		},
		"the same rows under ten names for other sizes of page": {
			query: `{ a: bounces(` + w + `, first: 7) { nodes { id } } b: bounces(` + w +
				`, first: 50) { edges { cursor } } c: bounces(` + w + `) { pageInfo { endCursor hasNextPage } } }`,
			calls: 1,
		},
		"only a total": {
			query: `{ bounces(` + w + `, filter: {userId: "21", type: SOFT}) { totalCount } }`, calls: 1,
		},
		"a total known from the page": {
			query: `{ emails(` + w + `, filter: {recipient: "recipient1@example1.com"}) { totalCount nodes { id } } }`,
			calls: 1,
		},
		"the owners of many senders": {
			query: `{ senders(` + w + `) { nodes { user { userId } } } }`, calls: 3 + 1 + users,
		},
		"a sender's owner, known from the list": {
			query: `{ senders(` + w + `, userId: 22) { nodes { userId } } }`, calls: 3,
		},
		"fields without calls": {query: `{ __typename __schema { queryType { name } } }`, calls: 0},
		"the catalogues": {
			query: `{ bounceCategories { code description } blockedReasons { code description } }`, calls: 2,
		},
		"filter by a user outside the caller's scope": {
			scope: []upstream.ID{20, 21},
			query: `{
				bounces(` + w + `, filter: {userId: 25}) { totalCount nodes { id } }
				emails(` + w + `, filter: {userId: 25}, last: 5) {
					totalCount edges { cursor } pageInfo { hasNextPage hasPreviousPage }
				}
				blockedEmails(` + w + `, filter: {userId: 25, domain: "example1.com"}) { totalCount nodes { id } }
				senders(` + w + `, userId: 25) { totalCount nodes { id } }
				stats(` + w + `, userId: 25) ` + all + ` days: stats(` + w + `, userId: 25) ` + series + `
			}`,
			calls: 0,
			check: func(t *testing.T, data map[string]any) {
				for _, l := range []string{"bounces", "blockedEmails", "senders"} {
					if n := list(data, l, "nodes"); len(n) != 0 || fmt.Sprint(get(data, l, "totalCount")) != "0" {
						t.Errorf("%s: %v", l, get(data, l))
					}
				}
				if s := get(data, "stats"); fmt.Sprint(get(s, "sent")) != "0" || get(s, "bounceRate") != nil {
					t.Errorf("stats: %v", s)
				}
			},
		},
		"a scope of one user costs as many calls as its filter": {
			scope: []upstream.ID{21},
			query: `{ bounces(` + w + `, first: 500) { totalCount nodes { userId sender { address } ` +
				`user { userId stats(` + w + `) ` + all + ` } } } }`,
			calls: 2 + 3,
			check: func(t *testing.T, data map[string]any) {
				for _, r := range list(data, "bounces", "nodes") {
					if get(r, "userId") != "21" {
						t.Fatalf("a bounce of user %v", get(r, "userId"))
					}
				}
			},
		},
		"a documented category in a filter": {
			query: `{ bounces(` + w + `, filter: {category: "bad-mailbox"}, first: 5) { nodes { category } } }`,
			calls: 1,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g.called()
			scope := auth.Everyone()
			if c.scope != nil {
				scope = auth.Only(c.scope...)
			}
			data := g.dataAs(scope, c.query, nil)
			if calls := g.called(); len(calls) != c.calls {
				t.Errorf("%d calls, want %d:\n%s", len(calls), c.calls, strings.Join(calls, "\n"))
			}
			if c.check != nil {
				c.check(t, data)
			}
		})
	}
}

func tenTimes(field string) string {
	var b strings.Builder
	for i := range 10 {
		fmt.Fprintf(&b, " a%d: %s", i, field)
	}
	return b.String()
}

// No call is answered before both clients wait for it.
func TestConcurrentEqualQueriesShareCalls(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		model := upstreamtest.NewModel(rowsOfDay(50))
		var sent []string
		release := make(chan struct{})
		client, err := rest.New(rest.Options{BaseURL: "http://upstream.example",
			Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
				sent = append(sent, r.URL.RequestURI())
				<-release
				var body []byte
				switch r.URL.Path {
				case "/bounces":
					q, _ := upstream.ParseQuestion(upstream.ShapeList, upstream.Bounces, r.URL.RawQuery)
					rows, _ := model.Bounces(r.Context(), q.ListQuery)
					body = upstream.AppendBounces(nil, rows)
				case "/bounce/counts":
					q, _ := upstream.ParseQuestion(upstream.ShapeCounts, upstream.Bounces, r.URL.RawQuery)
					rows, _ := model.Counts(r.Context(), upstream.Bounces, q.Counts())
					body = upstream.AppendCounts(nil, upstream.Bounces, q.Rollup, rows)
				}
				return &http.Response{
					StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}},
					Body: io.NopCloser(bytes.NewReader(body)), Request: r,
				}, nil
			})})
		if err != nil {
			t.Fatal(err)
		}
		g := &gateway{t: t}
		g.serve(joining(t, client))
		const q = `{ bounces(window: {last: "P1D"}, first: 20) { nodes { id sender { address } } } }`
		answers := make([]map[string]any, 2)
		var wg sync.WaitGroup
		for i := range answers {
			wg.Go(func() { answers[i] = g.data(q, nil) })
		}
		for range 2 { // the list, then the counts with its senders
			synctest.Wait() // both clients wait
			release <- struct{}{}
		}
		wg.Wait()
		if len(sent) != 2 {
			t.Errorf("calls: %q", sent)
		}
		if d := cmp.Diff(answers[0], answers[1]); d != "" {
			t.Error(d)
		}
		if len(list(answers[0], "bounces", "nodes")) != 20 {
			t.Error("no rows")
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
