package resolvers_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"deliverygraph/graph/generated"
	"deliverygraph/graph/model"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/cost"
)

// A document that keeps producing new kinds of selections is not priced, and counts as too expensive.
func TestPlanGivesUpOnEndlessSelections(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("{ users(" + today + ") { nodes { ...F99 } } } fragment F0 on User { userId }")
	for i := 1; i < 100; i++ {
		fmt.Fprintf(&b,
			` fragment F%d on User { ...F%d a%[1]d: senders(window: {last: "P%[1]dD"}, `+
				`first: %[1]d) { nodes { bounces(window: {last: "P1D"}, `+
				`first: %[1]d) { nodes { user { ...F%[2]d } } } } } }`, i, i-1)
	}
	if p := priceFor(t, b.String(), nil, cost.Everyone); p.Calls != cost.TooMany || p.WorstCalls != cost.TooMany ||
		p.WorstRows != cost.TooMany {
		t.Errorf("%+v", p)
	}
}

// The price does not depend on how arguments are written.
func TestPlanIgnoresHowArgumentsAreWritten(t *testing.T) {
	t.Parallel()
	user := model.NodeID{Type: model.UserNode, UserID: 21}.String()
	literal := `{
		bounces(
			window: {between: {start: 1479772800, end: "2016-11-23T00:00:00Z"}}, first: 30,
			filter: {type: HARD, userId: "21", xHeaders: [{name: "X-A", value: "b"}]}
		) { totalCount nodes { detail { ruleName } sender { address } } }
		users(window: {last: "P1D"}, last: 5) {
			nodes { stats(window: {last: "P1D"}) { series(interval: HOUR) { sent } } }
		}
		nodes(ids: ["` + user + `"]) { id ... on User { senders(window: {last: "P2D"}) { totalCount } } }
		stats(window: {last: "P1D"}, userId: 21) { sent }
	}`
	want := priceFor(t, literal, nil, cost.Everyone)
	if one := strings.NewReplacer("[{", "{", "}]", "}").Replace(literal); one == literal ||
		priceFor(t, one, nil, cost.Everyone).WorstCalls != want.WorstCalls {
		t.Error("a single header instead of a list changes the price")
	}
	for name, c := range map[string]struct {
		head      string
		variables map[string]any
	}{
		"variables": {`query($w: Window!, $n: Int, $f: BounceFilter, $d: Duration!, $ids: [ID!]!, $i: Interval!, ` +
			`$u: ID, $none: String, $yes: Boolean!)`, map[string]any{
			"w": map[string]any{
				"between": map[string]any{"start": json.Number("1479772800"), "end": "2016-11-23T00:00:00Z"},
			}, "n": json.Number("30"), "d": "P1D", "ids": []any{user}, "i": "HOUR", "u": json.Number("21"), "none": nil,
			"yes": true,
			"f": map[string]any{
				"type": "HARD", "userId": json.Number("21"),
				"xHeaders": []any{map[string]any{"name": "X-A", "value": "b"}},
			},
		}},
		"one for a list, and defaults": {
			`query($w: Window! = {between: {start: 1479772800, end: "2016-11-23T00:00:00Z"}}, $n: Int = 30, ` +
				`$f: BounceFilter = {type: HARD, userId: 21, xHeaders: {name: "X-A", value: "b"}}, ` +
				`$d: Duration! = "P1D", $ids: [ID!]! = "` + user +
				`", $i: Interval! = HOUR, $u: ID = "21", $none: String, $yes: Boolean! = true)`, nil,
		},
	} {
		query := c.head + ` {
			bounces(window: $w, first: $n, after: $none, filter: $f) {
				totalCount nodes {
					detail @include(if: $yes) { ruleName } detail @skip(if: $yes) { fullContent }
					sender { address }
				}
			}
			users(window: {last: $d}, last: 5) { nodes { stats(window: {last: $d}) { series(interval: $i) { sent } } } }
			nodes(ids: $ids) { id ... on User { senders(window: {last: "P2D"}) { totalCount } } }
			stats(window: {last: $d}, userId: $u) { sent }
			not: bounces(window: $w, first: $n, filter: $f) @skip(if: $yes) {
				nodes { user { senders(window: $w) { totalCount } } }
			}
		}`
		got := priceFor(t, query, c.variables, cost.Everyone)
		if got.Calls != want.Calls || got.WorstCalls != want.WorstCalls || got.WorstRows != want.WorstRows ||
			want.Calls < 30 {
			t.Errorf("%s: %d calls, at most %d, %d rows; want %d, %d, %d", name, got.Calls, got.WorstCalls,
				got.WorstRows, want.Calls, want.WorstCalls, want.WorstRows)
		}
	}
}

// For callers with many users, counts by user are one call, as for everyone.
func TestPlanOfCallersWithManyUsers(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(300))
	few, many := auth.Only(20, 21, 22), auth.Only(16, 17, 18, 19, 20, 21, 22, 23, 24, 25)
	for query, calls := range map[string][2]int64{
		`{ users(` + today + `) { nodes { stats(` + today +
			`) { sent series(interval: DAY) { sent } } } } }`: {9 + 3, 3 + 1},
		`{ senders(` + today + `) { nodes { address } } }`: {9, 30},
		`{ bounces(` + today + `) { totalCount nodes { id } } }`: {
			3 + 3, 10 + 1,
		},
		`{ bounces(` + today + `, filter: {userId: 21}) { totalCount nodes { id } } }`: {
			1 + 1, 1 + 1,
		},
	} {
		for i, users := range []auth.Users{few, many} {
			g.called()
			g.dataAs(users, query, nil)
			made := int64(len(g.called()))
			if p := priceFor(t, query, nil, users.Len()); p.Calls != calls[i] || made > p.Calls || made < p.Calls-3 {
				t.Errorf("%s of %d users: %d planned, want %d, %d made", query, users.Len(), p.Calls, calls[i], made)
			}
		}
	}
}

// The dearest field is the one with the most calls of all endpoints together.
func TestPlanNamesDearestField(t *testing.T) {
	t.Parallel()
	p := priceFor(t, `{ users(`+today+`) { nodes { senders(`+today+
		`) { nodes { address stats(window: {last: "P7D"}) { sent } } } } } bounces(`+today+
		`, first: 120) { nodes { detail { ruleName } } } }`, nil, cost.Everyone)
	if field, calls := p.Dearest(); field != "users.nodes.senders" || calls != 150 || p.Calls != 3+150+50+1+120 {
		t.Errorf("%s with %d of %d calls", field, calls, p.Calls)
	}
	var sum int64
	for _, e := range p.Endpoints() {
		sum += e.Calls
	}
	if e := p.Endpoints()[0]; sum != p.Calls ||
		e.Endpoint != "/bounce/{user_id}/{sender_id}/{bounce_time}/{email_id}" || e.Calls != 120 {
		t.Errorf("%+v", p.Endpoints())
	}
	if field, calls := priceFor(t, `{ __typename }`, nil, cost.Everyone).Dearest(); field != "" || calls != 0 {
		t.Errorf("%s with %d calls", field, calls)
	}
}

func BenchmarkPlan(b *testing.B) {
	variables := map[string]any{"s": json.Number("1479600000"), "e": json.Number("1479799995")}
	schema := generated.NewExecutableSchema(resolvers.Schema()).Schema()
	for _, q := range append(slices.Clone(wholeRequests), struct{ name, query string }{
		"50 senders with stats under three aliases", `query ($s: DateTime!, $e: DateTime!) { senders(window: ` +
			`{between: {start: $s, end: $e}}, first: 50) { nodes { id: senderId address stats(window: {between: ` +
			`{start: $s, end: $e}}) { sent } bounces: stats(window: {between: {start: "2016-11-20T00:00:00Z", ` +
			`end: "2016-11-22T07:33:15Z"}}) { bounced softBounced hardBounced } blocked: stats(window: {between: ` +
			`{start: "2016-11-20T00:00:00Z", end: "2016-11-22T07:33:15Z"}}) { blocked } } } }`,
	}) {
		doc, err := gqlparser.LoadQueryWithRules(schema, q.query, rules.NewDefaultRules())
		if err != nil {
			b.Fatal(err)
		}
		op := cost.Operation{Definition: doc.Operations[0], Users: cost.Everyone, Now: now, Variables: variables}
		b.Run(q.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				cost.Of(op)
			}
		})
	}
}
