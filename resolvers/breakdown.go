package resolvers

import (
	"context"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/cost"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream"
)

// breakdown returns the function that groups the events of a list.
func breakdown(k upstream.Kind, list upstream.ListQuery) func(context.Context) (*model.Breakdown, error) {
	return func(ctx context.Context) (*model.Breakdown, error) {
		by, each, err := cost.GroupingOf(ctx, k, list.Window)
		if err != nil {
			return nil, err
		}
		q := upstream.Question{Kind: k, ListQuery: list, Grouping: by}
		groups, err := loaders.From(ctx).API.Groups(ctx, q)
		if err != nil {
			return nil, err
		}
		if err := operation.TakePoints(ctx, len(groups.Groups)*int(each)); err != nil {
			return nil, err
		}
		return &model.Breakdown{Of: groups, Query: &q}, nil
	}
}
