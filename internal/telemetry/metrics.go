package telemetry

import (
	"net/http"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promauto"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const namespace = "deliverygraph"

// Metrics exports what the gateway does to Prometheus. It is safe for concurrent use.
//
// The main question it answers is: who is slow? It divides a request's time into phases ([Metrics.Requests]): reading
// it from the caller, waiting for the upstream, writing the answer to the caller, and the rest, which is the gateway's
// own time. All labels have few values, and callers cannot create new ones.
type Metrics struct {
	registry *prometheus.Registry

	requests   *prometheus.CounterVec // method, status
	underWay   prometheus.Gauge
	phases     phases
	duration   prometheus.Observer
	streams    *prometheus.GaugeVec // transport
	operations *prometheus.CounterVec
	took       *prometheus.HistogramVec // type
	waited     prometheus.Observer
	asked      prometheus.Observer
	planned    prometheus.Observer
	refused    *prometheus.CounterVec // reason
	bytes      prometheus.Observer
	errors     *prometheus.CounterVec // code

	calls    *prometheus.HistogramVec // endpoint, status
	outcomes *prometheus.CounterVec   // endpoint, outcome
	queued   prometheus.Observer
	tries    *prometheus.CounterVec // endpoint
	received *prometheus.CounterVec
	rows     *prometheus.CounterVec
	lookups  *prometheus.CounterVec // endpoint, result

	webhooks       *prometheus.CounterVec   // service, status
	webhookTimes   *prometheus.HistogramVec // service
	webhookRecords *prometheus.CounterVec   // service, outcome
	webhookRows    *prometheus.CounterVec   // service, outcome
}

// seconds are histogram buckets from cached answers to the longest operations: 0.5 ms to 30 s.
var seconds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// calls are histogram buckets from cached answers to more calls than any operation should need.
var calls = []float64{0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000}

// NewMetrics returns the metrics of a program of this version, including those of the Go runtime and the process.
func NewMetrics(version, goVersion string) *Metrics {
	registry := prometheus.NewRegistry()
	with := maker{promauto.With(registry)}
	m := &Metrics{
		registry: registry,

		requests: with.counters("http_requests_total",
			"HTTP requests to the GraphQL endpoint that were answered.", "method", "status"),
		underWay: with.gauge("http_requests_in_flight",
			"HTTP requests to the GraphQL endpoint being read, executed or answered, including streams."),
		duration: with.histogram("http_request_duration_seconds",
			"Time of HTTP requests from the end of their header to the end of the answer, without streams.",
			seconds),
		phases: newPhases(with.histograms("request_phase_seconds",
			"Time of HTTP requests by phase, without streams: read (from the caller), write (to the caller), "+
				"upstream (waiting for at least one answer of the metrics API or the cache) and own (the gateway's).",
			seconds, "phase")),
		streams: with.gauges("streams", "Open streams.", "transport"),

		operations: with.counters("operations_total",
			"GraphQL operations that have ended: ok, partial (data and errors), failed (only errors), refused "+
				"(before they ran), canceled (the caller left) or shutdown (the gateway stopped).", "type", "outcome"),
		took: with.histograms("operation_duration_seconds",
			"Time of GraphQL operations, without the transfer of request and answer, and without "+
				"subscriptions.", seconds, "type"),
		waited: with.histogram("operation_upstream_wait_seconds",
			"Time that an operation waited for at least one answer of the metrics API or the cache.", seconds),
		asked: with.histogram("operation_upstream_questions",
			"Questions to the metrics API per operation, including those that the cache answered.", calls),
		planned: with.histogram("operation_planned_upstream_calls",
			"Calls of the metrics API that an operation planned before it ran, including operations refused for "+
				"it. Its cost is one more.", calls),
		refused: with.counters("refused_total",
			"Requests refused by a limit: used-up (the caller's cost per minute), too-dear (a single operation "+
				"that costs more than that), calls (more than an operation may make), "+
				"load (the gateway is overloaded) "+
				"or streams (too many subscriptions, WebSockets, operations on one, or watched filters).", "reason"),
		bytes: with.histogram("operation_answer_bytes",
			"Size of the data of answers.", prometheus.ExponentialBuckets(256, 4, 9)),
		errors: with.counters("errors_total", "GraphQL errors by their extensions.code.", "code"),

		calls: with.histograms("upstream_call_duration_seconds",
			"Time of calls of the metrics API, including waiting for a slot and retries, by the last HTTP status "+
				"(or none).", seconds, "endpoint", "status"),
		outcomes: with.counters("upstream_calls_total",
			"Calls of the metrics API: ok, joined (answered by an equal call under way), canceled, or their error "+
				"code.", "endpoint", "outcome"),
		queued: with.histogram("upstream_queue_seconds",
			"Time that calls of the metrics API waited for a slot.", seconds),
		tries: with.counters("upstream_tries_total",
			"HTTP requests sent to the metrics API; the excess over calls is retries.", "endpoint"),
		received: with.counters("upstream_received_bytes_total",
			"Decompressed bytes of the metrics API's answers.", "endpoint"),
		rows: with.counters("upstream_received_rows_total",
			"Rows, codes and series in the metrics API's answers.", "endpoint"),
		lookups: with.counters("cache_lookups_total",
			"Cache lookups: hit, shared (in Redis, from another gateway), joined (waited for an equal call), "+
				"miss (made a call), stale (an old answer instead of an error) or failed.", "endpoint", "result"),

		webhooks: with.counters("webhook_requests_total", "Webhook requests by the status of their answer.", "service",
			"status"),
		webhookTimes: with.histograms("webhook_duration_seconds",
			"Time of webhook requests from the end of their header to the answer.", seconds, "service"),
		webhookRecords: with.counters("webhook_records_total",
			"Records in webhook requests: taken, skipped (they make no row) or bad (they cannot be read).",
			"service", "outcome"),
		webhookRows: with.counters("webhook_rows_total",
			"Rows of webhook requests: new, replaced (the store had them with other content) or unchanged.",
			"service", "outcome"),
	}
	registry.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		// The scheduling latency of goroutines shows whether the gateway has too few processors.
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(
			collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile("^/sched/latencies:seconds$")})))
	with.gauges("build_info", "Always 1; the labels identify the running version.", "version", "goversion").
		WithLabelValues(version, goVersion).Set(1)
	m.streams.WithLabelValues(sse)
	m.streams.WithLabelValues(webSocket)
	for _, reason := range []string{"used-up", "too-dear", refusedForCalls, "load", "streams"} {
		m.refused.WithLabelValues(reason)
	}
	return m
}

// Gauge adds a gauge whose value is computed when it is scraped. Labels are names and values.
func (m *Metrics) Gauge(name, help string, value func() float64, labels ...string) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts(computed(name, help, labels)), value))
}

// Switch adds a gauge that is 1 while on returns true when it is scraped, and 0 otherwise.
func (m *Metrics) Switch(name, help string, on func() bool, labels ...string) {
	m.Gauge(name, help, func() float64 {
		if on() {
			return 1
		}
		return 0
	}, labels...)
}

// Counter adds a counter whose value is computed when it is scraped.
func (m *Metrics) Counter(name, help string, value func() float64, labels ...string) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts(computed(name, help, labels)), value))
}

func computed(name, help string, labels []string) prometheus.Opts {
	o := prometheus.Opts{Namespace: namespace, Name: name, Help: help, ConstLabels: prometheus.Labels{}}
	for i := 0; i < len(labels); i += 2 {
		o.ConstLabels[labels[i]] = labels[i+1]
	}
	return o
}

// Handler serves the metrics in the formats of Prometheus. It aborts a scrape after 10 s and refuses more than 3 at a
// time.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 3, Timeout: 10 * time.Second})
}

// maker makes metrics and registers them.
type maker struct{ promauto.Factory }

func (f maker) counters(name, help string, labels ...string) *prometheus.CounterVec {
	return f.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func (f maker) gauges(name, help string, labels ...string) *prometheus.GaugeVec {
	return f.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func (f maker) histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return f.NewHistogramVec(prometheus.HistogramOpts{
		Namespace: namespace, Name: name, Help: help, Buckets: buckets,
	}, labels)
}

func (f maker) gauge(name, help string) prometheus.Gauge {
	return f.gauges(name, help).WithLabelValues()
}

func (f maker) histogram(name, help string, buckets []float64) prometheus.Observer {
	return f.histograms(name, help, buckets).WithLabelValues()
}
