package rest

import (
	"context"
	"log/slog"
	"time"

	"deliverygraph/upstream"
)

// Call is what [Options].Observe is told of a call that has ended. A call that
// was sent is told once, before its callers have their answer; each caller that
// joined it is told of as well, with Joined set. Printed by log/slog it shows no
// addresses.
type Call struct {
	Endpoint string // the path with placeholders, such as "/bounces": of few different values
	Path     string // the path below the base URL, escaped
	Query    string // as sent, without the question mark: it may hold addresses, so see RedactedQuery

	Joined   bool          // the answer is that of an equal call which was under way
	Status   int           // the last HTTP status; 0 if there was none
	Tries    int           // requests sent; 0 if the caller left before the first
	Duration time.Duration // from the caller's asking, waiting for a slot and between tries included
	Waited   time.Duration // for slots, of that
	Bytes    int64         // the body's, after decompression
	Rows     int           // rows, codes or series in the answer
	Dropped  int           // rows that came beyond a page, and were dropped

	Code     upstream.Code // of the error that callers get; empty where there is none
	Canceled bool          // all callers left, or for a Joined call this one did: neither success nor failure
}

// RedactedQuery is the query with an ellipsis for each value that is, or may
// hold, somebody's address.
func (c Call) RedactedQuery() string { return upstream.RedactQuery(c.Query) }

// LogValue is the call without addresses, as a group.
func (c Call) LogValue() slog.Value { return slog.GroupValue(c.attrs()...) }

func (c Call) attrs() []slog.Attr {
	a := []slog.Attr{
		slog.String("endpoint", c.Endpoint),
		slog.String("query", c.RedactedQuery()),
		slog.Bool("joined", c.Joined),
		slog.Int("status", c.Status),
		slog.Int("tries", c.Tries),
		slog.Float64("duration_ms", milliseconds(c.Duration)),
		slog.Float64("waited_ms", milliseconds(c.Waited)),
		slog.Int64("bytes", c.Bytes),
		slog.Int("rows", c.Rows),
	}
	if c.Dropped != 0 {
		a = append(a, slog.Int("dropped", c.Dropped))
	}
	if c.Code != "" {
		a = append(a, slog.String("code", string(c.Code)))
	}
	if c.Canceled {
		a = append(a, slog.Bool("canceled", true))
	}
	return a
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// call is the request's call before it is made.
func (r request) call() Call {
	return Call{Endpoint: r.question.Endpoint(), Path: r.path, Query: r.query}
}

// report tells the observer and the log.
func (c *Client) report(ctx context.Context, call Call) {
	if c.o.Logger.Enabled(ctx, slog.LevelDebug) {
		c.o.Logger.LogAttrs(ctx, slog.LevelDebug, "upstream call", call.attrs()...)
	}
	if c.o.Observe != nil {
		c.o.Observe(ctx, call)
	}
}
