package resolvers_test

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
	"deliverygraph/upstream/upstreamtest"
)

// to returns the rows with their recipients replaced by one.
func to(recipient string, rows upstreamtest.Rows) upstreamtest.Rows {
	local, domain, _ := strings.Cut(recipient, "@")
	upstreamtest.Texts(rows, func(t upstream.Texts) { *t.Address, *t.Local, *t.Domain = recipient, local, domain })
	return rows
}

// eventNames returns the kind and email id of each event, in the order of the timeline.
func eventNames(rows upstreamtest.Rows) []string {
	type event struct {
		at   upstream.Time
		kind upstream.Kind
		id   string
	}
	var all []event
	for _, k := range upstream.Kinds {
		for _, e := range upstream.Events(rows.Of(k)) {
			all = append(all, event{e.Time, k, e.EmailID})
		}
	}
	slices.SortFunc(all, func(a, b event) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.kind, b.kind), cmp.Compare(a.id, b.id))
	})
	names := make([]string, len(all))
	for i, e := range all {
		names[i] = kind.All[e.kind].Type + " " + e.id
	}
	return names
}

// Paging through a recipient's events shows each event of all kinds once, in order of time, in both directions and
// orders, also if there are many events in a second and more than the upstream returns at once.
func TestRecipientEventsAreOneListInOrderOfTime(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		rows  upstreamtest.Rows
		sizes []int
	}{
		"few events":        {to("someone@example.com", rowsOfDay(40)), []int{7, 50}},
		"many events":       {to("someone@example.com", rowsOfDay(600)), []int{240}},
		"all in one second": {to("someone@example.com", sameSecond(170)), []int{120}},
		"no events":         {rowsOfDay(5), []int{3}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, c.rows)
			want := eventNames(c.rows)
			if name == "no events" {
				want = nil
			}
			for _, size := range c.sizes {
				for _, order := range []string{"OLDEST_FIRST", "NEWEST_FIRST"} {
					for _, back := range []bool{false, true} {
						got := walkEvents(t, g, size, order, back, len(want))
						if order == "NEWEST_FIRST" {
							slices.Reverse(got)
						}
						if !slices.Equal(got, want) {
							t.Fatalf("pages of %d, %s, back %v: %d events in another order than the %d wanted",
								size, order, back, len(got), len(want))
						}
					}
				}
			}
		})
	}
}

// sameSecond returns n events of each kind.
func sameSecond(n int) (rows upstreamtest.Rows) {
	for i := range n {
		rows.Append(rowsAt(day, i))
	}
	return rows
}

// walkEvents returns the events of someone@example.com, in the order of the list.
func walkEvents(t *testing.T, g *gateway, size int, order string, back bool, total int) (names []string) {
	t.Helper()
	args, more, edge := "first: $n, after: $at", "hasNextPage", "endCursor"
	if back {
		args, more, edge = "last: $n, before: $at", "hasPreviousPage", "startCursor"
	}
	query := `query($n: Int, $at: String) { recipient(address: "someone@EXAMPLE.com") {
		events(` + today + `, order: ` + order + `, ` + args + `) {
			totalCount edges { cursor } nodes { __typename emailId at ... on Bounce { bouncedAt } }
			pageInfo { ` + more + ` ` + edge + ` }
		}
	} }`
	var at any
	for pages := 0; ; pages++ {
		if pages > total/size+1 {
			t.Fatal("the walk does not end")
		}
		events := get(g.data(query, map[string]any{"n": size, "at": at}), "recipient", "events")
		if fmt.Sprint(get(events, "totalCount")) != fmt.Sprint(total) {
			t.Errorf("total %v, want %d", get(events, "totalCount"), total)
		}
		var page []string
		for i, e := range list(events, "nodes") {
			page = append(page, fmt.Sprint(get(e, "__typename"), " ", get(e, "emailId")))
			if get(events, "edges", i, "cursor") == nil ||
				get(e, "bouncedAt") != nil && get(e, "bouncedAt") != get(e, "at") {
				t.Fatalf("event %d: %v", i, e)
			}
		}
		if back {
			names = append(page, names...)
		} else {
			names = append(names, page...)
		}
		if get(events, "pageInfo", more) != true {
			return names
		}
		at = get(events, "pageInfo", edge)
	}
}

// The counts of a recipient's mail are those of its lists, whether they fit on an upstream page or not.
func TestRecipientStatsCountItsRows(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 40, 1300} {
		rows := to("someone@example.com", rowsOfDay(n))
		g := newGateway(t, rows)
		got := get(g.data(`{ recipient(address: "someone@example.com") { stats(`+today+
			`) { sent delivered bounced hardBounced softBounced blocked } } }`, nil), "recipient", "stats")
		calls := len(g.called())
		want := map[string]int{"sent": n, "bounced": n, "blocked": n}
		for i := range n {
			if rows.Emails[i].Delivered {
				want["delivered"]++
			}
			if rows.Bounces[i].Type == upstream.Hard {
				want["hardBounced"]++
			} else {
				want["softBounced"]++
			}
		}
		for _, name := range []string{"sent", "delivered", "bounced", "hardBounced", "softBounced", "blocked"} {
			if fmt.Sprint(get(got, name)) != fmt.Sprint(want[name]) {
				t.Errorf("%d rows: %s is %v, want %d", n, name, get(got, name), want[name])
			}
		}
		if n < upstream.PageSize && calls != 3 {
			t.Errorf("%d rows: %d calls, want 3", n, calls)
		}
	}
}

// A row that a server repeats within a page counts once, as it is shown once.
func TestRecipientStatsCountRepeatedRowsOnce(t *testing.T) {
	t.Parallel()
	g := newGateway(t, to("someone@example.com", rowsOfDay(3)))
	repeat := func(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
		answer, err := next.Ask(ctx, q)
		if rows, ok := answer.([]upstream.Bounce); ok && len(rows) > 0 {
			answer = slices.Insert(slices.Clone(rows), 1, rows[0])
		}
		return answer, err
	}
	g.serve(upstream.Around(g.client, repeat))
	data := g.data(`{ recipient(address: "someone@example.com") {
		stats(`+today+`) { bounced } events(`+today+`) { nodes { __typename } }
	} }`, nil)
	bounces := strings.Count(fmt.Sprint(get(data, "recipient", "events")), "__typename:Bounce")
	if n := fmt.Sprint(get(data, "recipient", "stats", "bounced")); n != "3" || bounces != 3 {
		t.Errorf("%s bounces are counted, and %d listed, want 3", n, bounces)
	}
}

// Without the scope recipients:read, nothing about a recipient is answered, and no call is made.
func TestRecipientNeedsTheScope(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(10))
	masked := auth.Caller{Users: auth.Everyone(), Scopes: auth.MetricsRead | auth.ContentRead}
	r := g.askBy(masked, `{ recipient(address: "recipient1@example1.com") { address events(`+today+
		`) { totalCount } suppression { verdict } } }`, nil)
	if len(r.Errors) != 1 || r.Errors[0].Extensions["code"] != "FORBIDDEN" || r.Data["recipient"] != nil ||
		!strings.Contains(r.Errors[0].Message, "recipients:read") || r.Errors[0].Extensions["argument"] != "address" {
		t.Errorf("%+v", r)
	}
	if calls := g.called(); len(calls) > 0 {
		t.Errorf("calls: %q", calls)
	}
}

// A caller sees the events of its own users only.
func TestRecipientEventsAreThoseOfTheCallersUsers(t *testing.T) {
	t.Parallel()
	rows := to("someone@example.com", rowsOfDay(60))
	g := newGateway(t, rows)
	scope := auth.Only(21, 24)
	want := eventNames(ofUsers(rows, scope))
	events := list(g.dataAs(scope, `{ recipient(address: "someone@example.com") { events(`+today+
		`, first: 500) { nodes { __typename emailId sender { address } user { userId } } } } }`, nil),
		"recipient", "events", "nodes")
	var got []string
	for _, e := range events {
		got = append(got, fmt.Sprint(get(e, "__typename"), " ", get(e, "emailId")))
		if get(e, "sender", "address") == nil {
			t.Errorf("no address: %v", e)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d events, want %d", len(got), len(want))
	}
}
