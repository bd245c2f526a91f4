package resolvers

import (
	"context"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// Users answers Query.users: the users with an event of any kind in the window.
func (query) Users(ctx context.Context, window model.Window, first *int, after *string, last *int, before *string) (*model.UserConnection, error) {
	c, err := counted(ctx, "users", window, upstream.CountQuery{Rollup: upstream.ByUser}, page.Args{First: first, After: after, Last: last, Before: before},
		func(rows []found, _ upstream.Window) []*model.User {
			return eachOf(func(f *found) model.User { return model.User{Key: f.ID} })(rows)
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
func (user) Senders(ctx context.Context, u *model.User, window model.Window, first *int, after *string, last *int, before *string) (*model.SenderConnection, error) {
	return senders(ctx, window, u.Key, page.Args{First: first, After: after, Last: last, Before: before})
}

func (user) Bounces(ctx context.Context, u *model.User, window model.Window, f *model.BounceFilter, first *int, after *string, last *int, before *string) (*model.BounceConnection, error) {
	return bounces(ctx, parent{user: u.Key}, window, f, page.Args{First: first, After: after, Last: last, Before: before})
}

func (user) Emails(ctx context.Context, u *model.User, window model.Window, f *model.EmailFilter, first *int, after *string, last *int, before *string) (*model.EmailConnection, error) {
	return emails(ctx, parent{user: u.Key}, window, f, page.Args{First: first, After: after, Last: last, Before: before})
}

func (user) BlockedEmails(ctx context.Context, u *model.User, window model.Window, f *model.BlockedEmailFilter, first *int, after *string, last *int, before *string) (*model.BlockedEmailConnection, error) {
	return blockedEmails(ctx, parent{user: u.Key}, window, f, page.Args{First: first, After: after, Last: last, Before: before})
}
