package resolvers

import (
	"context"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

var emailList = kindOf[upstream.Email, model.Email]{
	kind:  upstream.Emails,
	fetch: upstream.API.Emails,
	key: func(e *upstream.Email) page.Key {
		return page.Key{Time: e.ProcessTime, EmailID: e.EmailID, Recipient: e.EmailAddress, UserID: e.UserID, SenderID: e.SenderID}
	},
	time: func(e *upstream.Email) upstream.Time { return e.ProcessTime },
	node: func(e *upstream.Email, o *model.Origin) model.Email { return model.Email{Row: e, Origin: o} },
}

func emails(ctx context.Context, p parent, window model.Window, f *model.EmailFilter, a page.Args) (*model.EmailConnection, error) {
	c, err := listing(ctx, emailList, p, window, emailFilter(f), a)
	if err != nil {
		return nil, err
	}
	return &model.EmailConnection{Connection: c}, nil
}

// Emails answers Query.emails.
func (query) Emails(ctx context.Context, window model.Window, f *model.EmailFilter, first *int, after *string, last *int, before *string) (*model.EmailConnection, error) {
	return emails(ctx, parent{}, window, f, page.Args{First: first, After: after, Last: last, Before: before})
}
