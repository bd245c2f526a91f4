package main

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"time"

	"go.opentelemetry.io/otel"

	"deliverygraph/graph/admin"
	"deliverygraph/graph/certificate"
	"deliverygraph/graph/metrics"
	"deliverygraph/graph/operation"
	"deliverygraph/graph/tracing"
	"deliverygraph/upstream"
	"deliverygraph/upstream/timed"
)

// serveAdmin opens the admin port, if there is to be one. It answers while the gateway
// starts and until it has drained.
func (g *gateway) serveAdmin() (closer func(), err error) {
	if g.c.AdminListen == "" {
		return func() {}, nil
	}
	l, err := listen("admin-listen", g.c.AdminListen)
	if err != nil {
		return nil, err
	}
	g.metrics = metrics.New(version(), runtime.Version())
	g.metrics.Gauge("ready", "1 while the gateway is ready, else 0.", func() float64 {
		if g.ready.Err(context.Background()) != nil {
			return 0
		}
		return 1
	})
	g.metrics.Rows(g.rows)
	g.calls, g.lookups = g.metrics.Call, g.metrics.Lookup
	h := admin.Handler(admin.Options{Ready: &g.ready, Metrics: g.metrics.Handler(), Pprof: g.c.AdminPprof})
	if loopback(l.Addr()) { // else load balancers ask by names of their own
		h = g.c.known(l.Addr(), false, h, refuseInText)
	}
	s := newServer(l, h, time.Minute)
	g.logger.Info("admin", "url", "http://"+l.Addr().String())
	if g.c.AdminPprof && !loopback(l.Addr()) {
		g.logger.Warn("anyone who can reach this address can take profiles of the gateway", "address", l.Addr().String())
	}
	go func() {
		if err := s.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			g.logger.Error("the admin port has failed", "error", err)
		}
	}()
	return func() { _ = s.Close() }, nil
}

// trace has operations and calls traced, if they are to be.
func (g *gateway) trace(ctx context.Context) error {
	to, named, err := g.c.collector()
	if err != nil || to == "" {
		return err
	}
	out, err := tracing.OTLP(ctx, to)
	if err != nil {
		return badSetting("%s: %v", named, err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { g.logger.Warn("traces are lost", "error", err) }))
	g.tracing = tracing.New(out, version(), g.c.TraceShare)
	return nil
}

// certificateEnd has the metrics tell when the certificate of the port ends.
func (g *gateway) certificateEnd(pair *certificate.Certificate) {
	if g.metrics != nil && pair != nil {
		g.metrics.Gauge("certificate_not_after_timestamp_seconds", "When the certificate that is served ends.", func() float64 { return float64(pair.NotAfter().Unix()) })
	}
}

// question is the API with a span for each of its calls, if they are traced, and the clock
// of the operation that makes them.
func (g *gateway) question(api upstream.API) upstream.API {
	if g.tracing == nil {
		return timed.API(api, nil)
	}
	return timed.API(api, g.tracing.Question)
}

// readinessCheck is whether the gateway can answer: the store can be read, or the
// upstream answers.
func (g *gateway) readinessCheck() admin.Check {
	return func(ctx context.Context) error {
		if g.store != nil {
			if _, err := g.store.Info(ctx); err != nil {
				return errors.New("the store cannot be read")
			}
			return nil
		}
		_, err := g.client.BounceCategories(ctx)
		if err == nil {
			return nil
		}
		switch upstream.CodeOf(err) {
		case upstream.Unauthenticated:
			if g.c.Auth.PassThrough { // the keys are the callers': to be asked for one is an answer
				return nil
			}
			return errors.New("the upstream refuses the gateway's key: see --upstream-key")
		case upstream.InvalidResponse, upstream.NotFound:
			return errors.New("the upstream's answers are not the metrics API's: see --upstream, and deliverygraph doctor")
		}
		return errors.New("the upstream has not answered yet")
	}
}

// rows are those in the store, for metrics; none before it is open, or without one.
func (g *gateway) rows() []metrics.Rows {
	s := g.opened.Load()
	if s == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	info, err := s.Info(ctx)
	if err != nil {
		return nil
	}
	return []metrics.Rows{
		{Kind: "emails", Number: info.Emails.Rows, Newest: int64(info.Emails.Last)},
		{Kind: "bounces", Number: info.Bounces.Rows, Newest: int64(info.Bounces.Last)},
		{Kind: "blocked_emails", Number: info.BlockedEmails.Rows, Newest: int64(info.BlockedEmails.Last)},
	}
}

// observers are told of every operation.
func (g *gateway) observers() []operation.Observer {
	var all []operation.Observer
	if g.tracing != nil {
		all = append(all, g.tracing.Operation)
	}
	if g.metrics != nil {
		all = append(all, g.metrics.Operation)
	}
	return all
}

// watched is a handler whose requests have an id, and are counted and timed.
func (g *gateway) watched(h http.Handler) http.Handler {
	h = operation.WithRequestID(h)
	if g.tracing != nil {
		h = g.tracing.Requests(h)
	}
	if g.metrics != nil {
		h = g.metrics.Requests(h)
	}
	return h
}
