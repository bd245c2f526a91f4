package resolvers

import (
	"context"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
)

// maxNodes bounds the ids of one nodes field, as pages are bounded.
const maxNodes = upstream.PageSize

// Node answers Query.node.
func (query) Node(ctx context.Context, id string) (model.Node, error) {
	n, err := findNode(ctx, "id", id)
	if err != nil {
		return nil, err // not n, which would be a nil of a type
	}
	return n, nil
}

// Nodes answers Query.nodes: side by side, each with an error of its own.
func (query) Nodes(ctx context.Context, ids []string) ([]model.Node, error) {
	if len(ids) > maxNodes {
		return nil, badArgument("ids", "ids holds %d ids: at most %d can be asked for at once", len(ids), maxNodes)
	}
	out := make([]model.Node, len(ids))
	path := graphql.GetPath(ctx)
	var wg sync.WaitGroup
	for i, id := range ids {
		wg.Go(func() {
			n, err := findNode(ctx, "ids", id)
			if err != nil {
				at := append(path[:len(path):len(path)], ast.PathIndex(i))
				graphql.AddError(ctx, gqlerror.WrapPath(at, err))
				return
			}
			out[i] = n
		})
	}
	wg.Wait()
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
	case model.BounceNode:
		return findBounce(ctx, id)
	case model.EmailNode:
		return findEmail(ctx, id)
	}
	return findBlockedEmail(ctx, id)
}

func notFound(what string) error {
	return &upstream.Error{Code: upstream.NotFound, Message: what}
}

// ever is the window of all that has happened up to the end of this day.
func ever(ctx context.Context) upstream.Window {
	return upstream.Window{End: upstream.Day.Floor(loaders.From(ctx).Now) + upstream.Day.Seconds()}
}

// findCounted asks one counts endpoint after the other for a row: no endpoint
// lists users or senders, so one that never sent, bounced or was blocked is unknown.
func findCounted(ctx context.Context, q upstream.CountQuery, id upstream.ID) (upstream.Kind, upstream.Count, bool, error) {
	q.Window = ever(ctx)
	for _, k := range upstream.Kinds {
		rows, err := loaders.From(ctx).API.Counts(ctx, k, q)
		if err != nil {
			return 0, upstream.Count{}, false, err
		}
		for _, r := range rows {
			if r.ID == id {
				return k, r, true, nil
			}
		}
	}
	return 0, upstream.Count{}, false, nil
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
	return newSender(row, model.Origin{Kind: kind, Window: ever(ctx), SenderID: id}, 0), nil
}

// second is the one-second window that an email's time names.
func second(t upstream.Time) upstream.Window { return upstream.Window{Start: t, End: t + 1} }

func rowOrigin(k upstream.Kind, id model.NodeID) *model.Origin {
	return &model.Origin{Kind: k, Window: second(id.Time), UserID: id.UserID, SenderID: id.SenderID}
}

func rowQuery(id model.NodeID) upstream.ListQuery {
	return upstream.ListQuery{Window: second(id.Time), UserID: id.UserID, SenderID: id.SenderID, Recipient: id.Recipient}
}

// findRow walks the pages of a list until a row is the wanted one. The query names
// a second and a recipient, so there is hardly ever a second page.
func findRow[R any](ctx context.Context, list func(context.Context, upstream.ListQuery) ([]R, error), q upstream.ListQuery, is func(*R) bool) (*R, error) {
	for {
		rows, err := list(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range rows {
			if is(&rows[i]) {
				return &rows[i], nil
			}
		}
		if q.Offset += len(rows); len(rows) < upstream.PageSize || q.Offset >= 20*upstream.PageSize {
			return nil, nil
		}
	}
}

func findBounce(ctx context.Context, id model.NodeID) (*model.Bounce, error) {
	api := loaders.From(ctx).API
	d, err := api.Bounce(ctx, upstream.BounceKey{UserID: id.UserID, SenderID: id.SenderID, BounceTime: id.Time, EmailID: id.EmailID})
	if err != nil {
		return nil, err
	}
	b := &model.Bounce{Row: &d.Bounce, Origin: rowOrigin(upstream.Bounces, id), Detail: &d}
	if id.Recipient == "" || d.EmailAddress == id.Recipient {
		return b, nil
	}
	// One email to several recipients may bounce for two of them in one second: the
	// detail endpoint cannot tell them apart, the list can.
	b.Row, err = findRow(ctx, api.Bounces, rowQuery(id), func(r *upstream.Bounce) bool { return r.EmailID == id.EmailID })
	if err != nil {
		return nil, err
	}
	if b.Row == nil {
		return nil, notFound("there is no such bounce")
	}
	b.Detail = nil
	return b, nil
}

func findEmail(ctx context.Context, id model.NodeID) (*model.Email, error) {
	row, err := findRow(ctx, loaders.From(ctx).API.Emails, rowQuery(id), func(r *upstream.Email) bool { return r.EmailID == id.EmailID })
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, notFound("there is no such email")
	}
	return &model.Email{Row: row, Origin: rowOrigin(upstream.Emails, id)}, nil
}

func findBlockedEmail(ctx context.Context, id model.NodeID) (*model.BlockedEmail, error) {
	row, err := findRow(ctx, loaders.From(ctx).API.BlockedEmails, rowQuery(id), func(r *upstream.BlockedEmail) bool { return r.EmailID == id.EmailID })
	if err != nil {
		return nil, err
	}
	if row == nil {
		return nil, notFound("there is no such blocked email")
	}
	return &model.BlockedEmail{Row: row, Origin: rowOrigin(upstream.BlockedEmails, id)}, nil
}
