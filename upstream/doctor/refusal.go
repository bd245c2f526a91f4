package doctor

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"deliverygraph/upstream"
)

// timeForms compares counts requested with ISO 8601 times with those of a list's window in Unix seconds.
func (e *exam) timeForms(ctx context.Context, samples [len(upstream.Kinds)]*sample) {
	for _, s := range samples {
		unix := s.counts
		if unix.fault != "" || unix.total().Total == 0 {
			continue
		}
		iso := func(t upstream.Time) string { return url.QueryEscape(t.UTC().Format(time.RFC3339)) }
		rows, a := askBy[[]upstream.Count](ctx, e, upstream.CountQuery{}.Question(s.kind),
			"start_time="+iso(s.window.Start)+"&end_time="+iso(s.window.End)+"&rollup_to=sender")
		c := e.check(ruleTimes, s.kind.CountsPath(), a).of(s.kind)
		came, wanted := talliesOf(rows).differ(talliesOf(unix.rows), "sender")
		const effect = "none: the gateway only sends Unix seconds"
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

// refusals sends invalid requests and checks that the server refuses them.
func (e *exam) refusals(ctx context.Context, samples [len(upstream.Kinds)]*sample) {
	window := func(k upstream.Kind) string { return upstream.ListQuery{Window: samples[k].part}.Encode() }
	for _, wrong := range []struct {
		rule, subject string
		request       request
		status        int
		parameter     string
	}{
		{ruleRefusal, "/bounces without start_time",
			request{path: "/bounces", query: fmt.Sprintf("end_time=%d", samples[upstream.Bounces].part.End)},
			upstream.StatusInvalidArgument, "start_time"},
		{ruleRefusal, "/emails with a misspelt parameter",
			request{path: "/emails", query: window(upstream.Emails) + "&recepient=nobody"},
			upstream.StatusInvalidArgument, "recepient"},
		{ruleRefusal, "/blocked-email/counts with a parameter in upper case",
			request{path: "/blocked-email/counts", query: window(upstream.BlockedEmails) + "&USER_ID=1"},
			upstream.StatusInvalidArgument, "USER_ID"},
		{ruleMethod, upstream.BounceCategoriesPath,
			request{method: http.MethodPost, path: upstream.BounceCategoriesPath}, http.StatusMethodNotAllowed, ""},
		{ruleAccept, upstream.BlockedReasonsPath,
			request{path: upstream.BlockedReasonsPath, accept: "text/html"}, http.StatusNotAcceptable, ""},
	} {
		a := e.ask.do(ctx, wrong.request)
		c := e.check(wrong.rule, wrong.subject, a)
		wanted := fmt.Sprintf("status %d", wrong.status)
		if wrong.parameter != "" {
			wanted += ", naming " + wrong.parameter
		}
		switch {
		case c.unanswered(Copes, wanted, effectNothing):
		case a.status == wrong.status:
			e.refuses(a, wrong.parameter)
			c.agrees()
		default:
			c.copes(e.ask.statusAndMessage(a), wanted, effectNothing)
		}
	}
}

// wrongKey checks that the server refuses a wrong key, if it asks for keys at all.
func (e *exam) wrongKey(ctx context.Context) {
	if e.ask.key == "" {
		e.check(topicNoKey, "all endpoints", answer{}).
			observes("the server does not ask for a key: anyone who can reach it can read it")
		return
	}
	a := e.ask.do(ctx, request{path: upstream.BounceCategoriesPath, key: "not-a-key-of-yours-0000000000"})
	c := e.check(ruleKey, upstream.BounceCategoriesPath, a)
	const wanted, effect = "status 451", "operators who give the gateway a wrong key see a different error"
	switch {
	case c.unanswered(Copes, wanted, effect):
	case a.status == upstream.StatusInvalidKey:
		e.refuses(a, "")
		c.agrees()
	case upstream.CodeOfStatus(a.status) == upstream.Unauthenticated:
		c.copes(e.ask.statusAndMessage(a), wanted, "none: the gateway treats it as 451")
	case a.status == http.StatusOK:
		c.copes("status 200", wanted,
			"none in the gateway, but the server does not check keys: anyone who can reach it can read it")
	default:
		c.copes(e.ask.statusAndMessage(a), wanted, effect)
	}
}

// refusal is an error answer with the expected status.
type refusal struct {
	answer    answer
	parameter string // the parameter that it should name, if any
}

const allRefusals = "all refusals"

// refuses records a refusal for errorBodies.
func (e *exam) refuses(a answer, parameter string) {
	e.refused = append(e.refused, refusal{a, parameter})
}

// errorBodies checks the bodies of refusals and reports the first that differs.
func (e *exam) errorBodies() {
	if len(e.refused) == 0 {
		e.check(ruleErrors, allRefusals, answer{}).cannot("no refusal had the expected status")
		return
	}
	const effect = "the gateway uses the status and a message of its own"
	for _, r := range e.refused {
		c := e.check(ruleErrors, r.answer.shown, r.answer)
		shown := upstream.DecodeError(string(r.answer.body))
		wanted := fmt.Sprintf(`{"error": {"code": %d, "message": "…"}}`, r.answer.status)
		if r.parameter != "" {
			wanted = fmt.Sprintf(`{"error": {"code": %d, "message": "…", "parameter": %q}}`, r.answer.status,
				r.parameter)
		}
		switch {
		case shown.Message == "":
			c.f.Subject = allRefusals
			c.copes(e.body(r.answer), wanted, effect)
			return
		case shown.Status != r.answer.status, shown.Parameter != r.parameter:
			c.f.Subject = allRefusals
			c.copes(e.body(r.answer), wanted, "the gateway shows the server's message as it is")
			return
		}
	}
	e.check(ruleErrors, allRefusals, answer{}).agrees()
}

// body returns the beginning of an answer's body, for a message.
func (e *exam) body(a answer) string {
	if len(a.body) == 0 {
		return "an empty body"
	}
	return e.ask.clean(strings.ToValidUTF8(string(a.body[:min(len(a.body), 400)]), "?"))
}
