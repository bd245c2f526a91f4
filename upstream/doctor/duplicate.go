package doctor

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"deliverygraph/upstream"
)

// duplicates makes the same request twice at the same time and records what happened.
// The document's service answers one of them with 202 and no data. The result is not
// judged: the two may not overlap, and the gateway never sends such a pair.
func (e *exam) duplicates(ctx context.Context, samples [len(upstream.Kinds)]*sample) {
	s := samples[upstream.Emails]
	q := upstream.ListQuery{Window: s.window}.Encode(s.kind)
	both := e.ask.twice(ctx, s.kind.ListPath(), q)
	c := e.check(topicDuplicates, s.kind.ListPath(), both[0])
	a, b := both[0], both[1]
	if a.status == http.StatusAccepted {
		a, b = b, a
	}
	switch {
	case a.unsent:
		c.cannot(requestsSpent)
	case a.err != nil || b.err != nil:
		c.observes("one of the two got no answer")
	case a.status == http.StatusOK && b.status == http.StatusAccepted:
		c.observes("one got the data, the other 202 without data, as in the document; " +
			"the gateway never sends two at once")
	case a.status == http.StatusOK && b.status == http.StatusOK && bytes.Equal(a.body, b.body):
		c.observes("both got the same data")
	default:
		c.observes(fmt.Sprintf("they got status %d and %d; the gateway never sends two at once", a.status, b.status))
	}
}

// holdStill withdraws differences that changing data may have caused. If any were found for a kind, it requests the
// counts and the list again; if these have changed, the kind's differences become Unjudged.
func (e *exam) holdStill(ctx context.Context, s *sample) {
	differs := false
	for _, f := range e.report.Findings {
		differs = differs || f.restsOnData && f.kind == s.kind && f.Outcome >= Copes
	}
	if !differs {
		return
	}
	changed := false
	if s.counts.fault == "" {
		q := upstream.CountQuery{Window: s.window}
		e.ask.forget(s.kind.CountsPath(), q.Encode())
		now := e.count(ctx, s.kind, q)
		changed = now.fault == "" && now.total() != s.counts.total()
	}
	if s.page.fault == "" && !changed {
		q := upstream.ListQuery{Window: s.window}
		e.ask.forget(s.kind.ListPath(), q.Encode(s.kind))
		now := e.list(ctx, s.kind, q)
		missing, extra := compare(now.rows, s.page.rows)
		changed = now.fault == "" && len(missing)+len(extra) > 0
	}
	if !changed {
		return
	}
	for i := range e.report.Findings {
		if f := &e.report.Findings[i]; f.restsOnData && f.kind == s.kind && f.Outcome >= Copes {
			*f = Finding{Outcome: Unjudged, Rule: f.Rule, Subject: f.Subject,
				Note: fmt.Sprintf("the %s of this window changed during the examination: try another window", s.kind)}
		}
	}
}
