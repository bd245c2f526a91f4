package resolvers

import (
	"context"

	"deliverygraph/graph/model"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// parent is the user or sender whose field a list is, if any.
type parent struct {
	user   *model.User
	sender *model.Sender
}

// siblings identifies the list together with the same lists of all users or senders on the parent's page. It
// returns false if there are no such lists: without a page, with a cursor, which is bound to one list, or with a
// filter that names the parent.
func (p parent) siblings(k upstream.Kind, q upstream.ListQuery, f filter,
	a page.Args) (key loaders.ListsKey, id upstream.ID, ok bool) {
	var on *model.Page
	switch {
	case a.After != nil || a.Before != nil:
	case p.user != nil && f.userID == nil:
		on, id = p.user.Page, p.user.Key
		key.By, q.UserID = upstream.ByUser, 0
	case p.sender != nil && f.senderID == nil:
		on, id = p.sender.Page, p.sender.Key
		if q.SenderID = 0; on != nil && q.UserID == 0 {
			q.UserID = on.UserID
		}
	}
	if on == nil || on.Size < 2 {
		return key, id, false
	}
	key.Size, key.Found, key.FoundUser = on.Size, on.Window, on.UserID
	key.All = q.Question(k)
	return key, id, true
}

// sharesOrigin reports whether the rows of all lists have the origin of the list of all, so that the lists share the
// calls about their senders and users. That does not pay for the users of a caller who may see several: counts of one
// user cost that caller one call, counts of all one for each.
func sharesOrigin(ctx context.Context, key loaders.ListsKey) bool {
	return key.By == upstream.BySender || auth.FromContext(ctx).Users.Len() <= 1
}

// nested changes the source of a list to use what it shares with the lists of the parent's siblings.
func nested[R any, P upstream.Row[R]](ctx context.Context, s *page.Source[R], key loaders.ListsKey, id upstream.ID,
	walks bool) {
	all := loaders.From(ctx)
	alone := *s
	s.Fetch = func(ctx context.Context, w upstream.Window, offset int) ([]R, error) {
		lists, err := all.Lists.One(ctx, key)
		switch {
		case err != nil:
			return nil, err
		case lists == nil:
			return alone.Fetch(ctx, w, offset)
		}
		return loaders.PageOf[R, P](lists, id, w.Start, offset), nil
	}
	s.Memory = nil // the counts find the end of the list
	users := auth.FromContext(ctx).Users.Len()
	if alone.Count == nil || !key.Known() && users > 1 {
		return
	}
	s.Count = func(ctx context.Context, w upstream.Window) (int64, error) {
		if walks && !key.Known() {
			if lists, err := all.Lists.One(ctx, key); err != nil || lists != nil {
				return loaders.TotalOf[R](lists, id), err
			}
		}
		counts, err := all.Counts.One(ctx, key.Counts())
		if err != nil {
			return 0, err
		}
		return loaders.Total(counts.Tally(id), key.All.BounceType), nil
	}
}
