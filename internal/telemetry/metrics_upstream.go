package telemetry

import (
	"fmt"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Call describes a call to the metrics API.
type Call struct {
	Endpoint string        // the path with placeholders
	Outcome  string        // "ok", "joined", "canceled" or an error code
	Joined   bool          // answered by an equal call, which is reported separately
	Status   int           // the last HTTP status; 0 if there was none
	Tries    int           // requests sent
	Duration time.Duration // since the caller asked
	Waited   time.Duration // the part of it spent waiting for slots
	Bytes    int64         // body size after decompression
	Rows     int
}

// Call records a call.
func (m *Metrics) Call(c Call) {
	m.outcomes.WithLabelValues(c.Endpoint, c.Outcome).Inc()
	if c.Joined {
		return
	}
	m.calls.WithLabelValues(c.Endpoint, status(c.Status)).Observe(c.Duration.Seconds())
	m.queued.Observe(c.Waited.Seconds())
	m.tries.WithLabelValues(c.Endpoint).Add(float64(c.Tries))
	m.received.WithLabelValues(c.Endpoint).Add(float64(c.Bytes))
	m.rows.WithLabelValues(c.Endpoint).Add(float64(c.Rows))
}

// status returns an expected HTTP status, or otherwise its class, because a server may send any of hundreds.
func status(s int) string {
	switch s {
	case 0:
		return "none"
	case 200, 202, 400, 401, 403, 404, 429, 451, 452, 500, 502, 503, 504:
		return strconv.Itoa(s)
	}
	return fmt.Sprintf("%dxx", s/100)
}

// Load adds metrics of the upstream client's current state, which load returns.
func (m *Metrics) Load(load func() Load) { m.registry.MustRegister(loadCollector{load}) }

// Load describes the current state of the upstream client.
type Load struct {
	UnderWay int   // requests sent and not yet answered
	Limit    int   // how many there may be at present
	Waiting  int   // requests waiting for a slot
	Refused  int64 // requests refused so far because the queue was full

	Breaker string // "closed", "open" or "half-open"
	Opened  int64  // how often the breaker has opened so far
}

type loadCollector struct{ load func() Load }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
}

var (
	underWayDesc = desc("upstream_requests_in_flight", "Requests sent to the metrics API and not yet answered.")
	limitDesc    = desc("upstream_limit",
		"Limit on concurrent requests to the metrics API; it falls while the API sheds load or becomes slower.")
	waitingDesc = desc("upstream_waiting", "Requests waiting for a slot.")
	refusedDesc = desc("upstream_refused_total", "Requests refused because too many were waiting.")
	breakerDesc = desc("upstream_breaker_state", "1 for the state of the circuit breaker, 0 for the others.", "state")
	openedDesc  = desc("upstream_breaker_opened_total", "How often the circuit breaker has opened.")
)

func (c loadCollector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{underWayDesc, limitDesc, waitingDesc, refusedDesc, breakerDesc, openedDesc} {
		to <- d
	}
}

func (c loadCollector) Collect(to chan<- prometheus.Metric) {
	l := c.load()
	send := func(d *prometheus.Desc, t prometheus.ValueType, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, t, v, labels...)
	}
	send(underWayDesc, prometheus.GaugeValue, float64(l.UnderWay))
	send(limitDesc, prometheus.GaugeValue, float64(l.Limit))
	send(waitingDesc, prometheus.GaugeValue, float64(l.Waiting))
	send(refusedDesc, prometheus.CounterValue, float64(l.Refused))
	send(openedDesc, prometheus.CounterValue, float64(l.Opened))
	for _, state := range []string{"closed", "half-open", "open"} {
		is := 0.0
		if state == l.Breaker {
			is = 1
		}
		send(breakerDesc, prometheus.GaugeValue, is, state)
	}
}

// Rows adds the number of rows of each kind in a store and the time of the newest. of is called on each scrape; kinds
// that it does not return are omitted.
func (m *Metrics) Rows(of func() []Rows) { m.registry.MustRegister(rowsCollector{of}) }

// Rows describes a store's rows of one kind.
type Rows struct {
	Kind   string // such as "emails"
	Number int64
	Newest int64 // Unix seconds
}

type rowsCollector struct{ of func() []Rows }

var (
	rowsDesc   = desc("store_rows", "Rows in the store.", "kind")
	newestDesc = desc("store_newest_timestamp_seconds",
		"Time of the newest row in the store; if it grows old, the import has stopped.", "kind")
)

func (c rowsCollector) Describe(to chan<- *prometheus.Desc) { to <- rowsDesc; to <- newestDesc }

func (c rowsCollector) Collect(to chan<- prometheus.Metric) {
	for _, r := range c.of() {
		to <- prometheus.MustNewConstMetric(rowsDesc, prometheus.GaugeValue, float64(r.Number), r.Kind)
		if r.Number > 0 {
			to <- prometheus.MustNewConstMetric(newestDesc, prometheus.GaugeValue, float64(r.Newest), r.Kind)
		}
	}
}
