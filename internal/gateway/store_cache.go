package gateway

import (
	"context"
	"strconv"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
)

// storeCache is the cache in front of the store between two changes of it.
type storeCache struct {
	last, old int64 // see [store.Store].Generation
	*cached.Cache
}

// ofStore returns the cache in front of the store as it is now: without answers from before the last change, of this
// process or another, except settled ones from after the last change of settled events. While the store fails,
// it returns the cache of the last look that succeeded, for up to --cache-stale. Other processes may reach the store
// and erase data meanwhile.
func (g *gateway) ofStore(ctx context.Context) *cached.Cache {
	// A transaction becomes visible some time after its time was taken.
	const margin = time.Minute
	began := time.Now()
	last, old, err := g.store.Generation(ctx, max(0, g.c.CacheSettle-margin))
	now := g.current.Load()
	if err != nil {
		if ctx.Err() == nil {
			g.storeFails.Store(true)
			g.storeFailures.Add(1)
		}
		if now != nil && began.UnixNano()-g.storeRead.Load() < int64(g.c.CacheStale) {
			return now.Cache
		}
		return g.cache.Live() // fails as well
	}
	g.storeFails.Store(false)
	g.storeRead.Store(began.UnixNano())
	if now == nil || now.last != last || now.old != old {
		if now != nil && now.old != old {
			g.cache.Clear()
		}
		now = &storeCache{last, old, g.cache.For(strconv.FormatInt(old, 10)).At(last)}
		g.current.Store(now)
	}
	return now.Cache
}

// keepStore keeps the cache and the store, if there is one, up to date until ctx ends.
func (g *gateway) keepStore(ctx context.Context) {
	if g.store == nil {
		return
	}
	g.ofStore(ctx) // records how the store is now
	g.background.Go(func() { g.watchStore(ctx) })
	if g.c.Retention != (span{}) {
		g.background.Go(func() { g.prune(ctx) })
	}
}

// watchStore drops outdated answers even while no requests arrive, since erased data must disappear.
func (g *gateway) watchStore(ctx context.Context) {
	tick := time.Tick(5 * time.Second)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick:
			g.ofStore(ctx)
		}
	}
}

// prune removes events older than --retention, at once and then hourly.
func (g *gateway) prune(ctx context.Context) {
	tick := time.Tick(time.Hour)
	for {
		n, err := g.store.Prune(ctx, g.c.Retention.ago(), false)
		if n.Rows() > 0 {
			attrs := []any{"older_than", g.c.Retention.String()}
			for _, k := range upstream.Kinds {
				attrs = append(attrs, label(k), *n.Of(k))
			}
			g.logger.Info("pruned", attrs...)
		}
		if err != nil && ctx.Err() == nil {
			g.logger.Error("old events could not be removed", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick:
		}
	}
}
