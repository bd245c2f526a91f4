package resolvers

import (
	"context"
	"slices"

	"deliverygraph/graph/model"
	"deliverygraph/internal/auth"
	"deliverygraph/internal/classify"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
)

// Bounce answers Query.bounce.
func (query) Bounce(ctx context.Context, userID, senderID string, bouncedAt upstream.Time,
	emailID string) (*model.Bounce, error) {
	u, err := key("userId", &userID)
	if err != nil {
		return nil, err
	}
	s, err := key("senderId", &senderID)
	if err != nil {
		return nil, err
	}
	if emailID, err = text("emailId", &emailID); err != nil {
		return nil, err
	}
	if err := auth.FromContext(ctx).MayName("emailId", emailID, ""); err != nil {
		return nil, err
	}
	return findBounce(ctx, model.NodeID{UserID: u, SenderID: s, Time: bouncedAt, EmailID: emailID})
}

// Detail answers Bounce.detail. Details of several bounces are fetched concurrently, one call each, and only if
// one of their fields is selected.
func (bounce) Detail(ctx context.Context, b *model.Bounce) (*model.BounceDetail, error) {
	switch {
	case b.Detail != nil:
		return newBounceDetail(ctx, b.Detail), nil
	case !slices.ContainsFunc(selected(ctx), func(field string) bool { return field != "__typename" }):
		return &model.BounceDetail{}, nil
	}
	d, err := loaders.From(ctx).Details.One(ctx, b.Row.Key())
	return detailOf(ctx, b, d, err)
}

// details loads the details of bounces for a column.
func details(ctx context.Context, _ map[string]any, fields []string,
	rows []*model.Bounce) ([]*model.BounceDetail, []error) {
	out, errs := make([]*model.BounceDetail, len(rows)), make([]error, len(rows))
	var keys []upstream.BounceKey
	var of []int // the row of each key
	for i, b := range rows {
		switch {
		case b.Detail != nil:
			out[i] = newBounceDetail(ctx, b.Detail)
		case len(fields) == 0:
			out[i] = &model.BounceDetail{}
		default:
			keys, of = append(keys, b.Row.Key()), append(of, i)
		}
	}
	if len(keys) > 0 {
		loaded, failed := loaders.From(ctx).Details.All(ctx, keys)
		for j, i := range of {
			out[i], errs[i] = detailOf(ctx, rows[i], loaded[j], failed[j])
		}
	}
	return out, errs
}

// detailOf checks the upstream's answer for the detail of a bounce.
func detailOf(ctx context.Context, b *model.Bounce, d *upstream.BounceDetail, err error) (*model.BounceDetail, error) {
	switch {
	case upstream.CodeOf(err) == upstream.NotFound:
		return nil, notFound("the upstream has no detail of this bounce")
	case err != nil:
		return nil, err
	case d.EmailAddress != b.Row.EmailAddress:
		// The key has no recipient. If an email bounced for two recipients in the same second, the upstream
		// returns only one of the bounces.
		return nil, notFound("the upstream has only the detail of this email's bounce for another recipient")
	}
	return newBounceDetail(ctx, d), nil
}

func newBounceDetail(ctx context.Context, d *upstream.BounceDetail) *model.BounceDetail {
	text := func(s string) model.Text { return model.Text{Text: s, Withheld: auth.Withheld(s)} }
	return &model.BounceDetail{
		RuleName: d.RuleName, Rule: ruleOf(ctx, d),
		Diagnostic: text(d.DiagnosticCode), Content: text(d.FullContent),
	}
}

type rulesKey struct{}

// WithRules returns a context whose operations describe the rules of bounces by these instead of the embedded ones.
func WithRules(ctx context.Context, rules *classify.Rules) context.Context {
	return context.WithValue(ctx, rulesKey{}, rules)
}

// ruleOf describes the rule that classified a bounce. Another service may have a rule of the same name, so the
// gateway's rule must also agree with the bounce's category and type.
func ruleOf(ctx context.Context, d *upstream.BounceDetail) model.BounceRule {
	rules, ok := ctx.Value(rulesKey{}).(*classify.Rules)
	if !ok {
		rules = classify.Default()
	}
	r, ok := rules.Find(d.RuleName)
	if !ok || r.Category != d.Category || r.Type != d.Type {
		return model.BounceRule{Name: d.RuleName}
	}
	return model.BounceRule{Name: r.Name, Category: &r.Category, Type: &r.Type, Description: &r.Description}
}
