package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
)

// breakdown returns the function that groups the events of a list.
func breakdown(k upstream.Kind, list upstream.ListQuery) func(
	ctx context.Context, by []upstream.Dimension, top *int, header *string,
) (*model.Breakdown, error) {
	return func(
		ctx context.Context, by []upstream.Dimension, top *int, header *string,
	) (*model.Breakdown, error) {
		q := upstream.Question{Kind: k, ListQuery: list}
		if n := copy(q.By[:], by); n < len(by) || n == 0 {
			return nil, badArgument("by", "by has %d dimensions, but must have one or two", len(by))
		}
		if q.Top = model.DefaultTop; top != nil {
			q.Top = *top
		}
		if header != nil {
			q.Header = *header
		}
		oc := graphql.GetOperationContext(ctx)
		selectedOf(oc, graphql.GetFieldContext(ctx).Field.Selections, &q)
		q.Sent = q.Sent && k != upstream.Emails && q.Comparable()
		if err := q.Check(k, q.Window, model.DimensionName); err != nil {
			return nil, err
		}
		groups, err := loaders.From(ctx).API.Groups(ctx, q)
		if err != nil {
			return nil, err
		}
		return &model.Breakdown{Of: groups, Query: &q}, nil
	}
}

// selectedOf sets what of its groups a breakdown's selection needs: the shortest interval, and whether there are rates.
func selectedOf(oc *graphql.OperationContext, selections []ast.Selection, q *upstream.Question) {
	for _, f := range graphql.CollectFields(oc, selections, []string{"Breakdown"}) {
		if f.Name != "groups" {
			continue
		}
		for _, g := range graphql.CollectFields(oc, f.Selections, []string{"BreakdownGroup"}) {
			switch g.Name {
			case "rate":
				q.Sent = true
			case "series":
				interval, err := model.UnmarshalInterval(g.ArgumentMap(oc.Variables)["interval"])
				if err == nil && (q.Interval == 0 || interval < q.Interval) {
					q.Interval = interval
				}
			}
		}
	}
}
