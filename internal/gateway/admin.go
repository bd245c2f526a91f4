package gateway

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"

	"deliverygraph/internal/telemetry"
	"deliverygraph/internal/web"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
	"deliverygraph/upstream/embedded/store/clickhouse"
	"deliverygraph/upstream/rest"
)

// serveAdmin opens the admin port, if one is configured. The port answers while the gateway starts and until it has
// drained. Without it, operations and calls are not counted.
func (g *gateway) serveAdmin() (closer func(), err error) {
	if !g.measures() {
		return func() {}, nil
	}
	l, err := listen("admin-listen", g.c.AdminListen)
	if err != nil {
		return nil, err
	}
	g.metrics.Switch("ready", "1 while the gateway is ready, otherwise 0.", func() bool {
		return g.ready.Err(context.Background()) == nil
	})
	g.metrics.Rows(g.rows)
	h := telemetry.AdminHandler(telemetry.AdminOptions{
		Ready: &g.ready, Metrics: g.metrics.Handler(), Pprof: g.c.AdminPprof,
	})
	if loopback(l.Addr()) { // on other addresses, load balancers use names of their own
		h = g.c.restrictHosts(l.Addr(), false, h, forbidInText)
	}
	s := newServer(l, h)
	g.logger.Info("admin", "url", "http://"+l.Addr().String())
	if g.c.AdminPprof && !loopback(l.Addr()) {
		g.logger.Warn("anyone who can reach this address can take profiles of the gateway", "address",
			l.Addr().String())
	}
	go func() {
		if err := s.Serve(s.listener); !errors.Is(err, http.ErrServerClosed) {
			g.logger.Error("the admin port has failed", "error", err)
		}
	}()
	return func() { _ = s.Close() }, nil
}

// measures reports whether operations and calls are counted.
func (g *gateway) measures() bool { return g.c.AdminListen != "" }

// measureClient exports the state of the upstream client.
func measureClient(m *telemetry.Metrics, load func() rest.Load) {
	m.Gauge("upstream_requests_in_flight", "Requests sent to the metrics API and not yet answered.",
		func() float64 { return float64(load().UnderWay) })
	m.Gauge("upstream_limit",
		"Limit on concurrent requests to the metrics API; it falls while the API sheds load or becomes slower.",
		func() float64 { return float64(load().Limit) })
	m.Gauge("upstream_waiting", "Requests waiting for a slot.", func() float64 { return float64(load().Waiting) })
	m.Counter("upstream_refused_total", "Requests refused because too many were waiting.",
		func() float64 { return float64(load().Refused) })
	m.Counter("upstream_breaker_opened_total", "How often the circuit breaker has opened.",
		func() float64 { return float64(load().Opened) })
	for _, state := range []string{"closed", "half-open", "open"} {
		m.Switch("upstream_breaker_state", "1 for the state of the circuit breaker, 0 for the others.",
			func() bool { return load().Breaker == state }, "state", state)
	}
}

// measureCache exports the use of the cache.
func measureCache(m *telemetry.Metrics, use func() cached.Use) {
	m.Gauge("cache_entries",
		"Answers of the metrics API that the cache holds.", func() float64 { return float64(use().Answers) })
	m.Gauge("cache_bytes", "Memory used by the cache.", func() float64 { return float64(use().Bytes) })
	m.Gauge("cache_capacity_bytes",
		"Memory that the cache may use; 0 if it is off.", func() float64 { return float64(use().Capacity) })
}

// measureStore logs when a server of the store becomes available or unavailable, and exports its state as a metric.
func (g *gateway) measureStore() {
	hosts := func() []clickhouse.Host { // of a file, which has no name here
		h := clickhouse.Host{Failures: g.storeFailures.Load()}
		if g.storeFails.Load() {
			h.Err = errors.New("it cannot be read")
		}
		return []clickhouse.Host{h}
	}
	if s, ok := g.store.(*clickhouse.Store); ok {
		hosts = s.Hosts
		s.Follow(func(h clickhouse.Host) {
			if h.Err == nil {
				g.logger.Info("clickhouse host is available", "host", h.Name)
			} else {
				g.logger.Warn("clickhouse host is not available", "host", h.Name, "error", h.Err)
			}
		})
	}
	for i, h := range hosts() {
		var labels []string
		if h.Name != "" {
			labels = []string{"host", h.Name}
		}
		g.metrics.Switch("store_up", "1 while the store is available, otherwise 0; of ClickHouse for each host.",
			func() bool { return hosts()[i].Err == nil }, labels...)
		g.metrics.Counter("store_failures_total",
			"Calls and probes that the store did not answer; of ClickHouse for each host.",
			func() float64 { return float64(hosts()[i].Failures) }, labels...)
	}
}

// observeCall records a call in its operation, and counts it.
func (g *gateway) observeCall(ctx context.Context, c rest.Call) {
	operation.Call(ctx, c)
	if g.measures() {
		countCall(g.metrics, c)
	}
}

// observeLookup records a lookup of the cache in its operation, and counts it.
func (g *gateway) observeLookup(ctx context.Context, l cached.Lookup) {
	operation.Lookup(ctx, l)
	if g.measures() {
		g.metrics.Lookup(l.Question.Endpoint(), l.Result(), l.Joined)
	}
}

func countCall(m *telemetry.Metrics, c rest.Call) {
	m.Call(telemetry.Call{
		Endpoint: c.Question.Endpoint(), Outcome: c.Outcome(), Status: c.Status, Tries: c.Tries,
		Duration: c.Duration, Waited: c.Waited, Bytes: c.Bytes, Rows: c.Rows,
	})
}

// trace sets up tracing of operations and calls to a collector, by OTLP over HTTP, if it is configured.
func (g *gateway) trace(ctx context.Context) error {
	to, named, err := g.c.collector()
	if err != nil || to == "" {
		return err
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { g.logger.Warn("traces are lost", "error", err) }))
	// Headers, timeout, compression and others come from the standard OTEL_EXPORTER_OTLP_… variables.
	out, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(to))
	if err != nil {
		return badSetting("%s: %v", named, err)
	}
	g.tracing = telemetry.NewTracing(out, version(), g.c.TraceShare)
	return nil
}

// certificateEnd exports a metric of when the port's certificate expires.
func (g *gateway) certificateEnd(pair *web.Certificate) {
	if pair != nil {
		g.metrics.Gauge("certificate_not_after_timestamp_seconds", "When the served certificate expires.",
			func() float64 { return float64(pair.NotAfter().Unix()) })
	}
}

// timed returns the layer that runs an operation's clock, and traces its questions if tracing is on.
func (g *gateway) timed() upstream.Middleware {
	if g.tracing == nil {
		return operation.Measure(nil)
	}
	return operation.Measure(g.tracing.Question)
}

// begin completes the start. Over a store the gateway is ready at once, and as long as the store can be read; over an
// upstream it is ready once that has answered. urls are log attributes.
func (g *gateway) begin(ctx context.Context, urls ...any) {
	if g.store != nil {
		g.ready.Begin(func(ctx context.Context) error {
			if _, _, err := g.store.Generation(ctx, 0); err != nil { // quick, unlike Info
				return errors.New("the store cannot be read")
			}
			return nil
		}, time.Second)
		g.logger.Info("ready", urls...)
		return
	}
	g.logger.Info("listening", urls...)
	g.ready.Begin(func(context.Context) error {
		select {
		case <-g.answered:
			return nil
		default:
			return errors.New("the upstream has not answered yet")
		}
	}, 0)
	g.background.Go(func() { g.askUpstream(ctx) })
	g.background.Go(func() {
		select {
		case <-g.answered:
			g.logger.Info("ready", urls...)
		case <-ctx.Done():
		}
	})
}

// noteAnswer records that the upstream has answered a call, with any status. An error of a proxy that cannot reach the
// upstream does not count.
func (g *gateway) noteAnswer(status int) {
	if status != http.StatusBadGateway && status != http.StatusGatewayTimeout {
		g.firstAnswer.Do(func() { close(g.answered) })
	}
}

// askUpstream makes calls until the upstream has answered one, however long that takes. It logs why the upstream does
// not answer, or what is wrong with its answer.
func (g *gateway) askUpstream(ctx context.Context) {
	logged, at := "", time.Time{}
	for {
		_, err := g.client.BounceCategories(ctx)
		select {
		case <-ctx.Done():
			return
		case <-g.answered:
			g.warnOfAnswer(err)
			return
		default:
		}
		var e *upstream.Error
		if !errors.As(err, &e) {
			e = &upstream.Error{Err: err}
		}
		unsent := e.Status == 0 && e.Err == nil // the circuit breaker is open
		if !unsent && (e.Message != logged || time.Since(at) > time.Minute) {
			logged, at = e.Message, time.Now()
			g.logger.Warn("not ready yet: the upstream has not answered", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-g.answered:
			return
		case <-time.After(min(max(time.Second, e.RetryAfter), 5*time.Second)):
		}
	}
}

// warnOfAnswer logs a warning if the upstream's first answer shows a wrong setting.
func (g *gateway) warnOfAnswer(err error) {
	var e *upstream.Error
	if !errors.As(err, &e) {
		return
	}
	hint := "the upstream answers with an error"
	switch {
	case e.Code == upstream.Unauthenticated && g.c.Auth.PassThrough:
		return // each caller sends its own key, and this call had none
	case e.Code == upstream.Unauthenticated:
		hint = "the upstream refuses the gateway's key: check --upstream-key"
	case e.Status < http.StatusInternalServerError &&
		(e.Code == upstream.InvalidResponse || e.Code == upstream.NotFound):
		hint = "the upstream does not answer as the metrics API does: check --upstream, and run deliverygraph doctor"
	}
	g.logger.Warn(hint, "error", err)
}

// rows returns the store's row counts for metrics; none without an open store.
func (g *gateway) rows() []telemetry.Rows {
	s := g.opened.Load()
	if s == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	info, err := (*s).Info(ctx)
	if err != nil {
		return nil
	}
	var rows []telemetry.Rows
	for _, k := range upstream.Kinds {
		x := info.Of(k)
		rows = append(rows, telemetry.Rows{Kind: label(k), Number: x.Rows, Newest: int64(x.Last)})
	}
	return rows
}

// label returns the name of a kind in metrics and logs, such as "blocked_emails".
func label(k upstream.Kind) string { return strings.ReplaceAll(k.String(), " ", "_") }

// observers returns the observers of operations.
func (g *gateway) observers() []telemetry.Observer {
	var all []telemetry.Observer
	if g.tracing != nil {
		all = append(all, g.tracing.Operation)
	}
	if g.measures() {
		all = append(all, g.metrics.Operation)
	}
	return all
}

// watched wraps a handler: each request gets an id, and is counted and timed.
func (g *gateway) watched(h http.Handler) http.Handler {
	h = telemetry.WithRequestID(h)
	if g.tracing != nil {
		h = g.tracing.Requests(h)
	}
	if g.measures() {
		h = g.metrics.Requests(h)
	}
	return h
}
