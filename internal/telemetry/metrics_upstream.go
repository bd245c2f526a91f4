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
	Outcome  string        // "ok", "canceled" or an error code
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
	rowsDesc = prometheus.NewDesc(namespace+"_store_rows", "Rows in the store.", []string{"kind"}, nil)

	newestDesc = prometheus.NewDesc(namespace+"_store_newest_timestamp_seconds",
		"Time of the newest row in the store; if it grows old, the import has stopped.", []string{"kind"}, nil)
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

// Lookup records a cache lookup. The result is "hit", "shared", "miss", "stale", "joined" or "failed". Joined means
// that an equal call, which is recorded by itself, answered it.
func (m *Metrics) Lookup(endpoint, result string, joined bool) {
	m.lookups.WithLabelValues(endpoint, result).Inc()
	if joined {
		m.outcomes.WithLabelValues(endpoint, "joined").Inc()
	}
}

// Webhook describes an answered request of a delivery service.
type Webhook struct {
	Service       string
	Status        int
	Duration      time.Duration
	Records, Rows map[string]int // numbers by outcome
}

// Webhook records a request of a delivery service.
func (m *Metrics) Webhook(w Webhook) {
	m.webhooks.WithLabelValues(w.Service, strconv.Itoa(w.Status)).Inc()
	m.webhookTimes.WithLabelValues(w.Service).Observe(w.Duration.Seconds())
	for outcome, n := range w.Records {
		m.webhookRecords.WithLabelValues(w.Service, outcome).Add(float64(n))
	}
	for outcome, n := range w.Rows {
		m.webhookRows.WithLabelValues(w.Service, outcome).Add(float64(n))
	}
}
