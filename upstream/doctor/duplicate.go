package doctor

import (
	"bytes"
	"context"
	"fmt"
	"net/http"

	"deliverygraph/upstream"
)

// duplicates makes the same request two times at once, and tells what came of it. The
// document's service answers one of them by 202, without data; but whether both are
// under way at once is not in our hands, and the gateway never does it.
func (e *exam) duplicates(ctx context.Context, samples [len(upstream.Kinds)]*sample) {
	s := samples[upstream.Emails]
	q := upstream.ListQuery{Window: s.window}.Encode(s.kind)
	both := e.ask.twice(ctx, s.kind.ListPath(), q)
	c := e.check(toldDuplicates, s.kind.ListPath(), both[0])
	a, b := both[0], both[1]
	if a.status == http.StatusAccepted {
		a, b = b, a
	}
	switch {
	case a.unsent:
		c.cannot("not asked: the most requests of an examination had been made")
	case a.err != nil || b.err != nil:
		c.tells("one of them was not answered")
	case a.status == http.StatusOK && b.status == http.StatusAccepted:
		c.tells("one was answered, the other by 202 and without data, as the document has it; the gateway never sends two at once")
	case a.status == http.StatusOK && b.status == http.StatusOK && bytes.Equal(a.body, b.body):
		c.tells("both were answered, and alike")
	default:
		c.tells(fmt.Sprintf("they were answered with status %d and %d; the gateway never sends two at once", a.status, b.status))
	}
}

// holdStill takes back what was found about data that has changed meanwhile: where a
// kind differs in anything, its window is counted and listed again.
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
				Note: fmt.Sprintf("the %s of this time changed while they were looked at: try again, with another window", s.kind)}
		}
	}
}
