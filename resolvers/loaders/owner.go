package loaders

import (
	"context"
	"errors"
	"maps"
	"slices"

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

// ownersBatch finds the users with the fewest calls. If some keys of a page come later, they need the same calls, which
// the operation has already made, since keys include the number of siblings.
func ownersBatch(ctx context.Context, api upstream.API, keys []OwnerKey, users []upstream.ID, errs []error) {
	byList := map[listOf][]int{} // indexes of keys
	for i, k := range keys {
		g := listOf{k.Kind, k.Window}
		byList[g] = append(byList[g], i)
	}
	lists := slices.Collect(maps.Keys(byList))
	upstream.Concurrently(len(lists), func(n int) {
		at := byList[lists[n]]
		senders, siblings := make([]upstream.ID, len(at)), 0
		for j, i := range at {
			senders[j], siblings = keys[i].Sender, max(siblings, keys[i].Siblings)
		}
		found, failed := lists[n].owners(ctx, api, senders, siblings)
		for j, i := range at {
			users[i], errs[i] = found[j], failed[j]
		}
	})
}

// listOf identifies the counts in which senders were found.
type listOf struct {
	kind   upstream.Kind
	window upstream.Window
}

// fewSenders is the number of senders up to which one call each is never more expensive.
const fewSenders = 2

// owners finds the users of senders of one list, either by one call for each sender, or by one call for the users and
// one for each user.
func (g listOf) owners(ctx context.Context, api upstream.API, senders []upstream.ID,
	siblings int) ([]upstream.ID, []error) {
	asked := max(len(senders), siblings)
	if asked <= fewSenders {
		return g.ownersBySender(ctx, api, senders)
	}
	users, err := api.Counts(ctx, g.kind, upstream.CountQuery{Window: g.window, Rollup: upstream.ByUser})
	switch {
	case err != nil:
		return make([]upstream.ID, len(senders)), slices.Repeat([]error{err}, len(senders))
	case asked <= len(users):
		return g.ownersBySender(ctx, api, senders)
	}
	return g.ownersByUser(ctx, api, senders, users)
}

// ownersBySender makes one call for each sender, which returns its users.
func (g listOf) ownersBySender(ctx context.Context, api upstream.API, senders []upstream.ID) ([]upstream.ID, []error) {
	users, errs := make([]upstream.ID, len(senders)), make([]error, len(senders))
	upstream.Concurrently(len(senders), func(i int) {
		rows, err := api.Counts(ctx, g.kind, upstream.CountQuery{
			Window: g.window, SenderID: senders[i], Rollup: upstream.ByUser,
		})
		switch {
		case err != nil:
			errs[i] = err
		case len(rows) == 0:
			errs[i] = errNoOwner
		default:
			users[i] = rows[0].ID
		}
	})
	return users, errs
}

// ownersByUser makes one call for each user, which returns its senders.
func (g listOf) ownersByUser(ctx context.Context, api upstream.API, senders []upstream.ID,
	users []upstream.Count) ([]upstream.ID, []error) {
	counts, failed := make([][]upstream.Count, len(users)), make([]error, len(users))
	upstream.Concurrently(len(users), func(i int) {
		counts[i], failed[i] = api.Counts(ctx, g.kind, upstream.CountQuery{Window: g.window, UserID: users[i].ID})
	})
	of := map[upstream.ID]upstream.ID{}
	for i, u := range users {
		for _, s := range counts[i] {
			of[s.ID] = u.ID
		}
	}
	unknown := error(errNoOwner)
	if err := errors.Join(failed...); err != nil {
		unknown = err // the sender may belong to the user whose call failed
	}
	found, errs := make([]upstream.ID, len(senders)), make([]error, len(senders))
	for i, s := range senders {
		var known bool
		if found[i], known = of[s]; !known {
			errs[i] = unknown
		}
	}
	return found, errs
}

var errNoOwner = &upstream.Error{Code: upstream.NotFound,
	Message: "the upstream's counts do not contain the user of this sender"}
