package telemetry

import (
	"context"
)

// refusedForCalls is the reason for operations refused by Planned. Callers of Refused give their own.
const refusedForCalls = "calls"

// Planned records how many calls of the metrics API an operation plans, and whether it was refused because of them.
func (m *Metrics) Planned(calls int64, refused bool) {
	m.planned.Observe(float64(calls))
	if refused {
		m.refused.WithLabelValues(refusedForCalls).Inc()
	}
}

// Refused counts a request, operation or stream refused by a limit. The reasons are those of packages cost and graph.
func (m *Metrics) Refused(reason string) { m.refused.WithLabelValues(reason).Inc() }

// Operation is an [Observer].
func (m *Metrics) Operation(ctx context.Context) (context.Context, func(Operation)) {
	x, _ := ctx.Value(requestKey{}).(*request)
	return ctx, func(o Operation) {
		if x != nil {
			x.waited.Add(int64(o.Waited))
		}
		kind := o.Type
		if kind == "" {
			kind = "unknown"
		}
		m.operations.WithLabelValues(kind, o.Outcome()).Inc()
		for code, n := range o.Codes {
			m.errors.WithLabelValues(code).Add(float64(n))
		}
		if !o.Ran || kind == "subscription" {
			return
		}
		m.took.WithLabelValues(kind).Observe(o.Duration.Seconds())
		m.waited.Observe(o.Waited.Seconds())
		m.asked.Observe(float64(o.Asked))
		m.bytes.Observe(float64(o.Bytes))
	}
}
