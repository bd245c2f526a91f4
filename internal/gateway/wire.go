package gateway

import (
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/graph/playground"
	"deliverygraph/internal/auth"
	"deliverygraph/internal/classify"
	"deliverygraph/internal/ratelimit"
	"deliverygraph/internal/telemetry"
	"deliverygraph/internal/web"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/cost"
	"deliverygraph/resolvers/feed"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/resolvers/operation"
	"deliverygraph/resolvers/page"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/rest"
)

// gateway is the parts that serve connects.
type gateway struct {
	c       *serveCommand
	logger  *slog.Logger
	local   bool   // only this machine can connect
	data    string // what is served, for the log
	demo    string // the same for the playground; empty unless it is demo data
	store   store.Store
	client  *rest.Client
	cache   *cached.Cache
	mask    auth.Mask
	feed    *feed.Feed
	trusted *graph.TrustedDocuments // nil for none
	rules   *classify.Rules         // nil for the embedded ones alone

	generation atomic.Int64   // of the store: cached answers of older ones are invalid
	ingested   atomic.Int64   // webhook requests that have changed the store
	background sync.WaitGroup // goroutines that end with the context of serve

	// Observers of all calls and lookups, besides the operations' ledgers; nil for none.
	calls   func(context.Context, rest.Call)
	lookups func(context.Context, cached.Lookup)

	ready       telemetry.Readiness
	answered    chan struct{} // closed once the upstream has answered a call
	firstAnswer sync.Once     // closes it

	opened  atomic.Pointer[store.Store] // nil until it is complete
	metrics *telemetry.Metrics          // nil without an admin port
	tracing *telemetry.Tracing          // nil without a collector
}

func (g *gateway) close() error {
	if g.feed != nil {
		g.feed.Close()
	}
	g.opened.Store(nil)
	if g.tracing != nil {
		if err := g.tracing.Close(); err != nil {
			g.logger.Warn("the last traces were lost", "error", err)
		}
	}
	if g.cache != nil {
		g.cache.Close()
	}
	if g.client != nil {
		g.client.Close()
	}
	g.background.Wait()
	if g.store != nil {
		return g.store.Close()
	}
	return nil
}

// upstream returns the API that the gateway serves: a remote server or the store, through the same client, with a cache
// in front.
func (g *gateway) upstream(ctx context.Context) error {
	o := rest.Options{
		BaseURL: g.c.Upstream, Key: g.c.UpstreamKey, CAFile: g.c.UpstreamCA, MaxConcurrent: g.c.UpstreamConcurrency,
		CallTimeout: g.c.Timeout, Logger: g.logger,
	}
	g.data = "upstream"
	if g.c.Upstream == "" {
		if err := g.openStore(ctx); err != nil {
			return err
		}
		o.BaseURL = "http://embedded.invalid"
		o.Transport = embedded.Transport(embedded.New(g.store,
			embedded.Options{APIHost: "deliverygraph", Logger: g.logger}))
	} else {
		o.Answered = g.noteAnswer
	}
	o.Observe = both(operation.Call, g.calls)
	if g.tracing != nil {
		o.Around = g.tracing.Transport
	}
	client, err := rest.New(o)
	if err != nil {
		return badUpstream(err)
	}
	g.client = client
	if g.metrics != nil {
		g.metrics.Load(func() telemetry.Load { return telemetry.Load(client.Load()) })
	}
	kept := cached.Options{
		Bytes: int64(g.c.CacheSize), Fresh: g.c.CacheFresh, Catalogue: g.c.CacheCatalog, MaxStale: g.c.CacheStale,
		Observe: both(operation.Lookup, g.lookups),
		Settle:  g.c.CacheSettle, Sealed: g.c.CacheSettle,
	}
	if g.store != nil {
		kept.Sealed = 0 // changes are noticed: see ofStore
	}
	if g.cache, err = cached.New(upstream.Around(client, operation.Budget), kept); err != nil {
		return err
	}
	if g.metrics != nil {
		g.metrics.Cache(func() telemetry.CacheUse { return telemetry.CacheUse(g.cache.Use()) })
	}
	if g.store != nil {
		g.ofStore(ctx) // records the generation
		g.background.Go(func() { g.watchStore(ctx) })
		if g.c.Retention != (span{}) {
			g.background.Go(func() { g.prune(ctx) })
		}
	}
	return nil
}

// both calls two observers, the second of which may be nil.
func both[T any](first, second func(context.Context, T)) func(context.Context, T) {
	if second == nil {
		return first
	}
	return func(ctx context.Context, v T) { first(ctx, v); second(ctx, v) }
}

// upstreamOf returns the upstream as the context's caller may see it.
func (g *gateway) upstreamOf(ctx context.Context) upstream.Asker {
	return auth.Limit(upstream.Around(g.cacheFor(ctx), g.timed()), auth.FromContext(ctx), g.mask)
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
	return func(q upstream.Question) page.Memory { return cache.Notes(c.View(), q) }
}

// cacheFor returns the cache for the calls of the context's caller.
func (g *gateway) cacheFor(ctx context.Context) *cached.Cache {
	if g.store != nil {
		return g.ofStore(ctx)
	}
	return g.cacheOf(auth.FromContext(ctx))
}

// cacheOf returns the cache for a caller's calls. Answers to calls with a key of the caller's own are kept separately.
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

// view returns the upstream for a subscription's caller. It uses no kept answers, because polls look for new rows.
func (g *gateway) view(ctx context.Context) feed.View {
	c := auth.FromContext(ctx)
	return feed.View{
		API: auth.Limit(g.cacheOf(c).Live(), c, g.mask), Context: auth.With(context.Background(), c), Key: c.View(),
		Caller: c.Name, Streams: c.Limits.Streams,
	}
}

// withRules has operations describe bounces' rules by those of --rules.
func (g *gateway) withRules(next http.Handler) http.Handler {
	if g.rules == nil {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		next.ServeHTTP(w, r.WithContext(resolvers.WithRules(r.Context(), g.rules)))
	})
}

// handler returns the public port's handler, which works until ctx ends.
func (g *gateway) handler(ctx context.Context, who auth.Authenticator, streams *graph.Streams) (http.Handler, error) {
	planned, refused := func(int64, bool) {}, func(string) {}
	if g.metrics != nil {
		planned, refused = g.metrics.Planned, g.metrics.Refused
	}
	g.feed = feed.New(g.view, feed.Options{
		Interval: g.c.SubscriptionPoll, Overlap: g.c.SubscriptionOverlap, Topics: g.c.SubscriptionFilters,
		Subscribers: g.c.Subscriptions, PerCaller: g.c.SubscriptionsPerCaller,
		Refused: func() { refused(graph.ShedForStreams) },
	})
	schema := generated.NewExecutableSchema(resolvers.Root{Feed: g.feed}.Schema())
	shared := g.c.CacheFresh
	if g.c.CacheSize == 0 {
		shared = 0 // nothing would be found again
	}
	batches := loaders.Extension{API: g.upstreamOf, Memory: g.memory, Room: g.room, Now: time.Now, Shared: shared}
	if g.tracing != nil {
		batches.Watch = g.tracing.Batch
	}
	explaining := cost.New(cost.Options{
		MaxCalls: g.c.MaxUpstreamCalls, Allowed: g.c.Explain == "on" || g.c.Explain == "auto" && g.local,
		Shared: shared, Now: time.Now, Observe: planned,
	})
	limits := cost.NewRateLimit(ratelimit.NewLimiter(time.Now), g.c.CostPerMinute, refused)
	o := graph.Options{
		Extensions: []graphql.HandlerExtension{
			explaining,
			limits,
			batches,
			resolvers.Columns(),
		},
		CacheControl: explaining.CacheControl,
		Headers:      limits.Headers,
		Admit:        limits.Admit,
		Rows:         explaining.Rows,
		Waited:       operation.Waited,
		Shed:         refused,
		Caller:       func(ctx context.Context) string { return auth.FromContext(ctx).Name },
		Identify: func(ctx context.Context, h http.Header, init map[string]any) (context.Context, error) {
			return g.identify(ctx, who, h, init)
		},
		Check: g.check,
		SocketsPerCaller: func(ctx context.Context) int {
			return cmp.Or(auth.FromContext(ctx).Limits.Streams, g.c.SubscriptionsPerCaller)
		},
		Vary:        []string{"Authorization", "X-API-Key", cost.Header},
		Logger:      g.logger,
		Observers:   g.observers(),
		Timeout:     g.c.Timeout,
		Heartbeat:   g.c.SubscriptionHeartbeat,
		HideSchema:  g.c.hidesSchema(),
		Streams:     streams,
		Trusted:     g.trusted,
		TrustedOnly: g.c.TrustedOnly,

		MaxBatch:      g.c.BatchLimit,
		MaxOperations: g.c.MaxOperations,
		MaxInFlight:   cmp.Or(int64(g.c.MaxInFlight), min(memory()/4, 256<<20)),
	}
	endpoint := g.withRules(graph.NewHandler(schema, o))
	notice := ""
	switch {
	case g.c.Auth.JWKS != "":
		notice = `This gateway requires authentication: enter your token under Headers, ` +
			`as {"Authorization": "Bearer TOKEN"}. `
	case g.c.Auth.asks():
		notice = `This gateway requires authentication: enter your key under Headers, as {"X-API-Key": "KEY"}. `
	}
	if o.HideSchema {
		notice += "This gateway does not show its schema (--introspection), " +
			"so this page can neither complete nor document what you write."
	}
	page, err := playground.New(playground.Options{
		Endpoint: "graphql", Title: "DeliveryGraph", Demo: g.demo, Notice: notice, Tabs: playground.Examples(),
		NotFound: http.HandlerFunc(refusePath),
	})
	if err != nil {
		return nil, err
	}
	known := auth.Middleware(who, g.refuse, endpoint)
	asked := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if web.IsSocket(r) { // the endpoint authenticates the caller when the socket is open
			endpoint.ServeHTTP(w, r)
			return
		}
		known.ServeHTTP(w, r)
	})
	var counted http.Handler = asked
	if g.c.CostPerMinute > 0 && !g.c.Auth.asks() {
		counted = ratelimit.ByAddress(asked)
	}
	mux := http.NewServeMux()
	public := g.watched(web.NewOrigins(g.c.CorsOrigins).Handler(counted, g.forbid))
	mux.Handle("/graphql", public)
	mux.Handle("/graphql/{$}", public)
	mux.Handle("/", page)
	return web.Secure(mux), nil
}
