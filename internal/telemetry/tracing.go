package telemetry

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Tracing creates and exports OpenTelemetry spans: one for each operation, for each batch of its loaders, for each
// question to the metrics API, and below that for each request sent. Spans continue the caller's trace, and the metrics
// API can continue ours (W3C traceparent). They contain no variables, texts, queries or names chosen by callers, except
// the operation's name: nothing that may be an address. It is safe for concurrent use.
type Tracing struct {
	provider *sdktrace.TracerProvider
	tracer   trace.Tracer
}

var wire = propagation.TraceContext{}

// NewTracing exports spans to out, in batches from a bounded queue: while the collector is down, spans are dropped and
// nothing waits. It exports the given share, from 0 to 1, of traces that begin here, and continues callers' traces that
// are sampled.
//
// The service name is deliverygraph, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES set another.
func NewTracing(out sdktrace.SpanExporter, version string, share float64) *Tracing {
	// Errors in these variables are ignored here: the gateway's settings refuse them earlier.
	service, _ := resource.New(context.Background(),
		resource.WithAttributes(attribute.String("service.name", "deliverygraph"),
			attribute.String("service.version", version)),
		resource.WithFromEnv())
	p := sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(out),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(share))),
		sdktrace.WithResource(service),
	)
	return &Tracing{provider: p, tracer: p.Tracer("deliverygraph")}
}

// Close exports the remaining spans, for at most 5 s.
func (t *Tracing) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return t.provider.Shutdown(ctx)
}

// Requests wraps h so that operations continue the traces of their callers.
func (t *Tracing) Requests(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(wire.Extract(r.Context(), propagation.HeaderCarrier(r.Header))))
	})
}

// Operation is an [Observer].
func (t *Tracing) Operation(ctx context.Context) (context.Context, func(Operation)) {
	ctx, span := t.tracer.Start(ctx, "GraphQL", trace.WithSpanKind(trace.SpanKindServer))
	return ctx, func(o Operation) {
		if o.Type != "" {
			span.SetName(o.Type)
		}
		span.SetAttributes(
			attribute.String("graphql.operation.type", o.Type),
			// A copy: the name is a part of the document, which would stay in memory until the span is exported.
			attribute.String("graphql.operation.name", strings.Clone(o.Name[:min(len(o.Name), maxName)])),
			attribute.String("graphql.document.hash", o.Hash),
			attribute.String("deliverygraph.outcome", o.Outcome()),
			attribute.Int("deliverygraph.errors", o.Errors),
			attribute.Int("deliverygraph.questions", o.Asked),
			attribute.String("deliverygraph.request_id", RequestID(ctx)),
		)
		if o.Errors > 0 && o.Ran {
			span.SetStatus(codes.Error, o.Outcome())
		}
		span.End()
	}
}

// maxName is the length at which the names of operations are cut off, in bytes; they are ASCII.
const maxName = 100

// Question starts the span of a question to the metrics API, whether it is answered by the cache, by an equal call
// under way, or by a request of its own.
func (t *Tracing) Question(ctx context.Context, endpoint string) (context.Context, func(error)) {
	ctx, span := t.tracer.Start(ctx, "ask "+endpoint)
	return ctx, func(err error) {
		if err != nil {
			span.SetStatus(codes.Error, "")
		}
		span.End()
	}
}

// Batch starts the span of a loader's batch, with the number of its keys and calls. The questions are its children.
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

// Transport returns a transport that makes each request of next in a span and sends the trace to the server.
func (t *Tracing) Transport(next http.RoundTripper) http.RoundTripper { return transport{t, next} }

type transport struct {
	t    *Tracing
	next http.RoundTripper
}

// RoundTrip implements [http.RoundTripper].
func (t transport) RoundTrip(r *http.Request) (*http.Response, error) {
	// The URL is left out, because the path of a bounce identifies an email.
	ctx, span := t.t.tracer.Start(r.Context(), r.Method, trace.WithSpanKind(trace.SpanKindClient),
		trace.WithAttributes(attribute.String("http.request.method", r.Method)))
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

// CloseIdleConnections closes the idle connections of next.
func (t transport) CloseIdleConnections() {
	if c, ok := t.next.(interface{ CloseIdleConnections() }); ok {
		c.CloseIdleConnections()
	}
}

// TraceAttr returns the trace id of ctx as the attribute "trace_id", or the zero Attr if there is none.
func TraceAttr(ctx context.Context) slog.Attr {
	if s := trace.SpanContextFromContext(ctx); s.HasTraceID() {
		return slog.String("trace_id", s.TraceID().String())
	}
	return slog.Attr{}
}
