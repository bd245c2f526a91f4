package doctor

import "deliverygraph/upstream"

// The rules that servers are held against. Reports group findings by them.
const (
	ruleRead        = "rows can be read"
	ruleListWindow  = "a list holds its window: start_time belongs to it, end_time does not"
	ruleOrder       = "rows are sorted by time, then email id, then recipient"
	ruleOnce        = "no row comes twice"
	rulePage        = "a page has 500 rows while there are more"
	ruleOffset      = "offset skips so many rows"
	ruleFilter      = "a filter gives all that match, and nothing else"
	ruleCounts      = "counts are what the lists have"
	ruleCountWindow = "windows side by side add up: start_time is counted, end_time is not"
	ruleRollup      = "counts by user add up to those by sender"
	ruleSeries      = "time series have full hours and days of UTC, and add up to the counts"
	ruleTimes       = "times may be ISO 8601 as well as Unix seconds"
	ruleDetail      = "a bounce in full is the bounce of the list"
	ruleUnknown     = "an unknown bounce is 404"
	ruleCatalogue   = "a catalogue has codes, each once"
	ruleRefusal     = "a wrong parameter is refused with 452"
	ruleMethod      = "another method than GET is refused with 405"
	ruleAccept      = "an Accept without JSON is refused with 406"
	ruleKey         = "a wrong key is refused with 451"
	ruleErrors      = `errors have the body {"error": {"code", "message", "parameter"}}`
	toldEnvelope    = "what is around the rows"
	toldHeaders     = "the form of xheaders"
	toldDuplicates  = "identical requests at once"
	toldNoKey       = "API keys"
)

// What becomes of a difference in the gateway, where several share it.
const (
	effectError   = "whoever asks the gateway for this gets an error"
	effectNothing = "the gateway never asks so"
)

// check is a rule that is being held against an endpoint.
type check struct {
	e      *exam
	f      Finding
	answer answer
}

// check begins one, by an answer.
func (e *exam) check(rule, subject string, a answer) check {
	return check{e, Finding{Rule: rule, Subject: subject, Asked: a.shown}, a}
}

// of says that it rests on data of a kind, which may change while it is looked at.
func (c check) of(k upstream.Kind) check {
	c.f.kind, c.f.restsOnData = k, true
	return c
}

func (c check) record(o Outcome) {
	c.f.Outcome = o
	c.e.report.Findings = append(c.e.report.Findings, c.f)
}

func (c check) agrees() {
	c.f.Asked = ""
	c.record(Agrees)
}

// cannot says why it could not be judged.
func (c check) cannot(why string) {
	if c.e.ask.gone {
		return // that is told once, for all
	}
	c.f.Note, c.f.Asked = why, ""
	c.record(Unjudged)
}

func (c check) tells(what string) {
	c.f.Note, c.f.Asked = what, ""
	c.record(Told)
}

func (c check) copes(came, wanted, effect string) {
	c.differs(Copes, came, wanted, effect)
}

func (c check) breaks(came, wanted, effect string) {
	c.differs(Breaks, came, wanted, effect)
}

func (c check) differs(o Outcome, came, wanted, effect string) {
	c.f.Came, c.f.Wanted, c.f.Effect = came, wanted, effect
	if c.f.alike == "" {
		c.f.alike = came
	}
	c.record(o)
}

// failed says whether the answer is one that nothing can be judged by, and records
// that.
func (c check) failed(wanted string) bool {
	switch {
	case c.answer.unsent:
		c.cannot(c.answer.fault)
	case c.answer.fault != "":
		c.breaks(c.answer.fault, wanted, effectError)
	default:
		return false
	}
	return true
}
