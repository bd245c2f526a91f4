package loaders

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/graph-gophers/dataloader/v7"

	"deliverygraph/resolvers/fanout"
	"deliverygraph/upstream"
	"deliverygraph/upstream/ledger"
)

// OwnerKey identifies a sender found by counts of a window. Counts by sender do not report the user of a
// sender.
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
	l.once.Do(func() { l.owners = newOwners(l.batch) })
	return l.owners.Load(ctx, k)()
}

// Owners is like [Loaders.Owner] for all senders of a page. Since all keys are given, it need not wait for
// others.
func (l *Loaders) Owners(ctx context.Context, keys []OwnerKey) ([]upstream.ID, []error) {
	users, errs := make([]upstream.ID, len(keys)), make([]error, len(keys))
	for i, r := range l.batch(ctx, keys) {
		users[i], errs[i] = r.Data, r.Error
	}
	return users, errs
}

// newOwners returns the dataloader for batch. Its wait lets sibling fields, which run concurrently, join the
// batch; it is spent only if a sender's user is selected and not known from its list. Under load, some fields
// come later and form another batch. Since keys include the number of siblings, that batch needs the same
// calls, which the operation has already made.
func newOwners(batch dataloader.BatchFunc[OwnerKey, upstream.ID]) *dataloader.Loader[OwnerKey, upstream.ID] {
	return dataloader.NewBatchedLoader(batch,
		dataloader.WithWait[OwnerKey, upstream.ID](time.Millisecond),
		dataloader.WithBatchCapacity[OwnerKey, upstream.ID](upstream.PageSize))
}

// newBatch returns the function that answers a batch of keys.
func newBatch(api upstream.API, ops *ledger.Ledger, watch Watch) dataloader.BatchFunc[OwnerKey, upstream.ID] {
	return func(ctx context.Context, keys []OwnerKey) (results []*dataloader.Result[upstream.ID]) {
		const name = "owners of senders"
		ops.Batch(name, len(keys))
		results = make([]*dataloader.Result[upstream.ID], len(keys))
		defer func() { // the dataloader runs the batch on its own goroutine
			if v := recover(); v != nil {
				for i := range results {
					results[i] = &dataloader.Result[upstream.ID]{Error: fanout.Recovered(v)}
				}
			}
		}()
		api := api
		if watch != nil {
			var done func(calls, failed int)
			ctx, done = watch(ctx, name, len(keys))
			counted := &counting{API: api}
			api = counted
			defer func() { done(int(counted.calls.Load()), failures(results)) }()
		}
		found := owners(ctx, api, keys)
		for i, k := range keys {
			o := found[k]
			results[i] = &dataloader.Result[upstream.ID]{Data: o.user, Error: o.err}
		}
		return results
	}
}

// counting counts the calls of a batch.
type counting struct {
	upstream.API
	calls atomic.Int64
}

func (c *counting) Counts(ctx context.Context, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	c.calls.Add(1)
	return c.API.Counts(ctx, k, q)
}

// failures returns the number of failed results. A missing result is due to a panic.
func failures(results []*dataloader.Result[upstream.ID]) (n int) {
	for _, r := range results {
		if r == nil || r.Error != nil {
			n++
		}
	}
	return n
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
	fanout.Each(len(lists), func(i int) {
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
	fanout.Each(len(keys), func(i int) {
		rows, err := api.Counts(ctx, g.kind, upstream.CountQuery{Window: g.window, SenderID: keys[i].Sender, Rollup: upstream.ByUser})
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
func ownersByUser(ctx context.Context, api upstream.API, g listOf, keys []OwnerKey, users []upstream.Count) map[OwnerKey]owner {
	senders := make([][]upstream.Count, len(users))
	errs := make([]error, len(users))
	fanout.Each(len(users), func(i int) {
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
