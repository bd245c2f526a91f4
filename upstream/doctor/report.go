package doctor

import (
	"time"

	"deliverygraph/upstream"
)

// Report is what an examination has found.
type Report struct {
	URL      string // of the server, as it was given
	Requests int    // how many were made
	Took     time.Duration

	// Trouble is one sentence that says why the server could not be examined, or not to
	// the end: it cannot be reached, is not this API, refuses the key. Empty is none.
	Trouble string

	Seen     [len(upstream.Kinds)]Seen // by kind
	Findings []Finding                 // in the order they were made
}

// Seen is what was looked at of a kind.
type Seen struct {
	Window  upstream.Window // the days that hold data, or the window given
	Counted int64           // how many events the server counts there; -1 if it does not say
	Part    upstream.Window // the part of Window whose rows are all known, which filters and counts are held against
	Rows    int             // how many there are
}

// Finding is one rule, held against one endpoint.
type Finding struct {
	Outcome Outcome
	Rule    string // what should hold, as a sentence without a full stop
	Subject string // where: an endpoint, with a parameter's name where that is what is looked at

	// Of a difference: what was asked, with addresses shortened; what came; what was
	// wanted instead; and what becomes of it in the gateway.
	Asked, Came, Wanted, Effect string

	// Note is why a rule could not be judged, or what was seen.
	Note string

	alike       string        // differences of one rule that have the same here are one difference, seen at several endpoints
	kind        upstream.Kind // whose data the finding rests on
	restsOnData bool
}

// Outcome is what came of holding a rule against an endpoint.
type Outcome uint8

// The outcomes, from good to bad.
const (
	Agrees   Outcome = iota
	Told             // seen, and neither right nor wrong
	Unjudged         // there was nothing to judge it by
	Copes            // differs, and the gateway copes with it
	Breaks           // differs, and the gateway shows wrong data, or none
)

// Verdict is what a report comes to.
type Verdict uint8

// The verdicts, from good to bad.
const (
	Fine      Verdict = iota // it will do
	Differs                  // it will do: the gateway copes with all the differences
	Unproven                 // nothing speaks against it, but there was no data to tell by
	WillNotDo                // the gateway would show wrong data, or none
)

// Verdict is what the findings come to.
func (r Report) Verdict() Verdict {
	worst, rows := Agrees, 0
	for _, f := range r.Findings {
		worst = max(worst, f.Outcome)
	}
	for _, s := range r.Seen {
		rows += s.Rows
	}
	switch {
	case r.Trouble != "" || worst == Breaks:
		return WillNotDo
	case rows == 0:
		return Unproven
	case worst == Copes:
		return Differs
	}
	return Fine
}
