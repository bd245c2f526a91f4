package telemetry

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// webhooks are the metrics of requests of delivery services.
type webhooks struct {
	requests *prometheus.CounterVec   // service, status
	duration *prometheus.HistogramVec // service
	records  *prometheus.CounterVec   // service, outcome
	rows     *prometheus.CounterVec   // service, outcome
}

func newWebhooks(r *prometheus.Registry) webhooks {
	w := webhooks{
		requests: counters("webhook_requests_total", "Webhook requests by the status of their answer.", "service",
			"status"),
		duration: histograms("webhook_duration_seconds",
			"Time of webhook requests from the end of their header to the answer.", seconds, "service"),
		records: counters("webhook_records_total",
			"Records in webhook requests: taken, skipped (they make no row) or bad (they cannot be read).",
			"service", "outcome"),
		rows: counters("webhook_rows_total",
			"Rows of webhook requests: new, replaced (the store had them with other content) or unchanged.",
			"service", "outcome"),
	}
	r.MustRegister(w.requests, w.duration, w.records, w.rows)
	return w
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
	m.webhooks.requests.WithLabelValues(w.Service, strconv.Itoa(w.Status)).Inc()
	m.webhooks.duration.WithLabelValues(w.Service).Observe(w.Duration.Seconds())
	for outcome, n := range w.Records {
		m.webhooks.records.WithLabelValues(w.Service, outcome).Add(float64(n))
	}
	for outcome, n := range w.Rows {
		m.webhooks.rows.WithLabelValues(w.Service, outcome).Add(float64(n))
	}
}
