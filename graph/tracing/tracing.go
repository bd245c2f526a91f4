// Package tracing tells OpenTelemetry what an operation did: a span for the operation,
// one for each batch of its loaders, one for each question that it had for the metrics
// API, and below that one for each request that was sent. A caller's trace goes on in ours, and ours in the metrics
// API's (traceparent, W3C).
//
// Spans have no variables, no texts, no queries and no names that callers choose but
// the operation's: nothing that may hold an address.
//
// Start reading at [New].
package tracing

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"deliverygraph/graph/operation"
)

// Tracing makes spans and exports them. It is safe for concurrent use.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

var wire = propagation.TraceContext{}

// OTLP exports to a collector over HTTP, such as "http://127.0.0.1:4318/v1/traces". What else
// can be set (headers, timeout, compression) is taken from the standard OTEL_EXPORTER_OTLP_…
// environment variables.
func OTLP(ctx context.Context, endpoint string) (sdktrace.SpanExporter, error) {
	return otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint))
}

// New exports to out, in batches and at most so many spans at once: where the
// collector is down spans are lost, and nothing waits. Of traces that begin here share,
// from 0 to 1, is exported; those of callers are if theirs are.
//
// The service is called deliverygraph, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES
// call it otherwise.
func New(out sdktrace.SpanExporter, version string, share float64) *Tracing {
	// What is wrong in these variables is left out: see settings, which refuse it.
	service, _ := resource.New(context.Background(),
		resource.WithAttributes(attribute.String("service.name", "deliverygraph"), attribute.String("service.version", version)),
		resource.WithFromEnv())
	p := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(out),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(share))),
		sdktrace.WithResource(service),
	)
	return &Tracing{provider: p, tracer: p.Tracer("deliverygraph")}
}

// Close exports what is left, for at most some seconds.
func (t *Tracing) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// Requests has operations go on with the traces of their callers.
func (t *Tracing) Requests(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(wire.Extract(r.Context(), propagation.HeaderCarrier(r.Header))))
	})
}

// Operation is an [operation.Observer].
func (t *Tracing) Operation(ctx context.Context) (context.Context, func(operation.Operation)) {
	ctx, span := t.tracer.Start(ctx, "GraphQL", trace.WithSpanKind(trace.SpanKindServer))
	return ctx, func(o operation.Operation) {
		if o.Type != "" {
			span.SetName(o.Type)
		}
		span.SetAttributes(
			attribute.String("graphql.operation.type", o.Type),
			attribute.String("graphql.operation.name", o.Name),
			attribute.String("graphql.document.hash", o.Hash),
			attribute.String("deliverygraph.outcome", o.Outcome()),
			attribute.Int("deliverygraph.errors", o.Errors),
			attribute.Int("deliverygraph.questions", o.Asked),
			attribute.String("deliverygraph.request_id", operation.RequestID(ctx)),
		)
		if o.Errors > 0 && o.Ran {
			span.SetStatus(codes.Error, o.Outcome())
		}
		span.End()
	}
}

// Question is the span of a question for the metrics API, whoever answers it: a
// cache, an equal call under way, or a request of its own.
func (t *Tracing) Question(ctx context.Context, endpoint string) (context.Context, func(error)) {
	ctx, span := t.tracer.Start(ctx, "ask "+endpoint)
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Batch is the span of a loader's batch: of what it loads, for how many keys and by how
// many questions, which are its children.
func (t *Tracing) Batch(ctx context.Context, loader string, keys int) (context.Context, func(calls, failed int)) {
	ctx, span := t.tracer.Start(ctx, "load "+loader, trace.WithAttributes(
		attribute.String("deliverygraph.loader", loader),
		attribute.Int("deliverygraph.keys", keys),
	))
	return ctx, func(calls, failed int) {
		span.SetAttributes(attribute.Int("deliverygraph.calls", calls), attribute.Int("deliverygraph.errors", failed))
		if failed > 0 {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Transport makes the requests of next, each in a span, and tells the server which.
func (t *Tracing) Transport(next http.RoundTripper) http.RoundTripper { return transport{t, next} }

type transport struct {
	t    *Tracing
	next http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	// The path of a bounce names one email, so it is not told.
	ctx, span := t.t.tracer.Start(r.Context(), r.Method, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attribute.String("http.request.method", r.Method)))
	defer span.End()
	r = r.Clone(ctx)
	wire.Inject(ctx, propagation.HeaderCarrier(r.Header))
	resp, err := t.next.RoundTrip(r)
	if err != nil {
		span.SetStatus(codes.Error, "no answer")
		return nil, err
	}
	span.SetAttributes(attribute.Int("http.response.status_code", resp.StatusCode))
	if resp.StatusCode != http.StatusOK {
		span.SetStatus(codes.Error, "")
	}
	return resp, nil
}

// CloseIdleConnections passes, for clients that are closed.
func (t transport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// LogAttr is the id of the trace that ctx is of, as "trace_id", for lines of the log; the
// zero Attr where there is none.
func LogAttr(ctx context.Context) slog.Attr {
	if s := trace.SpanContextFromContext(ctx); s.HasTraceID() {
		return slog.String("trace_id", s.TraceID().String())
	}
	return slog.Attr{}
}
