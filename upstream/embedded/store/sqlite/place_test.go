package sqlite_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
)

// Rows that come one by one, each of them next to the one before, use up the room between
// two others soon; then all rows of the second must move, with their headers and messages.
func TestRowsOfOneSecondKeepTheirOrderHoweverTheyCome(t *testing.T) {
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
		"in order": inOrder, "backwards": backwards, "inward": inward, "shuffled": rand.New(rand.NewPCG(1, 2)).Perm(rows),
	} {
		t.Run(name, func(t *testing.T) {
			s, o := open(t, ""), &oracle{}
			for _, n := range order {
				b := store.Batch{Bounces: []upstream.BounceDetail{{
					Bounce: upstream.Bounce{
						UserID: 20, SenderID: upstream.ID(n%3 + 1), EmailID: fmt.Sprintf("%02d", n), EmailAddress: "r@example.com", Local: "r", Domain: "example.com",
						Type: upstream.Hard, BounceTime: 1479600000, XHeaders: []upstream.Header{{Name: "X-Parity", Value: fmt.Sprint(n % 2)}},
					},
					FullContent: fmt.Sprint("message ", n),
				}}}
				if got, want := write(t, s, b), o.write(b); got != want {
					t.Fatalf("Write says %+v, want %+v", got, want)
				}
			}
			for _, q := range []upstream.ListQuery{
				{Window: ever}, {Window: ever, SenderID: 2}, {Window: ever, XHeaders: []upstream.Header{{Name: "X-Parity", Value: "1"}}}, {Window: ever, Recipient: "r@example.com", Offset: 20},
			} {
				if d := diff(o.Bounces(nil, q), must[[]upstream.Bounce](t)(s.Bounces(ctx, nil, q))); d != "" {
					t.Errorf("%+v: %s", q, d)
				}
			}
			for _, b := range o.bounces {
				if d := diff(b, must[upstream.BounceDetail](t)(s.Bounce(ctx, nil, b.Key()))); d != "" {
					t.Error(d)
				}
			}
			if again := write(t, s, store.Batch{Bounces: o.bounces}); again != (store.Written{Unchanged: rows}) {
				t.Errorf("written again they are %+v", again)
			}
		})
	}
}
