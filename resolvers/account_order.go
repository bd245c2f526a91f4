package resolvers

import (
	"cmp"
	"context"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
)

// ordered is how a list of users or senders is ordered. The zero value is by ascending number.
type ordered struct {
	field      model.AccountOrderField
	descending bool
}

func orderOf(o *model.AccountOrder) ordered {
	if o == nil {
		return ordered{}
	}
	by := ordered{o.Field, o.Direction == model.OrderDirectionDesc}
	if by.field == model.AccountOrderFieldID {
		by.field = ""
	}
	return by
}

// binding returns what the cursors of the list are bound to besides its filter and window.
func (o ordered) binding() string {
	if o == (ordered{}) {
		return ""
	}
	return "&order=" + string(o.field) + map[bool]string{true: " descending"}[o.descending]
}

// rank sets the ranks of users or senders. Their counts, which found them, are in the operation's memory.
func (o ordered) rank(ctx context.Context, q upstream.CountQuery, all []found) error {
	if o.field == "" {
		return nil
	}
	counts, errs := loaders.From(ctx).Counts.All(ctx, countsOfAllKinds(q))
	if err := cmp.Or(errs...); err != nil {
		return err
	}
	m := model.MeasureNamed(string(o.field))
	for i := range all {
		id := all[i].ID
		n, sent := m.Of(counts[m.Kind].Of(id).Tally), counts[upstream.Emails].Of(id).Total
		all[i].rank, all[i].ranked = float64(n), !m.Rate || sent > 0
		if m.Rate && sent > 0 {
			all[i].rank /= float64(sent)
		}
	}
	return nil
}

// countsOfAllKinds identifies the three counts with a query.
func countsOfAllKinds(q upstream.CountQuery) []loaders.CountsKey {
	keys := make([]loaders.CountsKey, len(upstream.Kinds))
	for i, k := range upstream.Kinds {
		keys[i] = loaders.CountsKey{Kind: k, Query: q}
	}
	return keys
}
