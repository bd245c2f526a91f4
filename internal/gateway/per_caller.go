package gateway

import (
	"cmp"
	"context"

	"deliverygraph/internal/auth"
	"deliverygraph/resolvers/feed"
	"deliverygraph/resolvers/operation"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
)

// upstreamOf returns the upstream as the context's caller may see it.
func (g *gateway) upstreamOf(ctx context.Context) upstream.Asker {
	next := upstream.Around(g.cacheFor(ctx), g.grouped.Ask)
	return auth.Limit(upstream.Around(next, g.timed()), auth.FromContext(ctx), g.mask)
}

// room returns how many calls the upstream takes at once without making them wait.
func (g *gateway) room() int {
	l := g.client.Load()
	return l.Limit - l.UnderWay - l.Waiting
}

// memory returns the memory of lists as the context's caller sees them, or nil if there is no cache.
func (g *gateway) memory(ctx context.Context) func(upstream.Question) page.Memory {
	if g.c.CacheSize == 0 {
		return nil
	}
	c, cache := auth.FromContext(ctx), g.cacheFor(ctx)
	return func(q upstream.Question) page.Memory { return cache.ListMemory(c.View(), q) }
}

// cacheFor returns the cache for the calls of the context's caller.
func (g *gateway) cacheFor(ctx context.Context) *cached.Cache {
	if g.store != nil {
		return g.ofStore(ctx)
	}
	return g.cacheOf(auth.FromContext(ctx))
}

// cacheOf returns the cache for a caller's calls. Answers to calls with the caller's own key are kept separately.
func (g *gateway) cacheOf(c auth.Caller) *cached.Cache {
	if c.UpstreamKey == "" {
		return g.cache
	}
	client, err := g.client.WithKey(string(c.UpstreamKey))
	if err != nil { // no header can contain such a key, so none did
		return g.cache.Over(c.Realm(), auth.Limit(g.client, auth.Caller{}, g.mask))
	}
	return g.cache.Over(c.Realm(), upstream.Around(client, operation.Budget))
}

// view returns the upstream for a subscription's caller. Polls look for new rows, so it uses no kept answers, except
// those that another gateway got for the same poll.
func (g *gateway) view(ctx context.Context) feed.View {
	c := auth.FromContext(ctx)
	return feed.View{
		API:     auth.Limit(g.cacheOf(c).Polls(g.c.SubscriptionPoll), c, g.mask),
		Context: auth.With(context.Background(), c),
		Key:     c.View(), Caller: c.Name, Streams: c.Limits.Streams,
	}
}

// name returns the name of the context's caller, or the empty string.
func name(ctx context.Context) string { return auth.FromContext(ctx).Name }

// socketsPerCaller returns how many WebSockets the context's caller may have open.
func (g *gateway) socketsPerCaller(ctx context.Context) int {
	return cmp.Or(auth.FromContext(ctx).Limits.Streams, g.c.SubscriptionsPerCaller)
}
