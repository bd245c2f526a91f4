package telemetry

import (
	"context"
	"time"
)

// Observer watches operations. It is called when an operation begins. It returns the context for the operation, and a
// function that is called once, when the answer is written. Both may delay the answer while they run, as the server
// holds back the end of small answers. Observers nest: the first one's context is the outermost, and its function is
// called last. It must be safe for concurrent use.
type Observer func(context.Context) (context.Context, func(Operation))

// Operation is an operation that has ended. It has no variables and no texts, which may contain addresses.
type Operation struct {
	// Type is "query", "mutation" or "subscription". Type, Name and Hash are empty if the operation was refused before
	// they were known.
	Type string
	// Name is the document's name for the operation. Callers choose it freely, so it is fit for a line of the log, not
	// for a metric.
	Name string
	// Hash is the SHA-256 of the document's text in hexadecimal digits. It tells operations of the same name apart.
	Hash string

	// Ran is false if the operation was refused. Then no upstream call was made.
	Ran bool
	// Canceled means that the caller left before the end.
	Canceled bool
	// Shutdown means that the gateway stopped before the end.
	Shutdown bool
	// NoData means that the answer has errors and no data.
	NoData bool
	// Errors is the number of the answer's errors, including those omitted because there were too many.
	Errors int
	// Codes counts these errors by extensions.code, which has few different values. It is nil if there are none, and
	// must not be modified.
	Codes map[string]int

	// Duration is the time from the end of reading the request to the finished answer, without sending it.
	Duration time.Duration
	// Waited is the part of Duration in which at least one upstream call was under way. The rest is the gateway's own.
	Waited time.Duration
	// Asked is the number of questions to the upstream, including those answered by a cache.
	Asked int
	// Bytes is the size of the answer's data.
	Bytes int
}

// The values of [Operation.Outcome].
const (
	OK       = "ok"       // no errors
	Partial  = "partial"  // data and errors
	Failed   = "failed"   // errors and no data
	Refused  = "refused"  // not run, because of the document, its variables or its price
	Canceled = "canceled" // the caller left
	Shutdown = "shutdown" // the gateway stopped
)

// Outcome summarizes how the operation ended, in one of few words.
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
