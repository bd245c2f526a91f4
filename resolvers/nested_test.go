package resolvers_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/internal/auth"
	"deliverygraph/resolvers/cost"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// nestedLists are selections of lists below senders and users, each with the filter that selects the same list
// below Query.
var nestedLists = []struct{ field, args, filter, selection string }{
	{
		"bounces", "first: 5", "",
		`{ edges { cursor node { id category } } pageInfo { hasNextPage hasPreviousPage endCursor } }`,
	},
	{"bounces", "last: 5", "", `{ totalCount edges { cursor node { id } } pageInfo { hasNextPage hasPreviousPage } }`},
	{"bounces", "last: 30", "type: HARD", `{ totalCount nodes { id type } pageInfo { startCursor endCursor } }`},
	{"bounces", "first: 0", "", `{ totalCount nodes { id } pageInfo { hasNextPage } }`},
	{"bounces", "first: 3", "type: SOFT", `{ totalCount }`},
	{"emails", "first: 500", "", `{ totalCount edges { cursor } pageInfo { hasNextPage } }`},
	{"emails", "last: 500", "", `{ edges { cursor } pageInfo { hasPreviousPage } }`},
	{
		"emails", "last: 7", `domain: "example1.com"`,
		`{ totalCount edges { cursor node { id } } pageInfo { hasPreviousPage } }`,
	},
	{
		"emails", "first: 40", "deliveredOnly: true",
		`{ edges { cursor node { id delivered } } pageInfo { hasNextPage endCursor } }`,
	},
	{"blockedEmails", "first: 50", `domain: "no.example.com"`, `{ totalCount nodes { id } pageInfo { endCursor } }`},
	{"blockedEmails", "last: 1", "", `{ edges { cursor node { id sender { address } user { userId } } } }`},
	{
		"bounces", "first: 4", "", `{ nodes { id sender { address userId stats(` + today +
			`) { sent bounceRate } } user { stats(window: {last: "PT12H"}) { blocked } } } }`,
	},
	{
		"bounces", "last: 4", `senderId: "103"`,
		`{ totalCount nodes { id sender { address stats(` + today + `) { sent } } user { stats(` + today +
			`) { sent } } } pageInfo { hasPreviousPage } }`,
	},
	{
		"bounces", "first: 4", `userId: "21"`,
		`{ totalCount nodes { id sender { address stats(` + today + `) { sent } } user { stats(` + today +
			`) { sent } } } pageInfo { hasNextPage } }`,
	},
}

// A list of a sender or user is byte for byte the same list below Query, cursors included, however many calls its
// siblings share.
func TestNestedListsAreTheListsOfEach(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(5, 6))
	windows := []string{
		today, `window: {between: {start: "2016-11-22T06:00:00Z", end: "2016-11-22T09:00:00Z"}}`,
		`window: {last: "P2D"}`,
	}
	callers := []auth.Caller{
		{Users: auth.Everyone(), Scopes: auth.AllScopes},
		{Users: auth.Everyone(), Scopes: auth.MetricsRead},
		{Users: auth.Only(21), Scopes: auth.AllScopes},
		{Users: auth.Only(20, 22), Scopes: auth.AllScopes},
	}
	split, made := 0, 0
	for _, rows := range []int{40, 499, 1100} {
		g := newGateway(t, crowdedDay(rows))
		for n := range len(nestedLists) {
			l := nestedLists[n%len(nestedLists)]
			found, in, who := windows[random.IntN(2)], windows[random.IntN(len(windows))],
				callers[random.IntN(len(callers))]
			if !who.Scopes.Has(auth.RecipientsRead) && strings.Contains(l.selection, " id ") {
				l.selection = strings.ReplaceAll(l.selection, " id ", " emailId ")
			}
			parent, key := "senders("+found+fmt.Sprintf(", first: %d)", 1+random.IntN(24)), "senderId"
			switch kind := random.IntN(3); {
			case kind == 0 && !strings.HasPrefix(l.filter, "userId") || strings.HasPrefix(l.filter, "senderId"):
				parent, key = "users("+found+")", "userId"
			case kind == 1:
				parent = "senders(" + found + `, userId: "21")`
			}
			filter := ""
			if l.filter != "" {
				filter = ", filter: {" + l.filter + "}"
			}
			query := fmt.Sprintf(`{ %s { nodes { key: %s list: %s(%s, %s%s) %s } } }`, parent, key, l.field, in, l.args,
				filter, l.selection)
			g.called()
			resp := g.askBy(who, query, nil)
			calls := len(g.called())
			field, _, _ := strings.Cut(parent, "(")
			parents := list(resp.Data, field, "nodes")
			for _, p := range parents {
				alone := g.askBy(who, fmt.Sprintf(`{ list: %s(%s, %s, filter: {%s: %q, %s}) %s }`, l.field, in, l.args,
					key, get(p, "key"), l.filter, l.selection), nil)
				if d := cmp.Diff(get(alone.Data, "list"), get(p, "list")); d != "" ||
					len(resp.Errors)+len(alone.Errors) > 0 {
					t.Fatalf("%d rows, %s: the list of %v differs (-alone +nested):\n%s\n%v %v", rows, query,
						get(p, "key"), d, resp.Errors, alone.Errors)
				}
			}
			if made += calls; who.Users.Len() < 0 && calls < 3+len(parents) {
				split++
			}
		}
	}
	if split < 12 {
		t.Errorf("only %d operations had fewer calls than lists", split)
	}
	t.Logf("%d calls", made)
}

// crowdedDay returns n events of each kind. Of seven, five share a second and so are in order by email id.
func crowdedDay(n int) upstreamtest.Rows {
	rows := rowsOfDay(0)
	for i := range n {
		at := i
		if i%7 < 5 {
			at = i - i%7
		}
		rows.Append(rowsAt(day+upstream.Time(at*86400/n), i))
	}
	return rows
}

// Rows arrive with every call, early and late in the window. No list of a sender repeats or loses a row that was
// there before, on its first page or on those that follow.
func TestNestedListsNeverRepeatOrLoseRowsWhileRowsArrive(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		const before = 1100
		g := newGateway(t, rowsOfDay(before))
		random := rand.New(rand.NewPCG(seed, 9))
		var mu sync.Mutex
		n := before
		g.intrude = func(_ http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/bounces" {
				mu.Lock()
				defer mu.Unlock()
				for range 1 + random.IntN(3) {
					g.write(rowsAt(day+upstream.Time(random.IntN(86400)), n))
					n++
				}
			}
			return false
		}
		args := []string{"first: 20", "last: 20", "first: 70"}[seed%3]
		forward := strings.HasPrefix(args, "first")
		seen := map[string]int{}
		take := func(l any) (cursor, more any) {
			for _, r := range list(l, "nodes") {
				seen[get(r, "emailId").(string)]++
			}
			if forward {
				return get(l, "pageInfo", "endCursor"), get(l, "pageInfo", "hasNextPage")
			}
			return get(l, "pageInfo", "startCursor"), get(l, "pageInfo", "hasPreviousPage")
		}
		const selection = `{ nodes { emailId } pageInfo { startCursor endCursor hasNextPage hasPreviousPage } }`
		data := g.data(`{ senders(`+today+`) { nodes { senderId bounces(`+today+`, `+args+`) `+selection+` } } }`, nil)
		for _, s := range list(data, "senders", "nodes") {
			cursor, more := take(get(s, "bounces"))
			for more == true {
				at := "after"
				if !forward {
					at = "before"
				}
				page := g.data(fmt.Sprintf(`{ bounces(%s, %s, %s: %q, filter: {senderId: %q}) %s }`, today, args, at,
					cursor, get(s, "senderId"), selection), nil)
				cursor, more = take(get(page, "bounces"))
			}
		}
		for i, b := range rowsOfDay(before).Bounces {
			if seen[b.EmailID] != 1 {
				t.Fatalf("seed %d: row %d was seen %d times", seed, i, seen[b.EmailID])
			}
		}
		for id, times := range seen {
			if times > 1 {
				t.Errorf("seed %d: %s was seen %d times", seed, id, times)
			}
		}
	}
}

// The explanation of nested lists shows the batch and the calls.
func TestExplainShowsNestedListsAsOneCall(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(300))
	g.serveWith(g.client, cost.Options{Allowed: true})
	g.header = http.Header{"X-Explain": {"1"}}
	resp := g.ask(`{ senders(`+today+`) { nodes { bounces(`+today+`, last: 5) { nodes { id } } } } }`, nil)
	out, _ := json.Marshal(resp.explained())
	for _, want := range []string{
		`"loader":"lists of users and senders"`, `"keys":24`, `"sent":4`,
		`"path":"/bounces?start_time=1479772800\u0026end_time=1479859200"`,
	} {
		if !bytes.Contains(out, []byte(want)) {
			t.Errorf("the explanation lacks %s: %s", want, out)
		}
	}
	if plan := fmt.Sprint(resp.explained("plan", "calls")); plan != "4" {
		t.Errorf("planned %s calls, want 4", plan)
	}
}
