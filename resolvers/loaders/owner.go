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

// OwnerKey asks for the user of a sender that counts of a window name. Counts by
// sender do not tell whose the senders are.
type OwnerKey struct {
	Sender upstream.ID
	Kind   upstream.Kind
	Window upstream.Window
	// Siblings is how many senders of the same kind and window are likely asked for
	// in the operation, with this one: those of its page.
	Siblings int
}

// Owner gives the user of a sender, or a NotFound error if the counts of the
// window do not know it. Senders of one page cost a call each, or together one call
// for the users and one for each of them where that is less.
func (l *Loaders) Owner(ctx context.Context, k OwnerKey) (upstream.ID, error) {
	l.once.Do(func() { l.owners = newOwners(l.batch) })
	return l.owners.Load(ctx, k)()
}

// Owners gives the users of the senders of one page, each as [Loaders.Owner] does. All
// are at hand, so that there is nothing to wait for.
func (l *Loaders) Owners(ctx context.Context, keys []OwnerKey) ([]upstream.ID, []error) {
	users, errs := make([]upstream.ID, len(keys)), make([]error, len(keys))
	for i, r := range l.batch(ctx, keys) {
		users[i], errs[i] = r.Data, r.Error
	}
	return users, errs
}

// newOwners makes the dataloader of batch. The wait is what sibling fields, which run side
// by side, need to come in; it is spent only where a sender's user is selected
// and its list does not tell. Under load some come later and make a batch of their
// own: since keys tell how many siblings there are, it asks the same calls, which the
// operation has made already.
func newOwners(batch dataloader.BatchFunc[OwnerKey, upstream.ID]) *dataloader.Loader[OwnerKey, upstream.ID] {
	return dataloader.NewBatchedLoader(batch,
		dataloader.WithWait[OwnerKey, upstream.ID](time.Millisecond),
		dataloader.WithBatchCapacity[OwnerKey, upstream.ID](upstream.PageSize))
}

// newBatch makes what answers many keys at once.
func newBatch(api upstream.API, ops *ledger.Ledger, watch Watch) dataloader.BatchFunc[OwnerKey, upstream.ID] {
	return func(ctx context.Context, keys []OwnerKey) (results []*dataloader.Result[upstream.ID]) {
		const name = "owners of senders"
		ops.Batch(name, len(keys))
		results = make([]*dataloader.Result[upstream.ID], len(keys))
		defer func() { // the batch is on a goroutine of nobody's
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

// counting counts the calls that loading owners takes.
type counting struct {
	upstream.API
	calls atomic.Int64
}

func (c *counting) Counts(ctx context.Context, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	c.calls.Add(1)
	return c.API.Counts(ctx, k, q)
}

// failures is how many of the results are errors; one that is missing is of a panic.
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

// listOf is the counts that senders were found in.
type listOf struct {
	kind   upstream.Kind
	window upstream.Window
}

// owners answers all keys by the fewest calls. It is pure but for the API.
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

// fewSenders are so few that a call for each is never more than the other way.
const fewSenders = 2

// ownersIn finds the owners of senders of one list: by a call for each, or by one for
// the users and one for each of these.
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

// ownersBySender asks for each sender: which users does it have?
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

// ownersByUser asks for each user: which senders does it have?
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
		unknown.err = err // it may be one of the user whose call failed
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

var errNoOwner = &upstream.Error{Code: upstream.NotFound, Message: "the upstream's counts do not tell whose sender this is"}
