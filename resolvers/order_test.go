package resolvers_test

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"

	"deliverygraph/upstream"
)

// Users and senders are ordered by any field of their stats, in both directions and through all pages, with those
// last that have no rate.
func TestUsersAndSendersAreOrderedByStats(t *testing.T) {
	t.Parallel()
	rows := rowsOfDay(240)
	silent := rows.Senders[3].SenderID // a sender without emails
	rows = rows.Select(func(k upstream.Kind, e upstream.Event) bool {
		return (k != upstream.Emails || e.SenderID != silent) && (e.BlockedReason == "" || e.Time < day+10*3600)
	})
	for i := range rows.Bounces { // so that there are ties as well as differences
		if i%5 < 2 {
			rows.Bounces[i].SenderID, rows.Bounces[i].UserID = 101, 20
		}
	}
	g := newGateway(t, rows)
	stats := map[string]string{
		"SENT": "sent", "BOUNCED": "bounced", "HARD_BOUNCED": "hardBounced", "SOFT_BOUNCED": "softBounced",
		"BLOCKED": "blocked", "BOUNCE_RATE": "bounceRate", "HARD_BOUNCE_RATE": "hardBounceRate",
		"SOFT_BOUNCE_RATE": "softBounceRate", "BLOCKED_RATE": "blockedRate",
	}
	all := ` { ` + strings.Join(slices.Sorted(mapValues(stats)), " ") + ` }`
	for list, key := range map[string]string{"users": "userId", "senders": "senderId"} {
		whole := get(g.data(`{
			`+list+`(`+today+`, first: 500) { nodes { n: `+key+` stats(`+today+`)`+all+` } }
		}`, nil), list, "nodes").([]any)
		for field, stat := range stats {
			for _, direction := range []string{"ASC", "DESC"} {
				want := slices.Clone(whole)
				slices.SortStableFunc(want, func(a, b any) int {
					x, y := number(get(a, "stats", stat)), number(get(b, "stats", stat))
					switch {
					case x == nil || y == nil:
						return cmp.Compare(fmt.Sprint(x == nil), fmt.Sprint(y == nil)) // false before true
					case direction == "DESC":
						return cmp.Compare(*y, *x)
					}
					return cmp.Compare(*x, *y)
				})
				query := `query($at: String) { ` + list + `(` + today + `, ` +
					`orderBy: {field: ` + field + `, direction: ` + direction + `}, first: 4, after: $at) { ` +
					`nodes { n: ` + key + ` stats(` + today + `)` + all + ` } ` +
					`pageInfo { hasNextPage endCursor } } }`
				g.called()
				var got []any
				for at := any(nil); ; {
					page := get(g.data(query, map[string]any{"at": at}), list)
					got = append(got, get(page, "nodes").([]any)...)
					if get(page, "pageInfo", "hasNextPage") != true {
						break
					}
					at = get(page, "pageInfo", "endCursor")
				}
				if fmt.Sprint(got) != fmt.Sprint(want) {
					t.Errorf("%s by %s %s:\ngot  %v\nwant %v", list, field, direction, got, want)
				}
				if calls, pages := len(g.called()), (len(want)+3)/4; calls != 3*pages {
					t.Errorf("%d calls for %d pages", calls, pages)
				}
			}
		}
	}
}

func mapValues(m map[string]string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for _, v := range m {
			if !yield(v) {
				return
			}
		}
	}
}

func number(v any) *float64 {
	if v == nil {
		return nil
	}
	var f float64
	_, _ = fmt.Sscan(fmt.Sprint(v), &f)
	return &f
}

// By number, both directions work, and cursors are bound to the order.
func TestSendersInDescendingOrder(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(48))
	up := get(g.data(`{
		senders(`+today+`, orderBy: {field: ID}) { nodes { senderId } pageInfo { startCursor } }
	}`, nil), "senders")
	down := get(g.data(`{ senders(`+today+`, orderBy: {field: ID, direction: DESC}) { nodes { senderId } } }`, nil),
		"senders", "nodes").([]any)
	slices.Reverse(down)
	if fmt.Sprint(get(up, "nodes")) != fmt.Sprint(down) || len(down) != 24 {
		t.Errorf("%v, want %v", down, get(up, "nodes"))
	}
	at := map[string]any{"at": get(up, "pageInfo", "startCursor")}
	if n := get(g.data(`query($at: String) { senders(`+today+`, after: $at) { nodes { senderId } } }`, at), "senders",
		"nodes").([]any); len(n) != 23 {
		t.Errorf("%d senders after the first", len(n))
	}
	for _, order := range []string{"{field: ID, direction: DESC}", "{field: SENT}"} {
		r := g.ask(`query($at: String) {
			senders(`+today+`, orderBy: `+order+`, after: $at) { nodes { senderId } }
		}`, at)
		if len(r.Errors) != 1 || r.Errors[0].Extensions["argument"] != "after" {
			t.Errorf("%s: %+v", order, r)
		}
	}
}
