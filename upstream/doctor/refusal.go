package doctor

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"deliverygraph/upstream"
)

// timeForms asks for counts by times in ISO 8601, and holds them against those by
// times in Unix seconds.
func (e *exam) timeForms(ctx context.Context, samples [len(upstream.Kinds)]*sample) {
	for _, s := range samples {
		h, ok := newHalves(s)
		if !ok {
			continue
		}
		unix := e.count(ctx, s.kind, upstream.CountQuery{Window: h.whole, Rollup: upstream.ByUser})
		if unix.fault != "" {
			continue
		}
		iso := func(t upstream.Time) string { return strings.ReplaceAll(t.UTC().Format(time.RFC3339), ":", "%3A") }
		a := e.ask.get(ctx, s.kind.CountsPath(), "start_time="+iso(h.whole.Start)+"&end_time="+iso(h.whole.End)+"&rollup_to=user")
		rows, err := upstream.DecodeCounts(string(a.body), s.kind, upstream.ByUser)
		a.decoded(err)
		c := e.check(ruleTimes, s.kind.CountsPath(), a).of(s.kind)
		came, wanted := talliesOf(rows).differ(talliesOf(unix.rows), whoseUser)
		const effect = "the gateway gives times in Unix seconds alone"
		switch {
		case a.unsent:
			c.cannot(a.fault)
		case a.fault != "":
			c.copes(a.fault, "the counts of the same window in Unix seconds", effect)
		case came != "":
			c.copes(came, wanted+", as with Unix seconds", effect)
		default:
			c.agrees()
		}
		return
	}
	e.check(ruleTimes, upstream.Emails.CountsPath(), answer{}).cannot("there are no counts to compare")
}

// refusals ask wrongly, and want to be told so.
func (e *exam) refusals(ctx context.Context, samples [len(upstream.Kinds)]*sample) {
	window := func(k upstream.Kind) string { return upstream.ListQuery{Window: samples[k].part}.Encode(k) }
	for _, wrong := range []struct {
		rule, subject string
		request       request
		status        int
		parameter     string
	}{
		{ruleRefusal, "/bounces without start_time", request{path: "/bounces", query: fmt.Sprintf("end_time=%d", samples[upstream.Bounces].part.End)}, upstream.StatusInvalidArgument, "start_time"},
		{ruleRefusal, "/emails with a misspelt name", request{path: "/emails", query: window(upstream.Emails) + "&recepient=nobody"}, upstream.StatusInvalidArgument, "recepient"},
		{ruleRefusal, "/blocked-email/counts with a name in upper case", request{path: "/blocked-email/counts", query: window(upstream.BlockedEmails) + "&USER_ID=1"}, upstream.StatusInvalidArgument, "USER_ID"},
		{ruleMethod, upstream.BounceCategoriesPath, request{method: http.MethodPost, path: upstream.BounceCategoriesPath}, http.StatusMethodNotAllowed, ""},
		{ruleAccept, upstream.BlockedReasonsPath, request{path: upstream.BlockedReasonsPath, accept: "text/html"}, http.StatusNotAcceptable, ""},
	} {
		if wrong.request.method == "" {
			wrong.request.method = http.MethodGet
		}
		a := e.ask.do(ctx, wrong.request)
		c := e.check(wrong.rule, wrong.subject, a)
		wanted := fmt.Sprintf("status %d", wrong.status)
		if wrong.parameter != "" {
			wanted += ", naming " + wrong.parameter
		}
		switch {
		case a.unsent:
			c.cannot(a.fault)
		case a.err != nil:
			c.copes(a.fault, wanted, effectNothing)
		case a.status == wrong.status:
			e.refused(a, wrong.parameter)
			c.agrees()
		default:
			c.copes(e.ask.statusAndWords(a), wanted, effectNothing)
		}
	}
}

// wrongKey gives a wrong key where a right one is needed.
func (e *exam) wrongKey(ctx context.Context) {
	if e.ask.key == "" {
		e.check(toldNoKey, "all endpoints", answer{}).tells("the server asks for none: whoever reaches it can read it")
		return
	}
	a := e.ask.do(ctx, request{method: http.MethodGet, path: upstream.BounceCategoriesPath, key: "not-a-key-of-yours-0000000000"})
	c := e.check(ruleKey, upstream.BounceCategoriesPath, a)
	const wanted = "status 451"
	switch {
	case a.unsent:
		c.cannot(a.fault)
	case a.err != nil:
		c.copes(a.fault, wanted, "whoever runs the gateway with a wrong key is told of another error")
	case a.status == upstream.StatusInvalidKey:
		e.refused(a, "")
		c.agrees()
	case upstream.CodeOfStatus(a.status) == upstream.Unauthenticated:
		c.copes(e.ask.statusAndWords(a), wanted, "the gateway takes it for the same")
	case a.status == http.StatusOK:
		c.copes("status 200", wanted, "nothing in the gateway, but the server does not look at keys: whoever reaches it can read it")
	default:
		c.copes(e.ask.statusAndWords(a), wanted, "whoever runs the gateway with a wrong key is told of another error")
	}
}

// refusal is an answer that refused as it should.
type refusal struct {
	answer    answer
	parameter string // that it should name; empty is none
}

const allRefusals = "all refusals"

// refused keeps a refusal, to look at its body.
func (e *exam) refused(a answer, parameter string) {
	e.refusalsSeen = append(e.refusalsSeen, refusal{a, parameter})
}

// errorBodies holds the bodies of refusals against the settled form, and tells of the
// first that has another.
func (e *exam) errorBodies() {
	if len(e.refusalsSeen) == 0 {
		e.check(ruleErrors, allRefusals, answer{}).cannot("no refusal came with the status that was wanted")
		return
	}
	const effect = "the gateway goes by the status, and has words of its own"
	for _, r := range e.refusalsSeen {
		c := e.check(ruleErrors, r.answer.shown, r.answer)
		told := upstream.DecodeError(string(r.answer.body))
		wanted := fmt.Sprintf(`{"error": {"code": %d, "message": "…"}}`, r.answer.status)
		if r.parameter != "" {
			wanted = fmt.Sprintf(`{"error": {"code": %d, "message": "…", "parameter": %q}}`, r.answer.status, r.parameter)
		}
		switch {
		case told.Message == "":
			c.f.Subject = allRefusals
			c.copes(e.body(r.answer), wanted, effect)
			return
		case told.Status != r.answer.status, told.Parameter != r.parameter:
			c.f.Subject = allRefusals
			c.copes(e.body(r.answer), wanted, "the gateway shows the server's words as they are")
			return
		}
	}
	e.check(ruleErrors, allRefusals, answer{}).agrees()
}

// body is the beginning of an answer's body, for a message.
func (e *exam) body(a answer) string {
	if len(a.body) == 0 {
		return "an empty body"
	}
	return e.ask.clean(strings.ToValidUTF8(string(a.body[:min(len(a.body), 400)]), "?"))
}
