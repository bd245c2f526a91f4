package resolvers

import (
	"context"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// Users answers Query.users: the users with an event of any kind in the window.
func (query) Users(ctx context.Context, window model.Window, orderBy *model.AccountOrder, first *int,
	after *string, last *int, before *string) (*model.UserConnection, error) {
	c, err := accounts(ctx, "users", window, upstream.CountQuery{Rollup: upstream.ByUser}, orderBy,
		page.Args{First: first, After: after, Last: last, Before: before},
		func(rows []found, w upstream.Window) []*model.User {
			p := &model.Page{Size: len(rows), Window: w}
			return eachOf(func(f *found) model.User { return model.User{Key: f.ID, Page: p} })(rows)
		})
	if err != nil {
		return nil, err
	}
	return &model.UserConnection{Connection: c}, nil
}

// Stats answers User.stats.
func (user) Stats(ctx context.Context, u *model.User, window model.Window) (*model.Stats, error) {
	return statsOf(ctx, window, u.Subject())
}

// Senders answers User.senders.
func (user) Senders(ctx context.Context, u *model.User, window model.Window, orderBy *model.AccountOrder,
	first *int, after *string, last *int, before *string) (*model.SenderConnection, error) {
	return senders(ctx, window, u.Key, orderBy, page.Args{First: first, After: after, Last: last, Before: before})
}
