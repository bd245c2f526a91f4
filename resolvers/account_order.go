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
	counts, errs := loaders.From(ctx).AllCounts(ctx, countsOfAllKinds(q))
	if err := cmp.Or(errs...); err != nil {
		return err
	}
	for i := range all {
		id := all[i].ID
		sent, bounced, blocked := counts[upstream.Emails].Of(id), counts[upstream.Bounces].Of(id),
			counts[upstream.BlockedEmails].Of(id)
		rate, n := true, int64(0)
		switch o.field {
		case model.AccountOrderFieldSent:
			rate, n = false, sent.Total
		case model.AccountOrderFieldBounced:
			rate, n = false, bounced.Total
		case model.AccountOrderFieldHardBounced:
			rate, n = false, bounced.Hard
		case model.AccountOrderFieldSoftBounced:
			rate, n = false, bounced.Soft
		case model.AccountOrderFieldBlocked:
			rate, n = false, blocked.Total
		case model.AccountOrderFieldBounceRate:
			n = bounced.Total
		case model.AccountOrderFieldHardBounceRate:
			n = bounced.Hard
		case model.AccountOrderFieldSoftBounceRate:
			n = bounced.Soft
		case model.AccountOrderFieldBlockedRate:
			n = blocked.Total
		}
		switch all[i].rank, all[i].ranked = float64(n), true; {
		case rate && sent.Total == 0:
			all[i].ranked = false
		case rate:
			all[i].rank /= float64(sent.Total)
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
