package exporter_test

import (
	"context"
	"math"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/exporter"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/storetest"
)

func TestExportOfAServerSurvivesImpossibleCounts(t *testing.T) {
	t.Parallel()
	s := open(t, store.Batch{Emails: []upstream.Email{{
		UserID: 20, SenderID: 17, EmailID: "a", EmailAddress: "r@example.com", Local: "r", Domain: "example.com",
		ProcessTime: start,
	}}})
	for _, counted := range [][]int64{{math.MaxInt64}, {math.MaxInt64, math.MaxInt64}} {
		counts := func(ctx context.Context, q *upstream.Question, next upstream.Asker) (any, error) {
			answer, err := next.Ask(ctx, q)
			if all, ok := answer.([]upstream.Count); ok && len(all) > 0 {
				all = all[:0]
				for i, n := range counted {
					all = append(all, upstream.Count{ID: upstream.ID(i + 1), Tally: upstream.Tally{Total: n}})
				}
				answer = all
			}
			return answer, err
		}
		differences := 0
		from := exporter.Remote(upstream.API{Asker: upstream.Around(storetest.API(s), counts)},
			func(string) { differences++ })
		text, _, sum := export(t, from, upstream.Window{Start: start, End: start + 1})
		if sum.Emails != 1 || differences != 1 {
			t.Errorf("%d differences are reported, and %+v is exported:\n%s", differences, sum, text)
		}
	}
}
