package resolvers

import (
	"context"
	"strings"

	"deliverygraph/graph/model"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers/cost"
	"deliverygraph/resolvers/operation"
)

// Viewer answers Query.viewer.
func (query) Viewer(ctx context.Context) (*model.Viewer, error) {
	operation.From(ctx).Pass()
	c := auth.FromContext(ctx)
	v := &model.Viewer{Permissions: strings.Fields(c.Scopes.String())}
	if c.Name != "" {
		v.Name = &c.Name
	}
	if c.Users.Len() >= 0 {
		v.Users = strings.FieldsFunc(c.Users.String(), func(r rune) bool { return r == ',' })
	}
	if s, limited := cost.RateLimitStatus(ctx); limited {
		v.RateLimit = &model.RateLimit{
			Limit: s.Limit, Remaining: max(0, s.Remaining), ResetAfterMs: s.Reset.Milliseconds(),
		}
	}
	return v, nil
}
