package upstreamtest

import (
	"context"

	"deliverygraph/upstream"
	"deliverygraph/upstream/kind"
)

// Question returns the question for a list of a kind.
func Question(k upstream.Kind, q upstream.ListQuery) *upstream.Question {
	question := q.Question(k)
	return &question
}

// Questions returns a question of each shape and kind about the events of a window, without groups, and the detail of a
// bounce.
func Questions(w upstream.Window, detail upstream.BounceKey) []*upstream.Question {
	bounce := detail.Question()
	all := []*upstream.Question{&bounce}
	for _, k := range upstream.Kinds {
		all = append(all, Question(k, upstream.ListQuery{Window: w}))
		if kind.All[k].Catalogue != "" {
			all = append(all, &upstream.Question{Shape: upstream.ShapeCatalogue, Kind: k})
		}
		count := upstream.CountQuery{Window: w}
		counts, series := count.Question(k), count.Per(upstream.Day).Question(k)
		all = append(all, &counts, &series)
	}
	return all
}

// Asker is a function that implements [upstream.Asker].
type Asker func(ctx context.Context, q *upstream.Question) (any, error)

// Ask implements [upstream.Asker].
func (a Asker) Ask(ctx context.Context, q *upstream.Question) (any, error) { return a(ctx, q) }
