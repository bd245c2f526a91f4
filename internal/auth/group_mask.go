package auth

import (
	"context"
	"slices"

	"deliverygraph/internal/auth/address"
	"deliverygraph/upstream"
)

// groups returns groups whose keys show no addresses. Values of headers are refused as a whole: whether one contains
// the recipient's name shows only beside its recipient.
func (m *masked) groups(ctx context.Context, q *upstream.Question) (any, error) {
	if q.Has(upstream.DimensionDiagnostic) && !m.scopes.Has(ContentRead) {
		return nil, &upstream.Error{Code: upstream.PermissionDenied, Parameter: "by",
			Message: "grouping by DIAGNOSTIC needs the scope content:read, which this caller has not been given"}
	}
	if m.scopes.Has(RecipientsRead) {
		return m.next.Ask(ctx, q)
	}
	if q.Has(upstream.DimensionHeader) {
		return nil, refused("header")
	}
	if err := m.refuses(q); err != nil {
		return nil, err
	}
	if len(q.Headers()) > 0 {
		// A guess at an address in a header finds no rows: see list.
		first := q.ListQuery.Question(q.Kind)
		if answer, err := m.list(ctx, &first); err != nil {
			return nil, err
		} else if page := upstream.PageOf(answer); page == nil || page.Len() == 0 {
			return upstream.Groups{}, nil
		}
	}
	groups, err := upstream.Ask[upstream.Groups](ctx, m.next, q)
	if err != nil {
		return nil, err
	}
	groups.Groups = slices.Clone(groups.Groups)
	for i := range groups.Groups {
		g := &groups.Groups[i]
		for n, d := range q.By {
			g.Keys[n] = maskedKey(d, g.Keys[n])
		}
		if address.InSender(g.Sender) {
			g.Sender, _ = m.mask.masker().address(g.Sender)
		}
	}
	return upstream.MergeGroups(q.Top, groups), nil
}

// maskedKey masks a key as rows are masked.
func maskedKey(d upstream.Dimension, key string) string {
	switch d {
	case upstream.DimensionDomain:
		if !address.IsDomain(key) {
			return ""
		}
	case upstream.DimensionProvider:
		if !address.IsDomain(key) && address.In(key) {
			return ""
		}
	case upstream.DimensionCategory, upstream.DimensionCode, upstream.DimensionRule, upstream.DimensionReason:
		if address.InCode(key) {
			return address.Masked
		}
	case upstream.DimensionDiagnostic:
		return address.MaskPattern(key)
	}
	return key
}
