package doctor

import (
	"time"

	"deliverygraph/upstream"
)

// Report is the result of an examination.
type Report struct {
	URL      string // of the server, without a trailing slash
	Requests int    // how many were made
	Took     time.Duration

	// Trouble is one sentence that says why the examination could not start or finish:
	// the server cannot be reached, is not this API or refuses the key. It is empty if the examination finished.
	Trouble string

	Seen     [len(upstream.Kinds)]Seen // by kind
	Findings []Finding                 // in the order they were made
}

// Seen says what data of a kind was examined.
type Seen struct {
	Window  upstream.Window // the days that hold data, or the window given
	Counted int64           // the server's count of events in Window; -1 if it has none
	Part    upstream.Window // the part of Window that was read in full, to check filters and counts
	Rows    int             // the number of rows in Part
}

// Finding is the result of checking one rule at one endpoint.
type Finding struct {
	Outcome Outcome
	Rule    string // what should hold, without a full stop
	Subject string // the endpoint, with the parameter under test if there is one

	// Asked, Came, Wanted and Effect describe a difference: the request, with addresses
	// shortened; the answer; the expected answer; and the effect on the gateway.
	Asked, Came, Wanted, Effect string

	// Note says why a rule could not be judged, or what was observed.
	Note string

	alike       string        // differences with equal Rule, alike and Effect count as one, seen at several endpoints
	kind        upstream.Kind // whose data the finding rests on
	restsOnData bool
}

// Outcome is the outcome of one check.
type Outcome uint8

// The outcomes, from good to bad.
const (
	Agrees   Outcome = iota
	Observed         // an observation, neither right nor wrong
	Unjudged         // could not be checked
	Copes            // differs, but the gateway copes
	Breaks           // differs, and the gateway shows wrong data or none
)

// Verdict is the overall result of an examination.
type Verdict uint8

// The verdicts, from good to bad.
const (
	Fine      Verdict = iota // no differences
	Differs                  // there are differences, but the gateway copes with all of them
	Unproven                 // there was no data to check
	WillNotDo                // the gateway would show wrong data or none
)

// Verdict returns the overall result.
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
