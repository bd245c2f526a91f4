package resolvers

import (
	"context"

	"deliverygraph/graph/model"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// Recipient answers Query.recipient.
func (query) Recipient(ctx context.Context, address string) (*model.Recipient, error) {
	address, err := text("address", &address)
	if err != nil {
		return nil, err
	}
	if err := auth.FromContext(ctx).MaySearch("address"); err != nil {
		return nil, err
	}
	return &model.Recipient{Address: upstream.LowerAddress(address)}, nil
}

// Events answers Recipient.events.
func (recipient) Events(ctx context.Context, r *model.Recipient, window model.Window, order *model.ListOrder,
	first *int, after *string, last *int, before *string) (*model.DeliveryEventConnection, error) {
	a := page.Args{First: first, After: after, Last: last, Before: before, Newest: newest(order)}
	q := upstream.ListQuery{Recipient: r.Address}
	req, err := open(ctx, window, a, func(written string) string {
		return "recipient.events?" + q.Encode() + "&" + written
	})
	if err != nil {
		return nil, err
	}
	q.Window = req.Window
	c, err := page.New(req, newTimeline(ctx, q).source())
	if err != nil {
		return nil, pagingError(err)
	}
	if selectsRows(ctx) {
		c.RowsFirst() // they may show the total
	}
	return &model.DeliveryEventConnection{Connection: model.Connection[model.DeliveryEvent]{
		Page: &nodes[event, model.DeliveryEvent]{
			pager: c, make: eachOf(func(e *event) model.DeliveryEvent { return e.node }),
		},
	}}, nil
}

// Stats answers Recipient.stats.
func (recipient) Stats(ctx context.Context, r *model.Recipient, window model.Window) (*model.RecipientStats, error) {
	w, err := resolve(ctx, window)
	if err != nil {
		return nil, err
	}
	return &model.RecipientStats{Address: r.Address, Window: w}, nil
}

func (recipientStats) Sent(ctx context.Context, s *model.RecipientStats) (*int64, error) {
	return countRows(ctx, emailList, s, "", func(*upstream.Email) bool { return true })
}

func (recipientStats) Delivered(ctx context.Context, s *model.RecipientStats) (*int64, error) {
	return countRows(ctx, emailList, s, "1", func(e *upstream.Email) bool { return e.Delivered })
}

func (recipientStats) Bounced(ctx context.Context, s *model.RecipientStats) (*int64, error) {
	return countRows(ctx, bounceList, s, "", func(*upstream.Bounce) bool { return true })
}

func (recipientStats) HardBounced(ctx context.Context, s *model.RecipientStats) (*int64, error) {
	return countRows(ctx, bounceList, s, string(upstream.Hard), isHard)
}

func (recipientStats) SoftBounced(ctx context.Context, s *model.RecipientStats) (*int64, error) {
	return countRows(ctx, bounceList, s, string(upstream.Soft),
		func(b *upstream.Bounce) bool { return b.Type == upstream.Soft })
}

func (recipientStats) Blocked(ctx context.Context, s *model.RecipientStats) (*int64, error) {
	return countRows(ctx, blockedEmailList, s, "", func(*upstream.BlockedEmail) bool { return true })
}

func isHard(b *upstream.Bounce) bool { return b.Type == upstream.Hard }

// countRows counts a recipient's rows for which counts holds. If the rows fit on an upstream page, which all fields
// of the stats share, they are counted there. Otherwise the list that is filtered by narrow, the delivered flag or
// the type of bounces, is counted by probing.
func countRows[R, T any](ctx context.Context, k kindOf[R, T], s *model.RecipientStats, narrow string,
	counts func(*R) bool) (*int64, error) {
	q := upstream.ListQuery{Window: s.Window, Recipient: s.Address}
	src := sourceOf(ctx, k, q)
	answer, err := src.Fetch(ctx, q.Window, 0)
	if err != nil {
		return nil, err
	}
	var n int64
	if len(answer) < upstream.PageSize {
		rows := src.Rows(answer)
		for i := range rows {
			if counts(&rows[i]) {
				n++
			}
		}
		return &n, nil
	}
	switch k.kind {
	case upstream.Emails:
		q.Delivered = narrow != ""
	case upstream.Bounces:
		q.BounceType = upstream.BounceType(narrow)
	}
	n, err = sourceOf(ctx, k, q).Total(ctx)
	return &n, err
}
