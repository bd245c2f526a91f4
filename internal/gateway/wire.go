package gateway

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/internal/auth"
	"deliverygraph/internal/ratelimit"
	"deliverygraph/internal/web"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/cost"
	"deliverygraph/resolvers/feed"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/redisanswers"
	"deliverygraph/upstream/rest"
)

// upstream connects what answers questions: a server, or the store behind the embedded one; the client; the
// operations' budgets; and the cache. See per_caller.go for what each caller gets of it.
func (g *gateway) upstream(ctx context.Context) (err error) {
	o := g.c.options()
	o.CallTimeout, o.Logger, o.Answered = g.c.Timeout, g.logger, g.noteAnswer
	o.Observe = g.observeCall
	kept := cached.Options{
		Bytes: int64(g.c.CacheSize), Fresh: g.c.CacheFresh, Catalogue: g.c.CacheCatalog, MaxStale: g.c.CacheStale,
		Settle: g.c.CacheSettle, Sealed: g.c.CacheSettle, Observe: g.observeLookup,
		Spare: operation.Spare,
	}
	g.data = "upstream"
	if g.c.Upstream == "" {
		if err := g.openStore(ctx); err != nil {
			return err
		}
		server := embedded.New(g.store, embedded.Options{
			APIHost: "deliverygraph", Providers: g.grouped.Providers, Logger: g.logger,
		})
		o.BaseURL, o.Transport, o.Answered = "http://embedded.invalid", embedded.Transport(server), nil
		kept.Sealed = 0 // changes of the store are noticed at once: see ofStore
	} else if g.redis != nil {
		kept.Shared, kept.SharedCounts = redisanswers.New(g.redis, redisanswers.Lease), g.c.RedisKeep == "counts"
		kept.Realm = g.c.Upstream + " " + g.c.UpstreamKey
	}
	if g.tracing != nil {
		o.Around = g.tracing.Transport
	}
	if g.client, err = rest.New(o); err != nil {
		return badUpstream(err)
	}
	if g.cache, err = cached.New(upstream.Around(g.client, operation.Budget), kept); err != nil {
		return err
	}
	measureClient(g.metrics, g.client.Load)
	measureCache(g.metrics, g.cache.Use)
	g.keepStore(ctx)
	return nil
}

// handler connects what answers requests to the public port, until ctx ends: from the resolvers and the extensions of
// operations to the endpoint, and from there to CORS and telemetry.
func (g *gateway) handler(ctx context.Context, who auth.Authenticator, streams *graph.Streams) (http.Handler, error) {
	g.feed = feed.New(g.view, feed.Options{
		Interval: g.c.SubscriptionPoll, Overlap: g.c.SubscriptionOverlap, Topics: g.c.SubscriptionFilters,
		Subscribers: g.c.Subscriptions, PerCaller: g.c.SubscriptionsPerCaller,
		Refused: func() { g.metrics.Refused(graph.ShedForStreams) },
	})
	shared := g.c.CacheFresh
	if g.c.CacheSize == 0 {
		shared = 0 // nothing would be found again
	}
	var groups func(context.Context, upstream.Question) (int, bool, error)
	if g.store == nil {
		groups = func(ctx context.Context, q upstream.Question) (calls int, exact bool, err error) {
			return g.grouped.Price(ctx, upstream.API{Asker: g.upstreamOf(ctx)}, q)
		}
	}
	g.limiter = ratelimit.NewLimiter(time.Now, g.shared)
	inFlight := cmp.Or(int64(g.c.MaxInFlight), min(memory()/4, 256<<20))
	var planned func(calls int64, refused bool)
	if g.measures() {
		planned = g.metrics.Planned
	}
	prices := cost.New(cost.Options{
		MaxCalls: g.c.MaxUpstreamCalls, MaxRows: graph.MaxRows(inFlight),
		Allowed: g.c.Explain == "on" || g.c.Explain == "auto" && g.local, Shared: shared, Now: time.Now,
		Observe: planned, Groups: groups, Limiter: g.limiter, CostPerMinute: g.c.CostPerMinute,
		Refused: g.metrics.Refused,
	})
	batches := loaders.Extension{API: g.upstreamOf, Memory: g.memory, Room: g.room, Now: time.Now, Shared: shared}
	if g.tracing != nil {
		batches.Watch = g.tracing.Batch
	}
	schema := generated.NewExecutableSchema(resolvers.Root{Feed: g.feed}.Schema())
	public := graph.NewHandler(schema, graph.Options{
		Extensions:   []graph.Extension{prices, batches, resolvers.Columns()},
		CacheControl: prices.CacheControl, Rows: prices.Rows, Headers: prices.Headers, Admit: prices.Admit,
		Waited: operation.Waited, Shed: g.metrics.Refused, Logger: g.logger, Observers: g.observers(),
		Vary: []string{"Authorization", "X-API-Key", cost.Header},

		Identify: func(ctx context.Context, r *http.Request, init map[string]any) (context.Context, error) {
			return g.identify(ctx, who, r, init)
		},
		Challenge: auth.Challenge, Caller: name, Check: g.check, SocketsPerCaller: g.socketsPerCaller,

		Timeout: g.c.Timeout, Heartbeat: g.c.SubscriptionHeartbeat, Streams: streams,
		HideSchema: g.c.hidesSchema(), Trusted: g.trusted, TrustedOnly: g.c.TrustedOnly,
		MaxBatch: g.c.BatchLimit, MaxOperations: g.c.MaxOperations,
		MaxInFlight: inFlight,
	})
	if g.c.CostPerMinute > 0 && (!g.c.Auth.asks() || g.c.Auth.PassThrough) {
		public = ratelimit.ByAddress(public)
	}
	public = g.watched(web.NewOrigins(g.c.CorsOrigins).Handler(public, g.forbid))
	page, err := g.page()
	if err != nil {
		return nil, err
	}
	dashboard, err := g.dashboard()
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/graphql", public)
	mux.Handle("/graphql/{$}", public)
	mux.Handle("/dashboard", dashboard)
	mux.Handle("/dashboard/", dashboard)
	mux.Handle("/", page)
	return web.Secure(mux), nil
}
