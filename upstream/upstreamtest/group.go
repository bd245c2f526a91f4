package upstreamtest

import (
	"context"
	"slices"

	"deliverygraph/upstream"
	"deliverygraph/upstream/event"
	"deliverygraph/upstream/grouped"
	"deliverygraph/upstream/provider"
)

var _ Grouping = (*Model)(nil)

// Groups groups events.
func (m *Model) Groups(ctx context.Context, k upstream.Kind, q upstream.GroupsQuery) (upstream.Groups, error) {
	sent := q.SentQuery()
	groups := grouped.Group(&q, provider.Default(),
		m.grouped(k, q.ListQuery), m.grouped(upstream.Emails, sent.ListQuery))
	if at := slices.Index(q.By[:], upstream.DimensionSender); at >= 0 {
		for i := range groups.Groups {
			groups.Groups[i].Sender = m.address(idOf(groups.Groups[i].Keys[at]))
		}
	}
	return groups, ctx.Err()
}

// grouped returns the events of a list.
func (m *Model) grouped(k upstream.Kind, q upstream.ListQuery) (rows []grouped.Row) {
	all := m.rows()
	switch k {
	case upstream.Bounces:
		for i := range all.Bounces {
			rows = append(rows, grouped.Bounce(&all.Bounces[i]))
		}
	case upstream.Emails:
		for _, e := range all.Emails {
			rows = append(rows, grouped.Row{Row: event.OfEmail(e)})
		}
	case upstream.BlockedEmails:
		for _, b := range all.BlockedEmails {
			rows = append(rows, grouped.Row{Row: event.OfBlockedEmail(b)})
		}
	}
	return slices.DeleteFunc(rows, func(r grouped.Row) bool { return !m.lists(r.Row, q) })
}

func idOf(key string) upstream.ID {
	var id upstream.ID
	for _, c := range key {
		id = id*10 + upstream.ID(c-'0')
	}
	return id
}

// Groups implements store.Reader.
func (b Backend) Groups(
	ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.GroupsQuery, _ *provider.Table,
) (upstream.Groups, error) {
	return b.Limit(only).Groups(ctx, k, q)
}
