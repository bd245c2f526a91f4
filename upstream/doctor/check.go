package doctor

import "deliverygraph/upstream"

// The rules that servers must keep. Reports group findings by rule.
const (
	ruleRead        = "rows can be decoded"
	ruleListWindow  = "a list includes rows at start_time and excludes rows at end_time"
	ruleOrder       = "rows are sorted by time, then email id, then recipient"
	ruleOnce        = "no row is repeated"
	rulePage        = "every page but the last has 500 rows"
	ruleOffset      = "offset skips that many rows"
	ruleFilter      = "a filter returns all matching rows and no others"
	ruleCounts      = "counts match the lists"
	ruleCountWindow = "counts include start_time and exclude end_time, so adjacent windows add up"
	ruleRollup      = "counts by user equal the sums by sender"
	ruleSeries      = "time series have whole UTC hours and days, and add up to the counts"
	ruleDetail      = "a bounce's details match its row in the list"
	ruleUnknown     = "an unknown bounce gets 404"
	ruleCatalogue   = "a catalogue has codes, each once"
	ruleGroups      = "groups add up to the counts"
	ruleTimes       = "times may be ISO 8601 or Unix seconds"
	ruleRefusal     = "an invalid parameter gets 452"
	ruleMethod      = "a method other than GET gets 405"
	ruleAccept      = "an Accept header without JSON gets 406"
	ruleKey         = "a wrong key gets 451"
	ruleErrors      = `errors have the body {"error": {"code", "message", "parameter"}}`
)

// Topics of observations, which are neither right nor wrong.
const (
	topicNoKey      = "API keys"
	topicGroups     = "groups, an extension of the API"
	topicDuplicates = "identical concurrent requests"
	topicEnvelope   = "envelope around the data"
	topicHeaders    = "format of xheaders"
)

// Effects on the gateway that several differences share.
const (
	effectError   = "gateway clients that request this get an error"
	effectNothing = "none: the gateway never sends such a request"
)

// check is the check of one rule against one endpoint.
type check struct {
	e      *exam
	f      Finding
	answer answer
}

// check starts a check that judges the answer a.
func (e *exam) check(rule, subject string, a answer) check {
	return check{e, Finding{Rule: rule, Subject: subject, Asked: a.shown}, a}
}

// of marks c as resting on data of kind k, which may change during the examination.
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

// cannot records why the rule could not be judged.
func (c check) cannot(why string) {
	if c.e.ask.gone {
		return // Report.Trouble says it once for all checks
	}
	c.f.Note, c.f.Asked = why, ""
	c.record(Unjudged)
}

// observes records a fact that is neither right nor wrong.
func (c check) observes(what string) {
	c.f.Note, c.f.Asked = what, ""
	c.record(Observed)
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

// unanswered reports whether there was no answer to judge. If so, it records that.
func (c check) unanswered(o Outcome, wanted, effect string) bool {
	switch {
	case c.answer.unsent:
		c.cannot(c.answer.fault)
	case c.answer.err != nil:
		c.differs(o, c.answer.fault, wanted, effect)
	default:
		return false
	}
	return true
}

// failed reports whether the answer is unusable. If so, it records that.
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
