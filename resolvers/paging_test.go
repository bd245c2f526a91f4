package resolvers_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"deliverygraph/internal/auth"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// Each row that was there when the walk began comes exactly once, for any page size and direction, while rows
// arrive. The number of upstream calls is linear in the number of rows, or in the number of client pages if
// they are smaller and nothing is cached.
func TestPagingNeverRepeatsOrLosesRowsThatStay(t *testing.T) {
	t.Parallel()
	const n = 5_000
	const w = `window: {between: {start: "2016-11-22T00:00:00Z", end: "2016-11-23T00:00:00Z"}}`
	forward := `query($first: Int, $at: String) { emails(` + w +
		`, first: $first, after: $at) { nodes { emailId } pageInfo { hasNextPage endCursor } } }`
	backward := `query($last: Int, $at: String) { emails(` + w +
		`, last: $last, before: $at) { nodes { emailId } pageInfo { hasPreviousPage startCursor } } }`
	for _, c := range []struct {
		size    int
		forward bool
		kept    bool // upstream pages are cached for the whole walk
	}{
		{500, true, false}, {500, false, false}, {50, true, false}, {50, false, true}, {7, true, true},
		{7, false, true},
	} {
		name := fmt.Sprintf("pages of %d, forward %v, kept %v", c.size, c.forward, c.kept)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, upstreamtest.Rows{})
			if c.kept {
				g.serve(upstream.Around(g.client, (&keeping{pages: map[upstream.Question]any{}}).ask))
			}
			var start upstreamtest.Rows
			want := make([]string, n)
			for i := range n {
				// Many rows share a second, and one second has more than a page.
				at := day + upstream.Time(i/3)
				if crowd := n * 9 / 20; i >= crowd && i < crowd+700 {
					at = day + upstream.Time(crowd/3)
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
			arrived := -1
			for page := 0; ; page++ {
				data := g.data(query, map[string]any{size: c.size, "at": at})
				var ids []string
				for _, r := range list(data, "emails", "nodes") {
					ids = append(ids, get(r, "emailId").(string))
				}
				if !c.forward {
					slices.Reverse(ids)
				}
				got = append(got, ids...)
				if get(data, "emails", pageInfo, more) != true {
					break
				}
				at = get(data, "emails", pageInfo, edge)
				if len(got)/1000 > arrived { // add rows before, at and after the current place
					arrived = len(got) / 1000
					place := len(got)
					if !c.forward {
						place = max(0, n-len(got))
					}
					second := day + upstream.Time(place/3)
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
			if !c.forward {
				slices.Reverse(got)
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
			// Without a cache, each client page fetches the upstream page that contains it, and another if it
			// crosses the end. With a cache, rows that arrive before the place shift it, so a page is fetched
			// again.
			most := len(got)/499 + arrived + 10
			if !c.kept {
				most += len(got) / c.size
			}
			if calls > most {
				t.Errorf("%d calls, want at most %d", calls, most)
			}
		})
	}
}

// keeping is an API that caches pages forever.
type keeping struct {
	mu    sync.Mutex
	pages map[upstream.Question]any
}

func (k *keeping) ask(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if page, ok := k.pages[*q]; ok {
		return page, nil
	}
	page, err := next.Ask(ctx, q)
	if err == nil && q.Shape == upstream.ShapeList {
		k.pages[*q] = page
	}
	return page, err
}

func emailAt(at upstream.Time, serial string) upstream.Email {
	return upstream.Email{
		UserID: 20, SenderID: 100, EmailID: at.UTC().Format("20060102150405") + "." + serial,
		EmailAddress: "recipient@example.com",
		Local:        "recipient", Domain: "example.com", ProcessTime: at,
	}
}

// A caller who may see several users pages through their rows as one list, and sees each of their rows once and
// no others.
func TestPagingSeveralUsersReadsOneList(t *testing.T) {
	t.Parallel()
	rows := rowsOfDay(2400)
	for i := range rows.Emails { // several users in each second
		rows.Emails[i].ProcessTime = day + upstream.Time(i/5)
	}
	g := newGateway(t, rows)
	scope := []upstream.ID{21, 22, 24}
	var want []string
	for _, e := range rows.Emails {
		if slices.Contains(scope, e.UserID) {
			want = append(want, e.EmailID)
		}
	}
	for name, c := range map[string]struct{ query, more, edge string }{
		"forwards": {
			`query($at: String) { emails(` + today +
				`, first: 130, after: $at) { totalCount nodes { emailId } pageInfo { hasNextPage endCursor } } }`,
			"hasNextPage", "endCursor",
		},
		"backwards": {
			`query($at: String) { emails(` + today +
				`, last: 130, before: $at) { totalCount nodes { emailId } pageInfo { hasPreviousPage startCursor } } }`,
			"hasPreviousPage", "startCursor",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			var at any
			for range 20 {
				data := g.dataAs(auth.Only(scope...), c.query, map[string]any{"at": at})
				var ids []string
				for _, r := range list(data, "emails", "nodes") {
					ids = append(ids, get(r, "emailId").(string))
				}
				if got = append(got, ids...); name == "backwards" {
					got = append(ids, got[:len(got)-len(ids)]...)
				}
				if total := fmt.Sprint(get(data, "emails", "totalCount")); total != fmt.Sprint(len(want)) {
					t.Errorf("%s in all, want %d", total, len(want))
				}
				if get(data, "emails", "pageInfo", c.more) != true {
					break
				}
				at = get(data, "emails", "pageInfo", c.edge)
			}
			slices.Sort(want)
			sorted := slices.Sorted(slices.Values(got))
			if !slices.Equal(sorted, want) {
				t.Errorf("%d rows, want %d", len(got), len(want))
			}
			for _, call := range g.called() {
				if !strings.Contains(call, "user_id=21") && !strings.Contains(call, "user_id=22") &&
					!strings.Contains(call, "user_id=24") {
					t.Errorf("a call beyond the scope: %s", call)
				}
			}
		})
	}
}
