package resolvers_test

import (
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"

	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/upstreamtest/fault"
)

// A client that pages through a list of a faulty remote sees each row once.
func TestPagingFaultyRemoteNeverRepeatsRows(t *testing.T) {
	t.Parallel()
	calm := newGateway(t, rowsOfDay(1300))
	for name, ends := range map[string]int{
		"page longer than 500": 1300, "rows repeated across pages": 1300, "rows outside the window": 1300,
		"page shorter than 500 in the middle": 300,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, _ := fault.Named(name)
			g := calm.over(t, f.Wrap(embedded.New(calm.store, embedded.Options{})))
			seen := map[string]bool{}
			for after := any(nil); ; {
				page := g.data(`query($after: String) { emails(`+today+
					`, first: 400, after: $after) { totalCount nodes { id } pageInfo { hasNextPage endCursor } } }`,
					map[string]any{"after": after})
				if total := plain(get(page, "emails", "totalCount")); total != fmt.Sprint(ends) {
					t.Errorf("the total is %v", total)
				}
				for _, n := range get(page, "emails", "nodes").([]any) {
					id := get(n.(map[string]any), "id").(string)
					if seen[id] {
						t.Fatal("a row was repeated")
					}
					seen[id] = true
				}
				if get(page, "emails", "pageInfo", "hasNextPage") == false {
					break
				}
				after = get(page, "emails", "pageInfo", "endCursor")
			}
			if len(seen) != ends {
				t.Errorf("%d rows, want %d", len(seen), ends)
			}
		})
	}
}

// Rows from outside the window are not shown or counted, and do not end the list, whether all calls return them
// or only the first.
func TestRowsOutsideTheWindowAreDropped(t *testing.T) {
	t.Parallel()
	const part = `window: {between: {start: 1479780000, end: 1479830000}}`
	calm := newGateway(t, rowsOfDay(2000))
	f, _ := fault.Named("rows outside the window")
	for name, calls := range map[string]int64{"in the first call": 1, "in every call": math.MaxInt64} {
		for query, uncounted := range map[string]bool{
			`emails(` + part + `, last: 20) { totalCount nodes { id } ` +
				`pageInfo { hasNextPage hasPreviousPage } }`: false,
			`emails(` + part + `, first: 20) { totalCount nodes { id } ` +
				`pageInfo { hasNextPage hasPreviousPage } }`: false,
			`emails(` + part + `, last: 500, filter: {domain: "example1.com"}) { totalCount nodes { id } ` +
				`pageInfo { hasPreviousPage } }`: false,
			`emails(` + part + `, first: 20, filter: {deliveredOnly: true}) { totalCount nodes { id } ` +
				`pageInfo { hasNextPage } }`: true,
			`emails(` + part + `, last: 20, filter: {deliveredOnly: true}) { totalCount nodes { id } ` +
				`pageInfo { hasNextPage hasPreviousPage } }`: true,
		} {
			t.Run(name+": "+query, func(t *testing.T) {
				t.Parallel()
				g := calm.over(t, calm.inFirst(calls, "/emails", f))
				want, got := calm.ask("{ "+query+" }", nil), g.ask("{ "+query+" }", nil)
				if len(want.Errors) > 0 {
					t.Fatal(want.Errors)
				}
				if uncounted {
					if len(got.Errors) != 1 || pathPrefix(got.Errors[0].Path) != "emails/totalCount/" ||
						got.Errors[0].Extensions["code"] != "UPSTREAM_INVALID_RESPONSE" {
						t.Errorf("errors: %v", got.Errors)
					}
					got.Errors = nil
					want.Data["emails"].(map[string]any)["totalCount"] = nil
				}
				if len(got.Errors) > 0 {
					t.Errorf("errors: %v", got.Errors)
				}
				if d := cmp.Diff(want.Data, got.Data); d != "" {
					t.Error(d)
				}
			})
		}
	}
}

// Among rows of other seconds, an object is found by id, or the answer says that it cannot be found.
func TestNodeAmongRowsOutsideTheWindow(t *testing.T) {
	t.Parallel()
	rows := rowsOfDay(700)
	one := &rows.Emails[0]
	for i := range rows.Emails {
		e := &rows.Emails[i]
		e.UserID, e.SenderID, e.EmailAddress, e.Local, e.Domain = one.UserID, one.SenderID, one.EmailAddress, one.Local,
			one.Domain
	}
	calm := newGateway(t, rows)
	id := get(calm.data(`{ emails(`+today+`, last: 1) { nodes { id } } }`, nil), "emails", "nodes", 0, "id")
	f, _ := fault.Named("rows outside the window")
	for calls, code := range map[int64]any{1: "UPSTREAM_INVALID_RESPONSE", math.MaxInt64: nil} {
		g := calm.over(t, calm.inFirst(calls, "/", f))
		got := g.ask(`query($id: ID!) { node(id: $id) { id } }`, map[string]any{"id": id})
		switch {
		case code == nil && (len(got.Errors) > 0 || get(got.Data, "node", "id") != id):
			t.Errorf("in every call: %v", got)
		case code != nil && (len(got.Errors) != 1 || got.Errors[0].Extensions["code"] != code):
			t.Errorf("in the first call: %v", got)
		}
	}
}
