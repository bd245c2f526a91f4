package metrics

import (
	"context"

	"deliverygraph/graph/operation"
)

// refusedForCalls is the reason of refusals that are told here; others come as they are
// called.
const refusedForCalls = "calls"

// Planned counts how many calls of the metrics API an operation plans, and whether it was
// refused for them.
func (m *Metrics) Planned(calls int64, refused bool) {
	m.planned.Observe(float64(calls))
	if refused {
		m.refused.WithLabelValues(refusedForCalls).Inc()
	}
}

// Refused counts a request, an operation or a stream that was refused by a limit, for a
// reason of few: those of package ratelimit and of package graph.
func (m *Metrics) Refused(reason string) { m.refused.WithLabelValues(reason).Inc() }

// Operation is an [operation.Observer].
func (m *Metrics) Operation(ctx context.Context) (context.Context, func(operation.Operation)) {
	x, _ := ctx.Value(requestKey{}).(*request)
	return ctx, func(o operation.Operation) {
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
