package resolvers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/graph/generated"
	"deliverygraph/graph/playground"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/cost"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/rest"
	"deliverygraph/upstream/upstreamtest"
)

// An operation that plans too many calls is refused before the first one. An operation that turns out to need
// more is stopped, and returns what it has.
func TestOperationsBeyondTheBudgetAreStopped(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(2000))
	g.rememberingWith(nil, cost.Options{MaxCalls: 3})
	g.called()
	r := g.ask(`{ bounces(`+today+`, first: 3) { nodes { detail { ruleName } } } }`, nil)
	if len(r.Errors) != 1 || r.Errors[0].Extensions["code"] != "QUERY_TOO_EXPENSIVE" || len(g.called()) != 0 ||
		r.Errors[0].Message != "this operation plans 4 upstream calls, 3 of them for bounces.nodes.detail, "+
			"and an operation may make 3: ask for fewer rows at once (first) and page through them, "+
			"or for less of each row" {
		t.Errorf("%+v", r)
	}
	r = g.askAs(auth.Only(20, 21), `{ users(`+today+`) { totalCount } }`, nil)
	if len(r.Errors) != 1 ||
		!strings.Contains(r.Errors[0].Message, "plans 6 upstream calls, for users, and an operation may make 3: ") ||
		!strings.Contains(r.Errors[0].Message, "all of your 2 users") {
		t.Errorf("%+v", r.Errors)
	}
	r = g.ask(`{ stats(window: {last: "P9D"}) { series(interval: DAY, timeZone: "Asia/Kolkata") { sent } } }`, nil)
	if len(r.Errors) != 1 || !strings.Contains(r.Errors[0].Message, "ask for series over a shorter window") {
		t.Errorf("%+v", r.Errors)
	}
	// The second field counts 1000 emails.
	const probing = `{ a: stats(` + today + `) { sent }
		b: emails(` + today + `, filter: {deliveredOnly: true}) { totalCount } }`
	r = g.ask(probing, nil)
	if n := len(g.called()); n != 3 {
		t.Errorf("%d calls", n)
	}
	sent, total := fmt.Sprint(get(r.Data, "a", "sent")), fmt.Sprint(get(r.Data, "b", "totalCount"))
	if len(r.Errors) != 1 || r.Errors[0].Extensions["code"] != "QUERY_TOO_EXPENSIVE" {
		t.Fatalf("%+v", r)
	}
	switch at := fmt.Sprint(r.Errors[0].Path); { // the fields run at the same time, so either may be stopped
	case at == "[b totalCount]" && sent == "2000" && total == "<nil>":
	case at == "[a sent]" && total == "1000" && sent == "<nil>":
	default:
		t.Errorf("%+v", r)
	}
	// Cached answers cost nothing, so each try gets further.
	for range 5 {
		r = g.ask(probing, nil)
	}
	if len(r.Errors) != 0 || fmt.Sprint(get(r.Data, "b", "totalCount")) != "1000" {
		t.Errorf("%+v", r)
	}
}

// A cache that is empty makes two calls of one for counts by sender, unless that would stop the operation.
func TestEmptyCacheDoesNotStopAdmittedOperations(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(240))
	const query = `{ users(window: {last: "P1D"}, first: 6) { nodes {
		senders(window: {last: "P2D"}) { nodes { address
			stats(window: {last: "P2D"}) { sent bounced blocked } } } } } }`
	const planned = 3 + 6*3
	want := g.data(query, nil)
	if calls := g.called(); len(calls) != planned {
		t.Fatalf("%d calls without a cache", len(calls))
	}
	for _, limit := range []int{planned, planned + 5} {
		g.rememberingWith(nil, cost.Options{MaxCalls: limit})
		got := g.data(query, nil)
		if d := cmp.Diff(want, got); d != "" {
			t.Error(d)
		}
		if calls := g.called(); len(calls) != limit {
			t.Errorf("%d calls, and the operation may make %d", len(calls), limit)
		}
	}
}

// The playground's examples are within the default budget.
func TestExamplesAreWithinTheBudget(t *testing.T) {
	t.Parallel()
	for _, tab := range playground.Examples() {
		var variables map[string]any
		if tab.Variables != "" {
			if err := json.Unmarshal([]byte(tab.Variables), &variables); err != nil {
				t.Fatal(err)
			}
		}
		if p := priceFor(t, tab.Query, variables, cost.Everyone); p.Calls > 100 {
			t.Errorf("%+v for %s", p, tab.Query)
		}
	}
}

// The window moves with the clock. When an hour begins, the window starts an hour later, and all 30 days are
// fetched by day.
func TestRelativeDashboardCostsThreeSmallCalls(t *testing.T) {
	t.Parallel()
	g := newGateway(t, thirtyDays())
	g.later.Store(1800)
	g.remembering(nil)
	for i := range 67 {
		g.called()
		g.data(`{ stats(window: {last: "P30D"}) { sent bounced hardBounced blocked bounceRate } }`, nil)
		calls := g.called()
		for _, c := range calls {
			_, query, _ := strings.Cut(c, "?")
			q, err := upstream.ParseQuestion(upstream.ShapeCounts, upstream.Bounces, query)
			if err != nil {
				t.Fatal(err)
			}
			small := q.Window.End-q.Window.Start <= 2*3600+30
			byDay, byHour := strings.HasSuffix(query, "timeseries=day"), strings.HasSuffix(query, "timeseries=hour")
			if !small && !(byDay && i%60 == 0) && !(byHour && i%60 == 1) { // an hour begins, or has just begun
				t.Errorf("refresh %d asks %s", i, c)
			}
		}
		if len(calls) > 3 {
			t.Errorf("refresh %d costs %v", i, calls)
		}
		g.later.Add(30)
	}
}

// One caller's single call is answered while another caller's 500 details wait: it waits for the calls in
// progress and one more turn.
func TestManyCallsDoNotStarveOtherCallers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const atOnce = 4
		rows := rowsOfDay(500)
		g := &gateway{t: t}
		var served atomic.Int64
		client, err := rest.New(rest.Options{
			BaseURL: "http://upstream.example", MaxConcurrent: atOnce, MinConcurrent: atOnce,
			Transport: modelServer(rows, func() { time.Sleep(100 * time.Millisecond); served.Add(1) }),
		})
		if err != nil {
			t.Fatal(err)
		}
		c, err := cached.New(upstream.Around(client, operation.Budget),
			cached.Options{Bytes: cached.DefaultBytes, Fresh: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		g.serve(c)
		done := make(chan bool)
		go func() {
			g.data(`{ bounces(`+today+`, first: 500) { nodes { detail { ruleName } } } }`, nil)
			close(done)
		}()
		time.Sleep(time.Second) // some details have been served, hundreds wait
		before, start := served.Load(), time.Now()
		g.data(`{ bounceCategories { code } }`, nil)
		if n, took := served.Load()-before, time.Since(start); n > 3*atOnce || took > 300*time.Millisecond {
			t.Errorf("the other caller's call waited for %d calls, %v", n, took)
		}
		<-done
	})
}

// modelServer returns a REST server that answers bounces, their details and categories from rows.
func modelServer(rows upstreamtest.Rows, before func()) roundTrip {
	model := upstreamtest.NewModel(rows)
	return func(r *http.Request) (*http.Response, error) {
		before()
		var body []byte
		switch {
		case r.URL.Path == "/bounces":
			q, err := upstream.ParseQuestion(upstream.ShapeList, upstream.Bounces, r.URL.RawQuery)
			if err != nil {
				return nil, err
			}
			found, _ := model.Bounces(r.Context(), q.ListQuery)
			body = upstream.AppendBounces(nil, found)
		case r.URL.Path == upstream.BounceCategoriesPath:
			codes, _ := model.BounceCategories(r.Context())
			body = upstream.AppendCodes(nil, codes)
		default:
			k, err := upstream.ParseBounceKey(r.URL.EscapedPath())
			if err != nil {
				return nil, err
			}
			d, _ := model.Bounce(r.Context(), k)
			body = upstream.AppendBounceDetail(nil, d, upstream.Envelope{})
		}
		return &http.Response{
			StatusCode: http.StatusOK,
			Header:     http.Header{"Content-Type": {"application/json"}},
			Body:       io.NopCloser(bytes.NewReader(body)),
			Request:    r,
		}, nil
	}
}

// An operation that exceeds its budget returns what it has, with an error at each place where something is
// missing.
func TestMissingPartsBeyondTheBudgetHaveErrors(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(120))
	schema := generated.NewExecutableSchema(resolvers.Schema()).Schema()
	random := rand.New(rand.NewPCG(5, 6))
	variables := map[string]any{"yes": true, "no": false}
	stopped := 0
	for i := range 25 {
		query := randomOperation{
			schema: schema, random: random, fragments: map[string]string{}, connections: 10, nesting: 3,
		}.write()
		g.serve(g.client)
		want := g.data(query, variables)
		left := new(atomic.Int64)
		left.Store(random.Int64N(6))
		g.serve(&upstreamtest.Counting{API: g.client, Before: func(context.Context, string) error {
			if left.Add(-1) < 0 {
				return &upstream.Error{Code: upstream.Exhausted, Message: "no more"}
			}
			return nil
		}})
		got := g.ask(query, variables)
		for _, e := range got.Errors {
			if e.Extensions["code"] != "QUERY_TOO_EXPENSIVE" {
				t.Fatalf("operation %d: %+v: %s", i, e, query)
			}
			at := path(e.Path)
			for i := range at { // null moves up to the nearest nullable field
				if get(got.Data, at[:i+1]...) == nil {
					at = at[:i+1]
					break
				}
			}
			if missing := get(got.Data, at...); missing != nil && missing != true { // an unknown hasNextPage is true
				t.Fatalf("operation %d: there is an error at %v, but the value is %v: %s", i, at, missing, query)
			}
			blank(want, at)
			blank(got.Data, at)
		}
		if len(got.Errors) > 0 {
			stopped++
		}
		if d := cmp.Diff(want, got.Data); d != "" && len(got.Errors) < 100 { // an answer has at most 100 errors
			t.Fatalf("operation %d: %s\n(-without a budget +with one)\n%s", i, query, d)
		}
	}
	if stopped < 6 {
		t.Errorf("only %d operations were stopped", stopped)
	}
}

// The points of all series and breakdowns of an operation have a limit, since they take memory, but hardly any calls.
func TestPointsOfSeriesAreLimited(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(60))
	const year = `window: {between: {start: "2015-11-23T00:00:00Z", end: "2016-11-23T00:00:00Z"}}`
	many := func(n int, field string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " a%d: %s", i, field)
		}
		return b.String()
	}
	const hours = 366 * 24
	fit := operation.MaxPoints / hours
	r := g.ask("{ stats("+year+") {"+many(fit+2, "series(interval: HOUR) { start }")+" } }", nil)
	if len(r.Errors) != 2 || r.Errors[0].Extensions["code"] != "QUERY_TOO_EXPENSIVE" ||
		!strings.Contains(r.Errors[0].Message, "more than 500000 points") || len(r.Errors[0].Path) != 2 {
		t.Errorf("%d errors, want 2: %+v", len(r.Errors), r.Errors)
	}
	r = g.ask("{ bounces("+year+") { breakdown(by: [TYPE]) { groups {"+
		many(fit, "series(interval: HOUR) { start }")+" } } } }", nil)
	if len(r.Errors) != 1 || r.Errors[0].Extensions["code"] != "QUERY_TOO_EXPENSIVE" {
		t.Errorf("%+v", r.Errors)
	}
}
