package gateway

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"sync"
	"time"

	"deliverygraph/graph"
	"deliverygraph/internal/auth"
	"deliverygraph/internal/telemetry"
	"deliverygraph/internal/web"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/grouped"
)

// Run serves until ctx ends.
func (c *serveCommand) Run(ctx context.Context, io Streams) (err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	if err := c.check(); err != nil {
		return err
	}
	c.tune()
	ignoreBrokenPipes()
	logger, flush := c.logger(io.Err)
	defer flush()
	keys, err := c.restKeys()
	if err != nil {
		return err
	}
	var pair *web.Certificate // nil serves plain HTTP
	if c.TLSCert != "" {
		if pair, err = web.OpenCertificate(c.TLSCert, c.TLSKey); err != nil {
			return badFile("--tls-cert, --tls-key", err, "give files such as cert.pem and key.pem")
		}
	}
	// Ports come first: one that is in use should stop the start at once, before any work.
	public, err := listen("listen", c.Listen)
	if err != nil {
		return err
	}
	defer public.Close()
	g := &gateway{
		c: c, logger: logger, local: loopback(public.Addr()), mask: auth.NewMask(c.Auth.MaskSecret),
		metrics: telemetry.NewMetrics(version(), runtime.Version()), answered: make(chan struct{}),
	}
	providers, err := loadProviders(c.Providers)
	if err != nil {
		return err
	}
	g.grouped = &grouped.Layer{Providers: providers, Left: operation.Left}
	if c.Rules != "" {
		if g.rules, err = loadRules(c.Rules); err != nil {
			return err
		}
	}
	closeAdmin, err := g.serveAdmin()
	if err != nil {
		return err
	}
	defer closeAdmin()
	g.certificateEnd(pair)
	if err := g.trace(ctx); err != nil {
		return err
	}
	var private net.Listener
	if c.RestListen != "" {
		if private, err = listen("rest-listen", c.RestListen); err != nil {
			return err
		}
		defer private.Close()
		if err := embedded.CheckListener(private.Addr(), keys); err != nil {
			return badSetting("--rest-listen: %v", err)
		}
	}
	hooks, err := c.Ingest.listen()
	if err != nil {
		return err
	}
	if hooks != nil {
		defer hooks.Close()
	}
	if err := c.Auth.checkListener(public.Addr()); err != nil {
		return err
	}
	if !loopback(public.Addr()) && !c.Auth.asks() {
		logger.Warn("anyone who can reach this address can read all data: put a proxy with authentication in front",
			"address", public.Addr().String())
		if len(c.AllowedHosts) == 0 {
			logger.Warn("any web page in a browser that reaches this address can read the data too, by DNS rebinding: "+
				"name the allowed hosts, such as --allowed-hosts metrics.example.com", "address",
				public.Addr().String())
		}
	}
	defer func() { stop(); err = errors.Join(err, g.close()) }()
	who, err := g.authenticator(ctx)
	if err != nil {
		return err
	}
	if err := g.trust(ctx); err != nil {
		return err
	}
	if err := g.openRedis(ctx); err != nil {
		return err
	}
	err = g.upstream(ctx)
	if err != nil && ctx.Err() != nil {
		return nil // stopped before it was ready
	} else if err != nil {
		return err
	}
	streams := graph.NewStreams(c.Subscriptions)
	handler, err := g.handler(ctx, who, streams)
	if err != nil {
		return err
	}
	main := newServer(public, c.restrictHosts(public.Addr(), c.Auth.asks(), handler, g.forbid))
	url := main.secure(pair) + "/"
	if pair != nil {
		go pair.Follow(ctx, 10*time.Second, logger)
	}
	servers := []*server{main}
	if private != nil {
		h := embedded.New(g.store, embedded.Options{
			Keys: keys, Duplicate202: c.RestDuplicate202, Providers: g.grouped.Providers, Logger: logger,
		})
		port := newServer(private, c.restrictHosts(private.Addr(), keys != nil, h, forbidInText))
		servers = append(servers, port)
		logger.Info("REST API of the store", "url", port.secure(pair))
	}
	if hooks != nil {
		port, err := g.ingestServer(ctx, hooks, pair)
		if err != nil {
			return err
		}
		servers = append(servers, port)
	}
	if g.store != nil {
		g.opened.Store(&g.store)
	}
	g.begin(ctx, "graphql", url+"graphql", "playground", url, "dashboard", url+"dashboard/",
		"data", g.data)
	return g.serve(ctx, servers, streams)
}

// serve serves all ports until ctx ends. Then the gateway reports that it is not ready but serves on for the drain
// delay, so that load balancers notice. After that it closes all ports at once, lets requests in progress finish within
// the drain time, and ends streams.
func (g *gateway) serve(ctx context.Context, servers []*server, streams *graph.Streams) error {
	failed := make(chan error, len(servers))
	for _, s := range servers {
		s.ErrorLog = slog.NewLogLogger(g.logger.Handler(), slog.LevelWarn)
		go func() {
			if s.TLSConfig != nil {
				failed <- s.ServeTLS(s.listener, "", "")
			} else {
				failed <- s.Serve(s.listener)
			}
		}()
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		// As texts, since JSON would have bare nanoseconds.
		g.logger.Info("stopping", "drain_delay", g.c.DrainDelay.String(), "drain_time", g.c.DrainTime.String())
		g.ready.Drain()
		select {
		case err = <-failed:
		case <-time.After(g.c.DrainDelay):
		}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), g.c.DrainTime)
	defer cancel()
	var draining sync.WaitGroup
	for _, s := range servers {
		draining.Go(func() {
			if s.Shutdown(ctx) != nil {
				g.logger.Warn("requests were cut off: they took longer than the drain time", "address",
					s.listener.Addr().String())
				_ = s.Close()
			}
		})
	}
	draining.Go(func() {
		if streams.Shutdown(ctx) != nil {
			g.logger.Warn("streams were cut off: they took longer than the drain time to end", "streams",
				streams.Open())
		}
	})
	draining.Wait()
	if err == nil {
		g.logger.Info("stopped")
	}
	return err
}

// server is an HTTP server on one port.
type server struct {
	http.Server
	listener net.Listener
}

// newServer returns a server that limits what a slow or idle client may hold.
func newServer(l net.Listener, h http.Handler) *server {
	return &server{listener: web.LimitSlowReaders(l), Server: http.Server{
		Handler:           web.LimitSlowBodies(web.LimitSlowStreams(h)),
		ReadHeaderTimeout: web.Grace,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
	}}
}

// secure makes s serve HTTPS with a certificate, if there is one, and returns the URL of s.
func (s *server) secure(pair *web.Certificate) (url string) {
	if pair == nil {
		return "http://" + s.listener.Addr().String()
	}
	s.TLSConfig = pair.Config()
	return "https://" + s.listener.Addr().String()
}

func listen(flag, addr string) (net.Listener, error) {
	l, err := net.Listen("tcp", addr)
	if op := new(net.OpError); errors.As(err, &op) {
		return nil, badSetting("--%s %q: %v; give an address such as 127.0.0.1:8080, or port 0 for any free one", flag,
			addr, op.Err)
	}
	return l, err
}

func loopback(a net.Addr) bool {
	t, ok := a.(*net.TCPAddr)
	return ok && t.IP.IsLoopback()
}
