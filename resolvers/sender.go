package resolvers

import (
	"cmp"
	"context"
	"strconv"

	"deliverygraph/graph/model"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
)

// Senders answers Query.senders.
func (query) Senders(ctx context.Context, window model.Window, userID *string, orderBy *model.AccountOrder,
	first *int, after *string, last *int, before *string) (*model.SenderConnection, error) {
	u, err := key("userId", userID)
	if err != nil {
		return nil, err
	}
	return senders(ctx, window, u, orderBy, page.Args{First: first, After: after, Last: last, Before: before})
}

func newSender(c *upstream.Count, o model.Origin, owner upstream.ID) model.Sender {
	s := model.Sender{Key: c.ID, Owner: owner, Origin: o}
	if c.Sender != "" {
		s.Known = &c.Sender
	}
	return s
}

// senders lists the senders with an event of any kind in the window. The three calls for the list also answer
// the senders' stats over the same window.
func senders(ctx context.Context, window model.Window, u upstream.ID, orderBy *model.AccountOrder,
	a page.Args) (*model.SenderConnection, error) {
	c, err := accounts(ctx, "senders", window, upstream.CountQuery{UserID: u}, orderBy, a,
		func(rows []found, w upstream.Window) []*model.Sender {
			var siblings [len(upstream.Kinds)]int
			for _, f := range rows {
				siblings[f.kind]++
			}
			p := &model.Page{Size: len(rows), Window: w, UserID: u}
			return eachOf(func(f *found) model.Sender {
				s := newSender(&f.Count, model.Origin{Kind: f.kind, Window: w, UserID: u}, u)
				s.Siblings, s.Page = siblings[f.kind], p
				return s
			})(rows)
		})
	if err != nil {
		return nil, err
	}
	return &model.SenderConnection{Connection: c}, nil
}

// Address answers Sender.address. If the address is not known, the counts of the list that contained the sender
// have it.
func (sender) Address(ctx context.Context, s *model.Sender) (*string, error) {
	if s.Known != nil {
		return s.Known, nil
	}
	counts, err := loaders.From(ctx).Counts.One(ctx, originCounts(s.Origin))
	if err != nil {
		return nil, err
	}
	if c := counts.Of(s.Key); c.Sender != "" {
		return &c.Sender, nil
	}
	return nil, nil
}

// originCounts identifies the counts that contain every sender of a list.
func originCounts(o model.Origin) loaders.CountsKey {
	return loaders.CountsKey{
		Kind: o.Kind, Query: upstream.CountQuery{Window: o.Window, UserID: o.UserID, SenderID: o.SenderID},
	}
}

// addresses loads senders' addresses. It makes one call for each origin, and reads each answer once.
func addresses(ctx context.Context, rows []*model.Sender) (func([]byte, int) []byte, []error) {
	keys, at := distinct(rows, func(s *model.Sender) (loaders.CountsKey, bool) {
		return originCounts(s.Origin), s.Known == nil
	})
	counts, failed := loaders.From(ctx).Counts.All(ctx, keys)
	var errs []error
	if cmp.Or(failed...) != nil {
		errs = make([]error, len(rows))
	}
	texts := make([]string, len(rows))
	for i, s := range rows {
		switch {
		case s.Known != nil:
			texts[i] = *s.Known
		case failed[at[i]] != nil:
			errs[i] = failed[at[i]]
		default:
			texts[i] = counts[at[i]].Of(s.Key).Sender
		}
	}
	return func(dst []byte, i int) []byte {
		if texts[i] == "" && rows[i].Known == nil {
			return append(dst, "null"...)
		}
		return model.AppendString(dst, texts[i])
	}, errs
}

// UserID answers Sender.userId.
func (sender) UserID(ctx context.Context, s *model.Sender) (*string, error) {
	u, err := ownerOf(ctx, s)
	if u == 0 || err != nil {
		return nil, err
	}
	text := strconv.FormatInt(int64(u), 10)
	return &text, nil
}

// User answers Sender.user.
func (sender) User(ctx context.Context, s *model.Sender) (*model.User, error) {
	u, err := ownerOf(ctx, s)
	if u == 0 || err != nil {
		return nil, err
	}
	return &model.User{Key: u, Within: s.Origin.UserID}, nil
}

func ownerOf(ctx context.Context, s *model.Sender) (upstream.ID, error) {
	if s.Owner != 0 {
		return s.Owner, nil
	}
	return loaders.From(ctx).Owners.One(ctx, ownerKey(s))
}

func ownerKey(s *model.Sender) loaders.OwnerKey {
	return loaders.OwnerKey{Sender: s.Key, Kind: s.Origin.Kind, Window: s.Origin.Window, Siblings: s.Siblings}
}

func ownerless(s *model.Sender) bool { return s.Owner == 0 }

// ownersOf loads the users of senders for a column.
func ownersOf(ctx context.Context, rows []*model.Sender) ([]upstream.ID, []error) {
	owners, errs := make([]upstream.ID, len(rows)), make([]error, len(rows))
	var keys []loaders.OwnerKey
	var of []int // the row of each key
	for i, s := range rows {
		if owners[i] = s.Owner; s.Owner == 0 {
			keys, of = append(keys, ownerKey(s)), append(of, i)
		}
	}
	if len(keys) > 0 {
		users, failed := loaders.From(ctx).Owners.All(ctx, keys)
		for j, i := range of {
			owners[i], errs[i] = users[j], failed[j]
		}
	}
	return owners, errs
}

// Stats answers Sender.stats.
func (sender) Stats(ctx context.Context, s *model.Sender, window model.Window) (*model.Stats, error) {
	return statsOf(ctx, window, s.Subject())
}
