package resolvers_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"deliverygraph/graph/generated"
	"deliverygraph/graph/model"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/cost"
	"deliverygraph/upstream"
)

// priceFor returns the price of an operation.
func priceFor(t testing.TB, query string, variables map[string]any, users int) cost.Plan {
	t.Helper()
	schema := generated.NewExecutableSchema(resolvers.Schema()).Schema()
	doc, errs := gqlparser.LoadQueryWithRules(schema, query, rules.NewDefaultRules())
	if errs != nil {
		t.Fatalf("%v in %s", errs, query)
	}
	values := maps.Clone(variables)
	if values == nil {
		values = map[string]any{}
	}
	for _, v := range doc.Operations[0].VariableDefinitions {
		if _, given := values[v.Variable]; !given && v.DefaultValue != nil {
			values[v.Variable], _ = v.DefaultValue.Value(nil)
		}
	}
	return cost.Of(cost.Operation{Definition: doc.Operations[0], Variables: values, Users: users, Now: now})
}

// The operations of the contract cost what is planned.
func TestPlanIsTheCost(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(1200))
	const w = `window: {between: {start: 1479772800, end: "2016-11-23T00:00:00Z"}}`
	const other = `window: {between: {start: "2016-11-22T06:00:00Z", end: "2016-11-22T18:00:00Z"}}`
	const all = `{ sent bounced hardBounced softBounced blocked bounceRate hardBounceRate softBounceRate blockedRate }`
	const series = `{ sent bounced blocked series(interval: DAY) { start sent bounced hardBounced softBounced ` +
		`blocked } }`
	const p = `first: 6` // as many users and no more senders than exist
	id := func(t model.NodeType, i int) string {
		u, s, _ := senderOf(i)
		e := rowsAt(day+upstream.Time(i*86400/1200), i)
		n := model.NodeID{Type: t, UserID: u, SenderID: s}
		if t != model.UserNode && t != model.SenderNode {
			n.Time, n.EmailID, n.Recipient = e.Emails[0].ProcessTime, e.Emails[0].EmailID, e.Emails[0].EmailAddress
		}
		return fmt.Sprintf("%q", n)
	}
	for name, c := range map[string]struct {
		query string
		calls int64
	}{
		"500 bounces of any users with sender address and user": {
			`{ bounces(` + w + `, first: 500) { nodes { sender { address userId } user { userId } } } }`, 2,
		},
		"50 bounces with detail": {
			`{ bounces(` + w + `) { nodes { detail { ruleName } } } }`, 51,
		},
		"only a detail's type": {
			`{ bounces(` + w + `) { nodes { detail { __typename } } } }`, 1,
		},
		"senders with stats over the same window": {
			`{ senders(` + w + `) { totalCount nodes { address stats(` + w + `) ` + all + ` } } }`, 3,
		},
		"users with stats over the same window": {
			`{ users(` + w + `) { totalCount nodes { userId stats(` + w + `) ` + all + ` } } }`, 3,
		},
		"users with series by day": {
			`{ users(` + w + `) { nodes { userId stats(` + w + `) ` + series + ` } } }`, 6,
		},
		"senders with series by day": {
			`{ senders(` + w + `) { nodes { userId: senderId stats(` + w + `) ` + series + ` } } }`, 6,
		},
		"senders of a user, with stats of other windows": {
			`{ senders(` + w + `, userId: "21") { nodes { userId stats(` + other + `) ` + all + ` } } }`, 6,
		},
		"one stats field": {
			`{ stats(` + w + `) { hardBounced softBounced } }`, 1,
		},
		"100 bounces with detail, 40 of them the same": {
			`{ a: bounces(` + w + `, first: 60) { nodes { detail { diagnosticCode } } } b: bounces(` + w +
				`, first: 40) { nodes { detail { ruleName fullContent } } } }`, 61,
		},
		"the same field under ten aliases": {
			`{ ` +
				tenTimes(`bounces(`+w+`, first: 20) { totalCount nodes { recipient sender { address } } `+
					`pageInfo { hasNextPage hasPreviousPage } }`) + ` }`, 3,
		},
		"the same rows under other sizes": {
			`{ a: bounces(` + w + `, first: 7) { nodes { id } } b: bounces(` + w +
				`, first: 50) { edges { cursor } } c: bounces(` + w + `) { pageInfo { endCursor hasNextPage } } }`, 1,
		},
		"a page as large as the upstream's, and hasNextPage": {
			`{ bounces(` + w + `, first: 500) { pageInfo { hasNextPage } } }`, 2,
		},
		"an empty page": {
			`{ bounces(` + w + `, first: 0) { nodes { id } } }`, 0,
		},
		"an empty page, and hasNextPage": {
			`{ bounces(` + w + `, first: 0) { nodes { id } pageInfo { hasNextPage } } }`, 1,
		},
		"only a total": {
			`{ bounces(` + w + `, filter: {userId: "21", type: SOFT}) { totalCount } }`, 1,
		},
		"a total and stats with the same count": {
			`{ emails(` + w + `) { totalCount } stats(` + w + `) { sent } }`, 1,
		},
		"a total known from the page": {
			`{ emails(` + w + `, filter: {recipient: "recipient1@example1.com"}) { totalCount nodes { id } } }`, 1,
		},
		"the last 20": {
			`{ bounces(` + w + `, last: 20) { nodes { id } } }`, 2,
		},
		"the newest 20": {
			`{ bounces(` + w + `, order: NEWEST_FIRST, first: 20) { nodes { id } pageInfo { hasNextPage } } }`, 2,
		},
		"the newest 20 and the last 20": {
			`{ a: bounces(` + w + `, order: NEWEST_FIRST, first: 20) { nodes { id } } b: bounces(` + w +
				`, last: 20) { nodes { id } } }`, 2,
		},
		"the 20 oldest of the newest first": {
			`{ bounces(` + w + `, order: NEWEST_FIRST, last: 20) { nodes { id } } }`, 1,
		},
		"the last 500": {
			`{ bounces(` + w + `, last: 500) { nodes { id } } }`, 3,
		},
		"a relative window twice": {
			`{ a: stats(window: {last: "P1D"}) { sent } b: stats(window: {last: "PT24H"}) { sent } }`, 1,
		},
		"the catalogues": {
			`{ bounceCategories { code } blockedReasons { code } }`, 2,
		},
		"an unknown category": {
			`{ bounces(` + w + `, filter: {category: "bad-mailbox"}) { totalCount } }`, 1,
		},
		"nothing": {`{ __typename __schema { queryType { name } } }`, 0},
		"each user's bounces": {
			`{ users(` + w + `, ` + p + `) { nodes { bounces(` + other + `, first: 100) { nodes { recipient } } } } }`,
			3 + 2,
		},
		"each user's bounces with senders and their stats": {
			`{ users(` + w + `, ` + p + `) { nodes { bounces(` + w + `, first: 200) { nodes { sender { address stats(` +
				w + `) { sent bounced } } user { stats(` + w + `) { sent } } } } } } }`, 3 + 3 + 2,
		},
		"each user's bounces of one sender": {
			`{ users(` + w + `, ` + p + `) { nodes { bounces(` + w +
				`, filter: {senderId: 101}, last: 20) { totalCount nodes { sender { address } } } } } }`, 3 + 1 + 1,
		},
		"each sender's last bounces, with totals": {
			`{ senders(` + w + `) { nodes { bounces(` + w + `, last: 25) { totalCount nodes { recipient } } } } }`,
			3 + 3,
		},
		"each sender's emails at a domain": {
			`{ senders(` + w + `, first: 6) { nodes { emails(` + w +
				`, filter: {domain: "example1.com"}, first: 40) { nodes { recipient } } } } }`, 3 + 1,
		},
		"each sender's soft bounces of another window": {
			`{ senders(` + other + `, first: 20) { nodes { bounces(` + w +
				`, filter: {type: SOFT}, first: 30) { nodes { recipient } } } } }`, 3 + 1 + 2,
		},
		"long lists of few users": {
			`{ users(` + w + `, first: 2) { nodes { blockedEmails(` + w +
				`, first: 500) { totalCount nodes { recipient } } } } }`, 3 + 2,
		},
		"each user's senders and their stats": {
			`{ users(` + w + `, ` + p + `) { nodes { senders(` + w + `) { nodes { address stats(` + w +
				`) { sent } } } } } }`, 3 + 18,
		},
		"a user by id": {
			`{ node(id: ` + id(model.UserNode, 1) + `) { id ... on User { stats(` + w + `) { sent } } } }`, 2,
		},
		"a sender by id": {
			`{ node(id: ` + id(model.SenderNode, 1) + `) { ... on Sender { address userId } } }`, 2,
		},
		"a bounce by id": {
			`{ node(id: ` + id(model.BounceNode, 1) +
				`) { ... on Bounce { detail { ruleName } sender { address } } ... on Email { sender { address } } } }`,
			2,
		},
		"an email and a blocked email by id": {
			`{ nodes(ids: [` + id(model.EmailNode, 1) + `, ` + id(model.EmailNode, 1) + `, ` +
				id(model.BlockedEmailNode, 2) + `]) { id } }`, 2,
		},
		"a recipient's events, its lists and its stats": {
			`{ recipient(address: "recipient1@EXAMPLE1.com") { ` +
				`events(` + w + `) { totalCount nodes { id ... on Bounce { type } } } ` +
				`last: events(` + w + `, order: NEWEST_FIRST, first: 5) { edges { node { at } } } ` +
				`stats(` + w + `) { sent delivered hardBounced blocked } } bounces(` + w +
				`, filter: {recipient: "recipient1@example1.com"}) { nodes { id } } }`, 3,
		},
		"a recipient's events with senders": {
			`{ recipient(address: "recipient1@example1.com") { events(` + w +
				`, last: 20) { nodes { userId sender { address } } } } }`, 6,
		},
		"a suppression": {
			`{ recipient(address: "recipient1@example1.com") { suppression { verdict asOf because { id } } } }`, 3,
		},
		"emails with what became of them": {
			`{ emails(` + w + `, first: 500) { nodes { bounce { code sender { address } } blocked { reason } } } }`, 4,
		},
		"each user's emails with what became of them": {
			`{ users(` + w + `, ` + p + `) { nodes { emails(` + w + `, first: 200) { nodes { bounce { code } } } } } }`,
			3 + 3 + 6,
		},
		"a message": {
			`{ message(emailId: "` + rowsAt(day+upstream.Time(3*72), 3).Emails[0].EmailID + `", ` + w +
				`) { recipients { recipient outcome at bounce { code } blocked { reason } } } }`, 3,
		},
		"senders by a rate": {
			`{ senders(` + w + `, orderBy: {field: HARD_BOUNCE_RATE, direction: DESC}) { nodes { stats(` + w +
				`) { hardBounceRate } } } }`, 3,
		},
		"days of a time zone, with rates": {
			`{ stats(` + w + `) { series(interval: DAY, timeZone: "Europe/Berlin") { bounceRate blockedRate } } }`, 3,
		},
		"days that begin within an hour": {
			`{ stats(` + w + `) { series(interval: DAY, timeZone: "Asia/Kolkata") { sent hardBounced } } }`, 4,
		},
		"a recipient alone": {`{ recipient(address: "recipient1@example1.com") { address } }`, 0},
		"an invalid argument": {
			`{ bounces(` + w + `, first: 501) { nodes { id } } senders(` + w +
				`, userId: "x") { totalCount } node(id: "x") { id } }`, 0,
		},
		"too long texts": {
			`{ bounces(` + w + `, filter: {recipient: "` + strings.Repeat("a", 3000) + `"}) { totalCount } emails(` +
				w + `, after: "` + strings.Repeat("a", 3000) + `") { totalCount } }`, 0,
		},
	} {
		t.Run(name, func(t *testing.T) {
			g.called()
			g.ask(c.query, nil)
			calls := g.called()
			p := priceFor(t, c.query, nil, cost.Everyone)
			if p.Calls != c.calls || int64(len(calls)) != c.calls || p.WorstCalls < p.Calls {
				t.Errorf("planned %+v, made %d calls, want %d:\n%s", p, len(calls), c.calls, strings.Join(calls, "\n"))
			}
		})
	}
}

// Finding a bounce by a masked email id costs one more call than by a plain id. If a list has shown the id, the
// detail costs no more.
func TestPlanOfMaskedEmailIDsIsTheCost(t *testing.T) {
	t.Parallel()
	g := newGateway(t, ofUsers(leakRows("rcpt"), auth.Only(leakUser(0))))
	masked := auth.Caller{Users: auth.Everyone(), Scopes: auth.MetricsRead}
	var row any
	for _, r := range list(g.askBy(masked, `{ bounces(`+today+`) { nodes { id emailId userId senderId bouncedAt } } }`,
		nil).Data, "bounces", "nodes") {
		if auth.IsMaskedEmailID(get(r, "emailId").(string)) {
			row = r
		}
	}
	for query, calls := range map[string]int{
		fmt.Sprintf(`{ node(id: %q) { ... on Bounce { detail { ruleName } } } }`,
			get(row, "id")): 2,
		fmt.Sprintf(`{ bounce(userId: %q, senderId: %q, bouncedAt: %q, emailId: %q) { detail { ruleName } } }`,
			get(row, "userId"), get(row, "senderId"), get(row, "bouncedAt"), get(row, "emailId")): 2,
		`{ bounces(window: {between: {start: "2016-11-22T00:00:00Z", end: "2016-11-22T00:00:01Z"}}, ` +
			`first: 1) { nodes { detail { ruleName } } } }`: 2,
	} {
		g.called()
		r := g.askBy(masked, query, nil)
		made, p := g.called(), priceFor(t, query, nil, cost.Everyone)
		if len(r.Errors) > 0 || len(made) != calls || p.Calls != int64(calls) || p.WorstCalls < p.Calls {
			t.Errorf("planned %+v, made %d calls, want %d for %s: %v", p, len(made), calls, query, r.Errors)
		}
	}
}

// No operation makes more calls or returns more rows than the worst case of its plan.
func TestNoOperationExceedsItsPlan(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(1200))
	schema := generated.NewExecutableSchema(resolvers.Schema()).Schema()
	random := rand.New(rand.NewPCG(3, 4))
	made, planned := int64(0), int64(0)
	for i := range 40 {
		query := randomOperation{
			schema: schema, random: random, fragments: map[string]string{}, connections: 3, nesting: 4,
		}.write()
		variables := map[string]any{"yes": true, "no": false}
		for users, scope := range map[int]auth.Users{
			cost.Everyone: auth.Everyone(), 3: auth.Only(20, 22, 25),
			10: auth.Only(17, 18, 19, 20, 21, 22, 23, 24, 25, 26), 1: auth.Only(21), 0: auth.Only(),
		} {
			if users != cost.Everyone && i%4 != 0 {
				continue
			}
			p := priceFor(t, query, variables, users)
			if p.WorstCalls > 3000 {
				continue // it would take too long
			}
			g.called()
			resp := g.askAs(scope, query, variables)
			for _, e := range resp.Errors {
				t.Fatalf("operation %d: %s: %v", i, query, e)
			}
			calls := g.called()
			if int64(len(calls)) > p.WorstCalls {
				t.Fatalf("operation %d of a caller with %d users: %d calls, want at most %d, %+v: %s\n%s", i, users,
					len(calls), p.WorstCalls, p, query, strings.Join(calls, "\n"))
			}
			if n := rowsIn(resp.Data); n > p.WorstRows {
				t.Fatalf("operation %d: %d rows, want at most %d: %s", i, n, p.WorstRows, query)
			}
			made, planned = made+int64(len(calls)), planned+p.Calls
		}
	}
	t.Logf("%d calls made, %d planned", made, planned)
	if made < 300 {
		t.Errorf("only %d calls were made", made)
	}
}

// Pages with cursors cost what is planned, unless they lie in two upstream pages. They never cost more than the
// worst case, for any caller.
func TestPagesWithCursorsAreWithinTheirPlan(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(1300))
	for users, who := range map[int]auth.Users{cost.Everyone: auth.Everyone(), 2: auth.Only(20, 22)} {
		for _, c := range []struct{ size, cursor, edge, more, args string }{
			{"first", "after", "endCursor", "hasNextPage", ""},
			{"last", "before", "startCursor", "hasPreviousPage", ""},
			{"first", "after", "endCursor", "hasNextPage", `, filter: {domain: "example1.com"}`},
			{"last", "before", "startCursor", "hasPreviousPage", `, filter: {domain: "example1.com"}`},
			{"first", "after", "endCursor", "hasNextPage", `, order: NEWEST_FIRST`},
			{"last", "before", "startCursor", "hasPreviousPage", `, order: NEWEST_FIRST`},
			{"first", "after", "endCursor", "hasNextPage", `, order: NEWEST_FIRST, filter: {domain: "example1.com"}`},
		} {
			query := `query($n: Int, $at: String) { emails(` + today + `, ` + c.size + `: $n, ` + c.cursor + `: $at` +
				c.args + `) { totalCount nodes { id } pageInfo { ` + c.more + ` ` + c.edge + ` } } }`
			for _, n := range []int{90, 500} {
				var at any
				for more := any(true); more == true; {
					variables := map[string]any{"n": n, "at": at}
					p := priceFor(t, query, variables, users)
					g.called()
					data := g.dataAs(who, query, variables)
					if calls := g.called(); int64(len(calls)) > p.WorstCalls ||
						users == cost.Everyone && c.args == "" && int64(len(calls)) > p.Calls+2 {
						t.Fatalf("%s: %d at %v: %d calls, planned %+v\n%s", query, n, at, len(calls), p,
							strings.Join(calls, "\n"))
					}
					at, more = get(data, "emails", "pageInfo", c.edge), get(data, "emails", "pageInfo", c.more)
				}
			}
		}
	}
}

// rowsIn counts the elements of the lists in an answer, except custom headers.
func rowsIn(v any) (n int64) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			if m, ok := e.(map[string]any); !ok || m["__typename"] != "XHeader" {
				n++
			}
			n += rowsIn(e)
		}
	case map[string]any:
		for _, e := range v {
			n += rowsIn(e)
		}
	}
	return n
}
