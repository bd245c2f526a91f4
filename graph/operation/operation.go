// Package operation is what is told of a GraphQL operation to those who watch it:
// the log, metrics, traces. It knows neither them nor how operations run, so that
// each can be had without the others.
//
// Start reading at [Observer].
package operation

import (
	"context"
	"time"
)

// Observer watches operations. It is called when one begins, and gives the context
// that the operation is to run in and what is called, once, when it has ended: before
// its caller has the answer, so both hold up the answer while they run. Several
// observers nest: the first one's context is the outermost, and it is told last.
// It is called by many goroutines at once.
type Observer func(context.Context) (context.Context, func(Operation))

// Operation is one that has ended. It has no variables and no texts, which may hold
// addresses.
type Operation struct {
	// Type is "query", "mutation" or "subscription", and empty where the operation was
	// refused before that was known. So are Name and Hash.
	Type string
	// Name is what the document calls it, a GraphQL name or nothing. It is the caller's
	// choice and of any number of values: for a line of the log, not for a metric.
	Name string
	// Hash is the SHA-256 of the document's text in hexadecimal digits, which tells
	// operations apart whatever they are called.
	Hash string

	// Ran says that it was run: else it was refused, and nothing was asked upstream.
	Ran bool
	// Canceled says that the caller left before the end.
	Canceled bool
	// Shutdown says that the gateway stopped before the end.
	Shutdown bool
	// NoData says that the answer has errors and no data at all.
	NoData bool
	// Errors is how many errors the answer has, before any are left out for their number.
	Errors int
	// Codes is how many of these have each extensions.code, of few different values.
	// It is nil where there are none, and must not be changed.
	Codes map[string]int

	// Duration is from when the request was read to when the answer was made: without
	// the sending of either.
	Duration time.Duration
	// Waited is how long, of that, at least one answer of the upstream was waited for.
	// The rest is the gateway's own.
	Waited time.Duration
	// Asked is how many questions the operation had for the upstream, those included
	// that a cache answered.
	Asked int
	// Bytes is the size of the answer's data.
	Bytes int
}

// The values of [Operation.Outcome].
const (
	OK       = "ok"       // all that was asked for was answered
	Partial  = "partial"  // there are data and errors
	Failed   = "failed"   // there are errors and no data
	Refused  = "refused"  // nothing ran: the document, its variables or its price
	Canceled = "canceled" // the caller left
	Shutdown = "shutdown" // the gateway stopped
)

// Outcome is how it ended, in one word of few.
func (o Operation) Outcome() string {
	switch {
	case o.Canceled:
		return Canceled
	case o.Shutdown:
		return Shutdown
	case !o.Ran:
		return Refused
	case o.Errors == 0:
		return OK
	case o.NoData:
		return Failed
	}
	return Partial
}
