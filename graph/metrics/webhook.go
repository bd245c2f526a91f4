package metrics

import (
	"strconv"

	"github.com/prometheus/client_golang/prometheus"

	"deliverygraph/upstream/embedded/ingest"
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
		requests: counters("webhook_requests_total", "Webhook requests by the status of their answer.", "service", "status"),
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

// Webhook counts a request that the handler of package ingest has answered.
func (m *Metrics) Webhook(b ingest.Batch) {
	m.webhooks.requests.WithLabelValues(b.Service, strconv.Itoa(b.Status)).Inc()
	m.webhooks.duration.WithLabelValues(b.Service).Observe(b.Duration.Seconds())
	skipped := 0
	for _, n := range b.Skipped {
		skipped += n
	}
	for outcome, n := range map[string]int{"taken": b.Records - skipped - b.Bad, "skipped": skipped, "bad": b.Bad} {
		m.webhooks.records.WithLabelValues(b.Service, outcome).Add(float64(n))
	}
	for outcome, n := range map[string]int{"new": b.New, "replaced": b.Replaced, "unchanged": b.Unchanged} {
		m.webhooks.rows.WithLabelValues(b.Service, outcome).Add(float64(n))
	}
}
