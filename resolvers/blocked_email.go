package resolvers

import (
	"context"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

var blockedEmailList = kindOf[upstream.BlockedEmail, model.BlockedEmail]{
	kind:  upstream.BlockedEmails,
	fetch: upstream.API.BlockedEmails,
	key: func(e *upstream.BlockedEmail) page.Key {
		return page.Key{Time: e.ProcessTime, EmailID: e.EmailID, Recipient: e.EmailAddress, UserID: e.UserID, SenderID: e.SenderID}
	},
	time: func(e *upstream.BlockedEmail) upstream.Time { return e.ProcessTime },
	node: func(e *upstream.BlockedEmail, o *model.Origin) model.BlockedEmail {
		return model.BlockedEmail{Row: e, Origin: o}
	},
}

func blockedEmails(ctx context.Context, p parent, window model.Window, f *model.BlockedEmailFilter, a page.Args) (*model.BlockedEmailConnection, error) {
	c, err := listing(ctx, blockedEmailList, p, window, blockedEmailFilter(f), a)
	if err != nil {
		return nil, err
	}
	return &model.BlockedEmailConnection{Connection: c}, nil
}

// BlockedEmails answers Query.blockedEmails.
func (query) BlockedEmails(ctx context.Context, window model.Window, f *model.BlockedEmailFilter, first *int, after *string, last *int, before *string) (*model.BlockedEmailConnection, error) {
	return blockedEmails(ctx, parent{}, window, f, page.Args{First: first, After: after, Last: last, Before: before})
}
