package loaders

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"deliverygraph/upstream"
)

// OwnerKey identifies a sender found by counts of a window. Counts by sender do not report the user of a sender.
type OwnerKey struct {
	Sender upstream.ID
	Kind   upstream.Kind
	Window upstream.Window
	// Siblings is the number of senders of the same kind and window that the operation probably needs,
	// including this one: the senders of its page.
	Siblings int
}

// Owner returns the user of a sender, or a NotFound error if the counts of the window do not contain it. The
// senders of one page cost one call each, or one call for the users plus one for each user if that is less.
func (l *Loaders) Owner(ctx context.Context, k OwnerKey) (upstream.ID, error) {
	return l.owners.one(ctx, k)
}

// Owners is like [Loaders.Owner] for all senders of a page at once.
func (l *Loaders) Owners(ctx context.Context, keys []OwnerKey) ([]upstream.ID, []error) {
	return l.owners.all(ctx, keys)
}

// ownersBatch answers the keys. If some keys of a page come later, they need the same calls, which the operation
// has already made, since keys include the number of siblings.
func ownersBatch(ctx context.Context, api upstream.API, keys []OwnerKey, users []upstream.ID, errs []error) {
	found := owners(ctx, api, keys)
	for i, k := range keys {
		users[i], errs[i] = found[k].user, found[k].err
	}
}

type owner struct {
	user upstream.ID
	err  error
}

// listOf identifies the counts in which senders were found.
type listOf struct {
	kind   upstream.Kind
	window upstream.Window
}

// owners answers all keys with the fewest calls.
func owners(ctx context.Context, api upstream.API, keys []OwnerKey) map[OwnerKey]owner {
	byList := map[listOf][]OwnerKey{}
	for _, k := range keys {
		g := listOf{k.Kind, k.Window}
		byList[g] = append(byList[g], k)
	}
	found := make(map[OwnerKey]owner, len(keys))
	var mu sync.Mutex
	lists := slices.Collect(maps.Keys(byList))
	upstream.Concurrently(len(lists), func(i int) {
		users := ownersIn(ctx, api, lists[i], byList[lists[i]])
		mu.Lock()
		defer mu.Unlock()
		for k, o := range users {
			found[k] = o
		}
	})
	return found
}

// fewSenders is the number of senders up to which one call each is never more expensive.
const fewSenders = 2

// ownersIn finds the users of senders of one list, either by one call for each sender, or by one call for the
// users and one for each user.
func ownersIn(ctx context.Context, api upstream.API, g listOf, keys []OwnerKey) map[OwnerKey]owner {
	asked := len(keys)
	for _, k := range keys {
		asked = max(asked, k.Siblings)
	}
	if asked <= fewSenders {
		return ownersBySender(ctx, api, g, keys)
	}
	users, err := api.Counts(ctx, g.kind, upstream.CountQuery{Window: g.window, Rollup: upstream.ByUser})
	if err != nil {
		found := make(map[OwnerKey]owner, len(keys))
		for _, k := range keys {
			found[k] = owner{err: err}
		}
		return found
	}
	if asked <= len(users) {
		return ownersBySender(ctx, api, g, keys)
	}
	return ownersByUser(ctx, api, g, keys, users)
}

// ownersBySender makes one call for each sender, which returns its users.
func ownersBySender(ctx context.Context, api upstream.API, g listOf, keys []OwnerKey) map[OwnerKey]owner {
	owners := make([]owner, len(keys))
	upstream.Concurrently(len(keys), func(i int) {
		rows, err := api.Counts(ctx, g.kind, upstream.CountQuery{
			Window: g.window, SenderID: keys[i].Sender, Rollup: upstream.ByUser,
		})
		switch {
		case err != nil:
			owners[i].err = err
		case len(rows) == 0:
			owners[i].err = errNoOwner
		default:
			owners[i].user = rows[0].ID
		}
	})
	found := make(map[OwnerKey]owner, len(keys))
	for i, k := range keys {
		found[k] = owners[i]
	}
	return found
}

// ownersByUser makes one call for each user, which returns its senders.
func ownersByUser(ctx context.Context, api upstream.API, g listOf, keys []OwnerKey,
	users []upstream.Count) map[OwnerKey]owner {
	senders := make([][]upstream.Count, len(users))
	errs := make([]error, len(users))
	upstream.Concurrently(len(users), func(i int) {
		senders[i], errs[i] = api.Counts(ctx, g.kind, upstream.CountQuery{Window: g.window, UserID: users[i].ID})
	})
	of := map[upstream.ID]upstream.ID{}
	for i, u := range users {
		for _, s := range senders[i] {
			of[s.ID] = u.ID
		}
	}
	unknown := owner{err: errNoOwner}
	if err := errors.Join(errs...); err != nil {
		unknown.err = err // the sender may belong to the user whose call failed
	}
	found := make(map[OwnerKey]owner, len(keys))
	for _, k := range keys {
		if u, ok := of[k.Sender]; ok {
			found[k] = owner{user: u}
		} else {
			found[k] = unknown
		}
	}
	return found
}

var errNoOwner = &upstream.Error{Code: upstream.NotFound,
	Message: "the upstream's counts do not contain the user of this sender"}
