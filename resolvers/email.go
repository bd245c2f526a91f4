package resolvers

import (
	"context"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/loaders"
)

// Bounce answers Email.bounce. The emails of a page share the calls.
func (email) Bounce(ctx context.Context, e *model.Email) (*model.Bounce, error) {
	return outcome(ctx, e, &loaders.From(ctx).Bounced, bounceList)
}

// Blocked answers Email.blocked. The emails of a page share the calls.
func (email) Blocked(ctx context.Context, e *model.Email) (*model.BlockedEmail, error) {
	return outcome(ctx, e, &loaders.From(ctx).Blocked, blockedEmailList)
}

// outcome returns the row that says what became of an email, or nil if there is none. Its sender is found like that of
// the email.
func outcome[R, T any](ctx context.Context, e *model.Email,
	load *loaders.Loader[*model.SentPage, *loaders.Outcomes[R]], k kindOf[R, T]) (*T, error) {
	if e.Row.Delivered {
		return nil, nil
	}
	p := e.Page
	if p == nil {
		p = &model.SentPage{Emails: []model.Email{*e}}
	}
	all, err := load.One(ctx, p)
	if err != nil {
		return nil, err
	}
	row, err := all.Of(e.Row.Identity())
	if row == nil || err != nil {
		return nil, err
	}
	node := k.node(row, e.Origin)
	return &node, nil
}

// outcomesOf loads the outcomes of emails for a column.
func outcomesOf[T any](one func(context.Context, *model.Email) (*T, error)) func(context.Context, map[string]any,
	[]string, []*model.Email) ([]*T, []error) {
	return func(ctx context.Context, _ map[string]any, _ []string, rows []*model.Email) ([]*T, []error) {
		out, errs := make([]*T, len(rows)), make([]error, len(rows))
		for i, e := range rows {
			if undelivered(e) { // the first one of a page loads all
				out[i], errs[i] = one(ctx, e)
			}
		}
		return out, errs
	}
}

func undelivered(e *model.Email) bool { return !e.Row.Delivered }
