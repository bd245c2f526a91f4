package loaders

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/graph-gophers/dataloader/v7"

	"deliverygraph/resolvers/fanout"
	"deliverygraph/upstream"
)

// OwnerKey asks for the user of a sender that counts of a window name. Counts by
// sender do not tell whose the senders are.
type OwnerKey struct {
	Sender upstream.ID
	Kind   upstream.Kind
	Window upstream.Window
}

// Owner gives the user of a sender, or a NotFound error if the counts of the
// window do not know it. Senders asked for side by side cost one call for the
// users and one for each user, or one for each sender where those are fewer.
func (l *Loaders) Owner(ctx context.Context, k OwnerKey) (upstream.ID, error) {
	return l.owners.Load(ctx, k)()
}

// newOwners makes the dataloader. The wait is what sibling fields, which run side
// by side, need to come in; it is spent only where a sender's user is selected
// and its list does not tell.
func newOwners(api upstream.API) *dataloader.Loader[OwnerKey, upstream.ID] {
	batch := func(ctx context.Context, keys []OwnerKey) (results []*dataloader.Result[upstream.ID]) {
		results = make([]*dataloader.Result[upstream.ID], len(keys))
		defer func() { // the batch is on a goroutine of nobody's
			if v := recover(); v != nil {
				for i := range results {
					results[i] = &dataloader.Result[upstream.ID]{Error: fanout.Recovered(v)}
				}
			}
		}()
		found := owners(ctx, api, keys)
		for i, k := range keys {
			o := found[k]
			results[i] = &dataloader.Result[upstream.ID]{Data: o.user, Error: o.err}
		}
		return results
	}
	return dataloader.NewBatchedLoader(batch,
		dataloader.WithWait[OwnerKey, upstream.ID](time.Millisecond),
		dataloader.WithBatchCapacity[OwnerKey, upstream.ID](upstream.PageSize))
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

func ownersIn(ctx context.Context, api upstream.API, g listOf, keys []OwnerKey) map[OwnerKey]owner {
	found := make(map[OwnerKey]owner, len(keys))
	for _, k := range keys {
		found[k] = owner{err: &upstream.Error{Code: upstream.NotFound, Message: "the upstream's counts do not tell whose sender this is"}}
	}
	all := upstream.CountQuery{Window: g.window, Rollup: upstream.ByUser}
	var users []upstream.Count
	if len(keys) > 1 {
		var err error
		if users, err = api.Counts(ctx, g.kind, all); err != nil {
			for _, k := range keys {
				found[k] = owner{err: err}
			}
			return found
		}
	}
	var mu sync.Mutex
	var failed error
	set := func(k OwnerKey, o owner) {
		mu.Lock()
		defer mu.Unlock()
		found[k] = o
	}
	if len(keys) <= max(1, len(users)) { // one call for each sender: which users does it have?
		fanout.Each(len(keys), func(i int) {
			k, q := keys[i], all
			q.SenderID = k.Sender
			rows, err := api.Counts(ctx, g.kind, q)
			if err != nil {
				set(k, owner{err: err})
			} else if len(rows) > 0 {
				set(k, owner{user: rows[0].ID})
			}
		})
		return found
	}
	wanted := make(map[upstream.ID]OwnerKey, len(keys))
	for _, k := range keys {
		wanted[k.Sender] = k
	}
	fanout.Each(len(users), func(i int) { // one call for each user: which senders does it have?
		rows, err := api.Counts(ctx, g.kind, upstream.CountQuery{Window: g.window, UserID: users[i].ID})
		if err != nil {
			mu.Lock()
			failed = errors.Join(failed, err)
			mu.Unlock()
			return
		}
		for _, r := range rows {
			if k, ok := wanted[r.ID]; ok {
				set(k, owner{user: users[i].ID})
			}
		}
	})
	if failed != nil { // a sender that was not found may be one of the user whose call failed
		for k, o := range found {
			if o.err != nil {
				found[k] = owner{err: failed}
			}
		}
	}
	return found
}
