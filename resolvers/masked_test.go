package resolvers_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
)

// askAs sends an operation of a caller.
func (g *leakGateway) askAs(t *testing.T, c auth.Caller, query string) response {
	t.Helper()
	var resp response
	if err := json.Unmarshal(g.ask(c, query), &resp); err != nil {
		t.Fatal(err)
	}
	return resp
}

// Each masked row comes once when paging in small steps, forward and backward, and is found by its id. Ids with
// an address are refused, whether or not there is such a row.
func TestMaskedRowsCanBePagedAndFoundByID(t *testing.T) {
	t.Parallel()
	rows := ofUsers(leakRows("rcpt"), auth.Only(leakUser(0), leakUser(1)))
	g := newLeakGateway(t, rows, cached.DefaultSettle)
	masked := auth.Caller{Users: auth.Only(leakUser(0), leakUser(1)), Scopes: auth.MetricsRead}
	for _, k := range upstream.Kinds {
		kind, n := fieldOf(k), rows.Of(k).Len()
		for _, way := range [][3]string{{"first", "after", "endCursor"}, {"last", "before", "startCursor"}} {
			var ids []string
			found := map[string]string{}
			for cursor := ""; len(ids) <= n; {
				paging := way[0] + ": 7"
				if cursor != "" {
					paging += fmt.Sprintf(", %s: %q", way[1], cursor)
				}
				resp := g.askAs(t, masked, `{ list: `+kind+`(`+today+`, `+paging+
					`) { totalCount nodes { id recipient localPart emailId } pageInfo { `+way[2]+` } } }`)
				page := list(resp.Data, "list", "nodes")
				for _, row := range page {
					id := get(row, "id").(string)
					ids = append(ids, id)
					found[id] = fmt.Sprint(get(row, "recipient"))
				}
				if total := fmt.Sprint(get(resp.Data, "list", "totalCount")); total != fmt.Sprint(n) ||
					len(resp.Errors) > 0 {
					t.Fatalf("%s: %s in all, want %d; %v", kind, total, n, resp.Errors)
				}
				if len(page) == 0 {
					break
				}
				cursor = get(resp.Data, "list", "pageInfo", way[2]).(string)
			}
			if len(ids) != n || len(found) != n {
				t.Errorf("%s by %s: %d rows, %d different ones, want %d", kind, way[0], len(ids), len(found), n)
			}
			text, _ := json.Marshal(ids)
			nodes := list(g.askAs(t, masked, `{ nodes(ids: `+string(text)+
				`) { id ... on DeliveryEvent { recipient } } }`).Data, "nodes")
			for i, id := range ids {
				if get(nodes[i], "id") != id || get(nodes[i], "recipient") != found[id] || !auth.IsMasked(found[id]) {
					t.Errorf("%s %d: found %v, want %s", kind, i, nodes[i], found[id])
				}
			}
		}
		var raw []string
		for _, row := range list(g.askAs(t, auth.Anyone(),
			`{ list: `+kind+`(`+today+`, first: 20) { nodes { id } } }`).Data, "list", "nodes") {
			raw = append(raw, get(row, "id").(string))
		}
		text, _ := json.Marshal(raw)
		resp := g.askAs(t, masked, `{ nodes(ids: `+string(text)+`) { id } }`)
		if len(resp.Errors) != len(raw) || slices.ContainsFunc(list(resp.Data, "nodes"),
			func(n any) bool { return n != nil }) {
			t.Errorf("%s by ids with addresses: %v", kind, resp)
		}
		for _, e := range resp.Errors {
			if e.Extensions["code"] != "FORBIDDEN" || e.Extensions["argument"] != fmt.Sprintf("ids[%v]", e.Path[1]) ||
				!strings.Contains(e.Message, "recipients:read") {
				t.Errorf("%s by an id with an address: %v", kind, e)
			}
		}
	}
}

// An email id with an address is shown as a pseudonym, also in ids. The pseudonym finds the bounce and its
// detail; the real id finds nothing.
func TestMaskedEmailIDsFindTheirBounces(t *testing.T) {
	t.Parallel()
	rows := ofUsers(leakRows("rcpt"), auth.Only(leakUser(0), leakUser(1)))
	g := newLeakGateway(t, rows, cached.DefaultSettle)
	masked := auth.Caller{Users: auth.Only(leakUser(0), leakUser(1)), Scopes: auth.MetricsRead | auth.ContentRead}
	const fields = `id emailId userId senderId bouncedAt recipient detail { ruleName }`
	found := 0
	for _, row := range list(g.askAs(t, masked, `{ bounces(`+today+`, first: 100) { nodes { `+fields+` } } }`).Data,
		"bounces", "nodes") {
		id := get(row, "emailId").(string)
		if !auth.IsMaskedEmailID(id) {
			continue
		}
		found++
		again := g.askAs(t, masked,
			fmt.Sprintf(`{ node(id: %q) { ... on Bounce { %s } } bounce(userId: %q, senderId: %q, bouncedAt: %q, `+
				`emailId: %q) { %[2]s } }`,
				get(row, "id"), fields, get(row, "userId"), get(row, "senderId"), get(row, "bouncedAt"), id))
		if d := cmp.Diff(row, get(again.Data, "node")); d != "" && get(row, "detail") != nil {
			t.Errorf("by its id: %s", d)
		}
		if get(again.Data, "bounce", "emailId") != id || get(again.Data, "bounce", "detail", "ruleName") == nil {
			t.Errorf("by its email id: %v, %v", again.Data, again.Errors)
		}
	}
	if found < 5 {
		t.Errorf("%d are masked", found)
	}
	tried := 0
	for _, b := range rows.Bounces {
		if !strings.Contains(b.EmailID, "rcpt") {
			continue
		}
		tried++
		query := fmt.Sprintf(`{ bounce(userId: "%d", senderId: "%d", bouncedAt: %d, emailId: %%q) { id } }`, b.UserID,
			b.SenderID, b.BounceTime)
		for _, guess := range []string{b.EmailID, strings.Replace(b.EmailID, "rcpt", "other", 1)} {
			r := g.askAs(t, masked, fmt.Sprintf(query, guess))
			if len(r.Errors) != 1 || r.Errors[0].Extensions["code"] != "FORBIDDEN" ||
				r.Errors[0].Extensions["argument"] != "emailId" || strings.Contains(fmt.Sprint(r), "rcpt") {
				t.Errorf("by %s: %v", guess, r)
			}
		}
	}
	if tried == 0 {
		t.Error("no email id holds an address")
	}
}

// A text that the caller may not read is null with an error of its own, and the rest of the bounce is there.
func TestWithheldContentIsAnErrorAtItsField(t *testing.T) {
	t.Parallel()
	g := newLeakGateway(t, leakRows("rcpt"), cached.DefaultSettle)
	const detail = `detail { ruleName diagnosticCode fullContent }`
	for name, c := range map[string]struct {
		scopes auth.Scopes
		denied []string
	}{
		"all scopes":            {auth.AllScopes, nil},
		"no content":            {auth.MetricsRead | auth.RecipientsRead, []string{"diagnosticCode", "fullContent"}},
		"content, no addresses": {auth.MetricsRead | auth.ContentRead, []string{"fullContent"}},
	} {
		caller := auth.Caller{Users: auth.Only(leakUser(1)), Scopes: c.scopes}
		resp := g.askAs(t, caller, `{ bounces(`+today+`, first: 3) { nodes { id `+detail+` } } }`)
		rows := list(resp.Data, "bounces", "nodes")
		if len(rows) != 3 {
			t.Fatalf("%s: %v", name, resp)
		}
		single := g.askAs(t, caller, fmt.Sprintf(`{ node(id: %q) { ... on Bounce { %s } } }`, get(rows[0], "id"),
			detail))
		for _, answer := range []struct {
			response
			rows []any
		}{{resp, rows}, {single, []any{get(single.Data, "node")}}} {
			if want := len(answer.rows) * len(c.denied); len(answer.Errors) != want {
				t.Errorf("%s: %d errors, want %d", name, len(answer.Errors), want)
			}
			for _, e := range answer.Errors {
				if at := fmt.Sprint(e.Path...); e.Extensions["code"] != "FORBIDDEN" ||
					!strings.Contains(e.Message, "content:read") ||
					!slices.ContainsFunc(c.denied,
						func(f string) bool {
							return strings.HasSuffix(at, "detail"+f) || strings.HasSuffix(at, "detail "+f)
						}) {
					t.Errorf("%s: %v", name, e)
				}
			}
			for _, row := range answer.rows {
				for _, f := range []string{"diagnosticCode", "fullContent"} {
					if (get(row, "detail", f) == nil) != slices.Contains(c.denied, f) {
						t.Errorf("%s: %s is %v", name, f, get(row, "detail", f))
					}
				}
				if !strings.Contains(fmt.Sprint(get(row, "detail", "ruleName")), "rule") {
					t.Errorf("%s: the rest is missing: %v", name, row)
				}
			}
		}
	}
}

// Callers with and without recipients:read request the same rows with the same document, concurrently and
// repeatedly. Each gets the same answer as without a cache: text kept for one caller is never shown to another.
func TestConcurrentCallersNeverShareText(t *testing.T) {
	t.Parallel()
	rows := ofUsers(leakRows("rcpt"), auth.Only(leakUser(0), leakUser(1)))
	callers := []auth.Caller{
		auth.Anyone(),
		{Users: auth.Everyone(), Scopes: auth.MetricsRead},
		{Users: auth.Only(leakUser(0)), Scopes: auth.MetricsRead | auth.RecipientsRead},
		{Users: auth.Only(leakUser(1)), Scopes: auth.MetricsRead},
	}
	queries := []string{
		`{ bounces(` + today + `, first: 500) { nodes { recipient localPart type bouncedAt xHeaders { name ` +
			`value } } } }`,
		`{ emails(` + today + `, first: 500) { edges { node { recipient processedAt xHeaders { name value } } } } }`,
	}
	g := newLeakGateway(t, rows, cached.DefaultSettle)
	var want [4][2]string
	shown := map[string]bool{}
	for i, c := range callers {
		for j, q := range queries {
			want[i][j] = string(normalised(t, newLeakGateway(t, rows, cached.DefaultSettle).ask(c, q)))
			shown[want[i][j]] = true
		}
	}
	if len(shown) != len(callers)*len(queries) {
		t.Fatalf("all callers get the same answers: %d answers", len(shown))
	}
	var all sync.WaitGroup
	for range 3 {
		for i, c := range callers {
			all.Go(func() {
				for n := range 12 {
					j := n % len(queries)
					answer := g.ask(c, queries[j])
					if got := string(normalised(t, answer)); got != want[i][j] {
						t.Errorf("caller %d, round %d: got %.300s, want %.300s", i, n, got, want[i][j])
						return
					}
					if found := traceOf(answer, queries[j], c); found != "" {
						t.Errorf("caller %d sees %s", i, found)
					}
				}
			})
		}
	}
	all.Wait()
}
