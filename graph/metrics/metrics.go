// Package metrics counts and times what the gateway does, for Prometheus. It is told
// by the hooks of the packages that do it, and asks the plain functions that it is
// given when it is scraped.
//
// Its metrics answer one question before all others: who is slow? A request's time is
// told apart into phases ([Metrics.Requests]): reading it from its caller, waiting for
// the upstream, writing the answer to the caller, and the rest, which is the
// gateway's own. All labels have few values, none of which a caller can make up.
//
// Start reading at [New].
package metrics

import (
	"net/http"
	"regexp"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

const namespace = "deliverygraph"

// Metrics are all that the gateway has. They are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	requests   *prometheus.CounterVec // method, status
	underWay   prometheus.Gauge
	phases     *prometheus.HistogramVec // phase
	duration   prometheus.Histogram
	streams    *prometheus.GaugeVec // transport
	operations *prometheus.CounterVec
	took       *prometheus.HistogramVec // type
	waited     prometheus.Histogram
	asked      prometheus.Histogram
	planned    prometheus.Histogram
	refused    *prometheus.CounterVec // reason
	bytes      prometheus.Histogram
	errors     *prometheus.CounterVec // code

	calls    *prometheus.HistogramVec // endpoint, status
	outcomes *prometheus.CounterVec   // endpoint, outcome
	queued   prometheus.Histogram
	tries    *prometheus.CounterVec // endpoint
	received *prometheus.CounterVec
	rows     *prometheus.CounterVec
	lookups  *prometheus.CounterVec // endpoint, result
}

// Buckets in seconds, from what memory answers up to the longest that an operation
// takes: half of a millisecond to 30 s.
var seconds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30}

// Buckets of calls, from what a cache answers up to what no operation should need.
var calls = []float64{0, 1, 2, 3, 5, 10, 20, 50, 100, 200, 500, 1000}

// New makes the metrics of a program of this version, with those of Go and of the
// process.
func New(version, goVersion string) *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),

		requests: counters("http_requests_total", "HTTP requests of the GraphQL endpoint that were answered.", "method", "status"),
		underWay: gauge("http_requests_in_flight", "HTTP requests of the GraphQL endpoint that are being read, executed or answered, streams included."),
		duration: histogram("http_request_duration_seconds", "How long HTTP requests took from their header's end to their answer's, streams left out.", seconds),
		phases: histograms("request_phase_seconds", "Where the time of HTTP requests went, streams left out: read is from a slow caller, write is to one, "+
			"upstream is waiting for at least one answer of the metrics API or the cache before it, own is the gateway's.", seconds, "phase"),
		streams: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "streams", Help: "Streams that are open."}, []string{"transport"}),

		operations: counters("operations_total", "GraphQL operations that have ended: ok, partial (data and errors), failed (errors alone), refused (before they ran) or canceled (by a caller who left).", "type", "outcome"),
		took:       histograms("operation_duration_seconds", "How long GraphQL operations took, the sending of request and answer left out, and subscriptions.", seconds, "type"),
		waited:     histogram("operation_upstream_wait_seconds", "How long, of its duration, an operation waited for at least one answer of the metrics API or the cache before it.", seconds),
		asked:      histogram("operation_upstream_questions", "What operations cost: how many questions each had for the metrics API, those included that the cache answered.", calls),
		planned:    histogram("operation_planned_upstream_calls", "What operations were priced at before they ran, those included that were refused for it: how many calls of the metrics API each planned. One unit more is its cost.", calls),
		refused:    counters("refused_total", "Requests refused for what they cost or how many there are: used-up (the caller's cost per minute), too-dear (more than that in one operation), calls (more than an operation may make), load (the gateway has all in hand that it can) or streams (there are as many subscriptions, WebSockets, operations of one or filters to watch as may be).", "reason"),
		bytes:      histogram("operation_answer_bytes", "The size of answers' data.", prometheus.ExponentialBuckets(256, 4, 9)),
		errors:     counters("errors_total", "GraphQL errors by their extensions.code.", "code"),

		calls:    histograms("upstream_call_duration_seconds", "How long calls of the metrics API took, waiting for a slot and further tries included, by the last HTTP status (none: there was none).", seconds, "endpoint", "status"),
		outcomes: counters("upstream_calls_total", "Calls of the metrics API: ok, joined (answered by an equal one under way), canceled, or the code of their error.", "endpoint", "outcome"),
		queued:   histogram("upstream_queue_seconds", "How long, of its duration, a call of the metrics API waited for a slot.", seconds),
		tries:    counters("upstream_tries_total", "HTTP requests sent to the metrics API: more than calls are further tries.", "endpoint"),
		received: counters("upstream_received_bytes_total", "Bytes of the metrics API's answers, decompressed.", "endpoint"),
		rows:     counters("upstream_received_rows_total", "Rows, codes and series in the metrics API's answers.", "endpoint"),
		lookups:  counters("cache_lookups_total", "Questions to the cache: hit, joined (waited for another's call), miss (a call was made), stale (an old answer in place of a failure) or failed.", "endpoint", "result"),
	}
	m.registry.MustRegister(m.requests, m.underWay, m.duration, m.phases, m.streams, m.operations, m.took, m.waited, m.asked, m.planned, m.refused, m.bytes, m.errors,
		m.calls, m.outcomes, m.queued, m.tries, m.received, m.rows, m.lookups,
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		// How long goroutines wait for a processor tells that the gateway has too few.
		collectors.NewGoCollector(collectors.WithGoCollectorRuntimeMetrics(collectors.GoRuntimeMetricsRule{Matcher: regexp.MustCompile("^/sched/latencies:seconds$")})))
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "build_info", Help: "Always 1; the labels tell what runs."}, []string{"version", "goversion"})
	info.WithLabelValues(version, goVersion).Set(1)
	m.registry.MustRegister(info)
	m.streams.WithLabelValues(sse)
	m.streams.WithLabelValues(webSocket)
	for _, reason := range []string{"used-up", "too-dear", refusedForCalls, "load", "streams"} {
		m.refused.WithLabelValues(reason)
	}
	for _, p := range phases { // so that all are there from the start
		m.phases.WithLabelValues(p)
	}
	return m
}

// Gauge adds a metric that is asked for when it is scraped.
func (m *Metrics) Gauge(name, help string, value func() float64) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, value))
}

// Handler serves the metrics in the formats of Prometheus. A scrape that takes more than
// 10 s is given up, and more than 3 at once are refused.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{MaxRequestsInFlight: 3, Timeout: 10 * time.Second})
}

func counters(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
}

func histogram(name, help string, buckets []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets})
}

func histograms(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
}
