package storetest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// testOneSecond writes rows of one second one by one. If each is next to the one before, the room between the others is
// soon full. Then all rows of the second must move, with their headers and messages.
func testOneSecond(t *testing.T, open Opener) {
	ctx := context.Background()
	const rows = 60
	inOrder := make([]int, rows)
	for i := range inOrder {
		inOrder[i] = i
	}
	backwards := slices.Clone(inOrder)
	slices.Reverse(backwards)
	var inward []int // 0, 59, 1, 58, …
	for i := range rows / 2 {
		inward = append(inward, i, rows-1-i)
	}
	for name, order := range map[string][]int{
		"in order": inOrder, "backwards": backwards, "inward": inward,
		"shuffled": rand.New(rand.NewPCG(1, 2)).Perm(rows),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, o := open(t, ""), &Model{}
			for _, n := range order {
				var b store.Batch
				e := event(fmt.Sprintf("%02d", n), 1479600000)
				e.SenderID, e.Type, e.FullContent = upstream.ID(n%3+1), upstream.Hard, fmt.Sprint("message ", n)
				e.XHeaders = []upstream.Header{{Name: "X-Parity", Value: fmt.Sprint(n % 2)}}
				b.Add(upstream.Bounces, e)
				WriteBoth(t, s, o, b)
			}
			for _, q := range []upstream.ListQuery{
				{Window: Ever}, {Window: Ever, SenderID: 2},
				{Window: Ever, XHeaders: upstream.HeaderFilters{{Name: "X-Parity", Value: "1"}}},
				{Window: Ever, Recipient: "r@example.com", Offset: 20},
			} {
				Same(t, s, o, nil, q.Question(upstream.Bounces))
			}
			for _, b := range o.rows.Bounces {
				if d := Diff(b, Must[upstream.BounceDetail](t)(API(s).Bounce(ctx, b.Key()))); d != "" {
					t.Error(d)
				}
			}
			if again := Write(t, s, store.Batch{Bounces: o.rows.Bounces}); again != (store.Written{Unchanged: rows}) {
				t.Errorf("written again they are %+v", again)
			}
		})
	}
}
