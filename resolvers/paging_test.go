package resolvers_test

import (
	"fmt"
	"slices"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// Each row that was there when the walk began is seen exactly once, whatever the
// size of the pages and the direction, while rows arrive; and the number of
// upstream calls stays linear in the rows, or in the pages where these are smaller.
func TestWalkWhileRowsArrive(t *testing.T) {
	t.Parallel()
	const n = 20_000
	const w = `window: {between: {start: "2016-11-22T00:00:00Z", end: "2016-11-23T00:00:00Z"}}`
	forward := `query($first: Int, $at: String) { emails(` + w + `, first: $first, after: $at) { nodes { emailId } pageInfo { hasNextPage endCursor } } }`
	backward := `query($last: Int, $at: String) { emails(` + w + `, last: $last, before: $at) { nodes { emailId } pageInfo { hasPreviousPage startCursor } } }`
	for _, c := range []struct {
		size    int
		forward bool
	}{{500, true}, {500, false}, {50, true}, {50, false}, {7, true}} {
		name := fmt.Sprintf("pages of %d, forward %v", c.size, c.forward)
		t.Run(name, func(t *testing.T) {
			if testing.Short() && c.size < 50 {
				t.Skip("thousands of pages")
			}
			t.Parallel()
			g := newGateway(t, upstreamtest.Rows{})
			var start upstreamtest.Rows
			want := make([]string, n)
			for i := range n {
				// Many rows share a second, and one second has more than a page.
				at := day + upstream.Time(i/3)
				if i >= 9000 && i < 9700 {
					at = day + 3000
				}
				e := emailAt(at, fmt.Sprintf("%06d", i))
				start.Emails = append(start.Emails, e)
				want[i] = e.EmailID
			}
			g.write(start)
			slices.Sort(want) // the ids begin with the time
			g.called()
			query, pageInfo, more, edge, size := forward, "pageInfo", "hasNextPage", "endCursor", "first"
			if !c.forward {
				query, more, edge, size = backward, "hasPreviousPage", "startCursor", "last"
			}
			var got []string
			var at any
			for page := 0; ; page++ {
				data := g.data(query, map[string]any{size: c.size, "at": at})
				var ids []string
				for _, r := range list(data, "emails", "nodes") {
					ids = append(ids, get(r, "emailId").(string))
				}
				if c.forward {
					got = append(got, ids...)
				} else {
					got = append(ids, got...)
				}
				if get(data, "emails", pageInfo, more) != true {
					break
				}
				at = get(data, "emails", pageInfo, edge)
				if page%7 == 0 { // a row before, at and behind the place
					second := day + upstream.Time(len(got)/3)
					g.write(upstreamtest.Rows{Emails: []upstream.Email{
						emailAt(second-50, fmt.Sprintf("a%05d", page)),
						emailAt(second, fmt.Sprintf("a%05d", page)),
						emailAt(second+50, fmt.Sprintf("a%05d", page)),
					}})
				}
				if page > n {
					t.Fatal("the walk does not end")
				}
			}
			seen := map[string]int{}
			for _, id := range got {
				seen[id]++
			}
			for _, id := range want {
				if seen[id] != 1 {
					t.Fatalf("%s was seen %d times", id, seen[id])
				}
			}
			if !slices.IsSorted(got) {
				t.Error("rows are out of order")
			}
			calls := len(g.called())
			t.Logf("%d calls for %d rows", calls, len(got))
			// There is no cache here, so each client page asks again for the upstream
			// page that it is cut from, and for one more where it runs over its end.
			if most := len(got)/c.size + len(got)/499 + 10; calls > most {
				t.Errorf("%d calls, want at most %d", calls, most)
			}
		})
	}
}

func emailAt(at upstream.Time, serial string) upstream.Email {
	return upstream.Email{
		UserID: 20, SenderID: 100, EmailID: at.UTC().Format("20060102150405") + "." + serial, EmailAddress: "recipient@example.com",
		Local: "recipient", Domain: "example.com", ProcessTime: at,
	}
}
