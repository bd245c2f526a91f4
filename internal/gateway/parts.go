package gateway

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"

	"deliverygraph/graph"
	"deliverygraph/graph/dashboard"
	"deliverygraph/graph/playground"
	"deliverygraph/internal/auth"
	"deliverygraph/internal/classify"
	"deliverygraph/internal/ratelimit"
	"deliverygraph/internal/redis"
	"deliverygraph/internal/telemetry"
	"deliverygraph/resolvers/feed"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/grouped"
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
	redis   *redis.Client     // shared with other gateways; nil for a gateway on its own
	shared  *ratelimit.Shared // callers' accounts in redis; nil without
	limiter *ratelimit.Limiter
	trusted *graph.TrustedDocuments // nil for none
	rules   *classify.Rules         // nil for the embedded ones alone
	grouped *grouped.Layer

	current       atomic.Pointer[storeCache] // see ofStore
	storeRead     atomic.Int64               // when the last look for changes succeeded, in Unix nanoseconds
	storeFails    atomic.Bool                // the last look for changes failed
	storeFailures atomic.Uint64
	background    sync.WaitGroup // goroutines that end with the context of serve

	ready       telemetry.Readiness
	answered    chan struct{} // closed once the upstream has answered a call
	firstAnswer sync.Once     // closes it

	opened  atomic.Pointer[store.Store] // nil until it is complete, and over an upstream
	metrics *telemetry.Metrics
	tracing *telemetry.Tracing // nil without a collector
}

// openRedis connects to the Redis that gateways share, if there is one. Redis may be down.
func (g *gateway) openRedis(ctx context.Context) (err error) {
	if g.c.Redis == "" {
		return nil
	}
	g.redis, err = redis.Open(redis.Options{URL: g.c.Redis, CAFile: g.c.RedisCA, Logger: g.logger})
	if _, unreadable := errors.AsType[*fs.PathError](err); unreadable {
		return badFile("--redis-ca", err, "give a file such as authorities.pem")
	} else if err != nil {
		return badSetting("--redis %v", err)
	}
	g.shared = ratelimit.NewShared(g.redis)
	g.background.Go(func() { g.redis.Follow(ctx) })
	g.background.Go(func() { g.shared.Announce(ctx) })
	g.metrics.Gauge("gateways", "How many gateways shared the Redis when it last answered.",
		func() float64 { return float64(g.shared.Gateways()) })
	g.metrics.Switch("redis_up", "1 while Redis answers (all servers that hold a part of the keys), otherwise 0.",
		g.redis.Up)
	return nil
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
	if g.limiter != nil {
		g.limiter.Flush()
	}
	if g.redis != nil {
		_ = g.redis.Close()
	}
	if g.store != nil {
		return g.store.Close()
	}
	return nil
}

// page returns the playground, which answers all paths but the endpoint's.
func (g *gateway) page() (http.Handler, error) {
	notice := ""
	switch {
	case g.c.Auth.JWKS != "":
		notice = `This gateway requires authentication: enter your token under Headers, ` +
			`as {"Authorization": "Bearer TOKEN"}. `
	case g.c.Auth.asks():
		notice = `This gateway requires authentication: enter your key under Headers, as {"X-API-Key": "KEY"}. `
	}
	if g.c.hidesSchema() {
		notice += "This gateway does not show its schema (--introspection), " +
			"so this page can neither complete nor document what you write."
	}
	return playground.New(playground.Options{
		Endpoint: "graphql", Title: "DeliveryGraph", Dashboard: "dashboard/", Demo: g.demo, Notice: notice,
		Tabs:     playground.Examples(),
		NotFound: http.HandlerFunc(refusePath),
	})
}

// dashboard returns the dashboard, for the paths /dashboard and below.
func (g *gateway) dashboard() (http.Handler, error) {
	page, err := dashboard.New(dashboard.Options{
		Endpoint: "../graphql", Playground: "../", Title: "DeliveryGraph", Demo: g.demo,
	})
	return http.StripPrefix("/dashboard", page), err
}
