package resolvers

import (
	"context"
	"fmt"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"deliverygraph/graph/model"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers/cost"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// maxNodes is the maximum number of ids in Query.nodes, the same as for a page.
const maxNodes = upstream.PageSize

// Node answers Query.node.
func (query) Node(ctx context.Context, id string) (model.Node, error) {
	n, err := findNode(ctx, "id", id)
	if err != nil {
		return nil, err // a nil *T in n would not be a nil interface
	}
	return n, nil
}

// Nodes answers Query.nodes. The objects are fetched concurrently, and each can fail on its own.
func (query) Nodes(ctx context.Context, ids []string) ([]model.Node, error) {
	if len(ids) > maxNodes {
		return nil, badArgument("ids", "ids has %d ids, but at most %d are allowed", len(ids), maxNodes)
	}
	out := make([]model.Node, len(ids))
	path := graphql.GetPath(ctx)
	upstream.Concurrently(len(ids), func(i int) {
		fail := func(err error) {
			at := append(path[:len(path):len(path)], ast.PathIndex(i))
			graphql.AddError(ctx, graphql.AddFieldLocationToError(ctx, gqlerror.WrapPath(at, err)))
		}
		defer func() {
			if v := recover(); v != nil {
				fail(graphql.Recover(ctx, v))
			}
		}()
		n, err := findNode(ctx, fmt.Sprintf("ids[%d]", i), ids[i])
		if err != nil {
			fail(err)
			return
		}
		out[i] = n
	})
	senders := map[upstream.Kind][]*model.Sender{} // by the kind of the counts that found them
	for _, n := range out {
		if s, ok := n.(*model.Sender); ok {
			senders[s.Origin.Kind] = append(senders[s.Origin.Kind], s)
		}
	}
	for _, alike := range senders {
		for _, s := range alike {
			s.Siblings = len(alike)
		}
	}
	return out, nil
}

func findNode(ctx context.Context, argument, text string) (model.Node, error) {
	id, err := model.ParseNodeID(text)
	if err != nil {
		return nil, badArgument(argument, "%s: %v", argument, err)
	}
	switch id.Type {
	case model.UserNode:
		return findUser(ctx, id.UserID)
	case model.SenderNode:
		return findSender(ctx, id.SenderID)
	}
	if err := auth.FromContext(ctx).MayName(argument, id.EmailID, id.Recipient); err != nil {
		return nil, err
	}
	k, _ := id.Type.RowKind()
	return findRowNode(ctx, k, id)
}

func notFound(what string) error {
	return &upstream.Error{Code: upstream.NotFound, Message: what}
}

// allTime returns the window of all events up to the end of the current day.
func allTime(ctx context.Context) upstream.Window {
	return upstream.Window{End: upstream.Day.Floor(loaders.From(ctx).Now) + upstream.Day.Seconds()}
}

// findCounted searches the counts of one kind after another for a row. No endpoint lists users or senders, so
// one that never sent, bounced or was blocked is not found.
func findCounted(ctx context.Context, q upstream.CountQuery,
	id upstream.ID) (k upstream.Kind, row upstream.Count, found bool, err error) {
	q.Window = allTime(ctx)
	for _, k := range upstream.Kinds {
		rows, err := loaders.From(ctx).API.Counts(ctx, k, q)
		if err != nil {
			return k, row, false, err
		}
		for _, r := range rows {
			if r.ID == id {
				return k, r, true, nil
			}
		}
	}
	return k, row, false, nil
}

func findUser(ctx context.Context, id upstream.ID) (*model.User, error) {
	_, _, found, err := findCounted(ctx, upstream.CountQuery{UserID: id, Rollup: upstream.ByUser}, id)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, notFound("there is no such user")
	}
	return &model.User{Key: id, Within: id}, nil
}

func findSender(ctx context.Context, id upstream.ID) (*model.Sender, error) {
	kind, row, found, err := findCounted(ctx, upstream.CountQuery{SenderID: id}, id)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, notFound("there is no such sender")
	}
	s := newSender(&row, model.Origin{Kind: kind, Window: allTime(ctx), SenderID: id}, 0)
	return &s, nil
}

func findBounce(ctx context.Context, id model.NodeID) (*model.Bounce, error) {
	key := upstream.BounceKey{UserID: id.UserID, SenderID: id.SenderID, BounceTime: id.Time, EmailID: id.EmailID}
	d, err := loaders.From(ctx).API.Bounce(ctx, key)
	switch {
	case upstream.CodeOf(err) == upstream.NotFound:
		return nil, notFound("there is no such bounce")
	case err != nil:
		return nil, err
	}
	b := &model.Bounce{Row: &d.Bounce, Origin: rowOrigin(upstream.Bounces, id), Detail: &d}
	if id.Recipient == "" || d.EmailAddress == id.Recipient {
		return b, nil
	}
	// An email may bounce for two recipients in the same second. The detail endpoint cannot distinguish them,
	// but the list can.
	return findRow(ctx, bounceList, id)
}

// second returns the one-second window of a row's time.
func second(t upstream.Time) upstream.Window { return upstream.Window{Start: t, End: t + 1} }

func rowOrigin(k upstream.Kind, id model.NodeID) *model.Origin {
	return &model.Origin{Kind: k, Window: second(id.Time), UserID: id.UserID, SenderID: id.SenderID}
}

// findRow searches a list for a row. The query has a second and a recipient, so a second page is rare. If no row has
// exactly the given recipient, findRow accepts one that differs only in the case of the domain: the id may date from a
// time when the upstream spelled it differently.
func findRow[R, T any](ctx context.Context, k kindOf[R, T], id model.NodeID) (*T, error) {
	q := upstream.ListQuery{Window: second(id.Time), UserID: id.UserID, SenderID: id.SenderID}
	if !auth.IsMasked(id.Recipient) { // a masked recipient is found among all rows of the second
		q.Recipient = id.Recipient
	}
	wanted := page.Key{
		Time: id.Time, EmailID: id.EmailID, Recipient: id.Recipient, UserID: id.UserID, SenderID: id.SenderID,
	}
	padded := false // rows of other seconds were returned, which offsets count
	lower := func(k page.Key) page.Key { k.Recipient = upstream.LowerAddress(k.Recipient); return k }
	fetch := func(ctx context.Context, q upstream.ListQuery) ([]R, error) {
		return k.fetch(loaders.From(ctx).API, ctx, q)
	}
	var found *R
	n, more, err := upstream.Search(ctx, fetch, q, cost.MaxRowPages, func(rows []R) bool {
		for i := range rows {
			key := k.key(&rows[i])
			if key == wanted || found == nil && lower(key) == lower(wanted) {
				found = &rows[i]
			}
			if key == wanted {
				return true
			}
			padded = padded || key.Time != id.Time
		}
		return false
	})
	one := strings.TrimSuffix(k.kind.String(), "s")
	switch {
	case err != nil:
		return nil, err
	case found != nil:
		node := k.node(found, rowOrigin(k.kind, id))
		return &node, nil
	case padded && n >= upstream.PageSize: // offsets of different calls may not agree
		return nil, &upstream.Error{Code: upstream.InvalidResponse,
			Message: "the metrics API returns rows from outside the window, so this object cannot be found"}
	case more:
		return nil, &upstream.Error{Code: upstream.Exhausted, Message: fmt.Sprintf(
			"this %s is not among the first %d of its sender in its second, and no more are searched", one, n)}
	}
	return nil, notFound("there is no such " + one)
}
