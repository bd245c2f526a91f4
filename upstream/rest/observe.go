package rest

import (
	"context"
	"log/slog"
	"time"

	"deliverygraph/upstream"
)

// Call describes a finished call to [Options].Observe. In log/slog output it shows no addresses.
type Call struct {
	Question *upstream.Question

	Status   int           // the last HTTP status; 0 if there was none
	Tries    int           // requests sent; 0 if the caller left before the first
	Duration time.Duration // since the caller asked, including waits for a slot and between tries
	Waited   time.Duration // the part of it spent waiting for slots
	Bytes    int64         // body size after decompression
	Rows     int           // rows, codes or series in the answer
	Dropped  int           // rows beyond the page size, dropped

	Code     upstream.Code // of the error that callers get; empty if there is none
	Canceled bool          // the caller left: neither success nor failure
}

// Outcome returns the error code, or "ok" or "canceled".
func (c Call) Outcome() string {
	switch {
	case c.Canceled:
		return "canceled"
	case c.Code != "":
		return string(c.Code)
	}
	return "ok"
}

// LogValue returns the call as a group, without addresses.
func (c Call) LogValue() slog.Value { return slog.GroupValue(c.attrs()...) }

func (c Call) attrs() []slog.Attr {
	a := []slog.Attr{
		slog.String("endpoint", c.Question.Endpoint()),
		slog.String("query", upstream.RedactQuery(c.Question.Encode())),
		slog.Bool("joined", false), // equal calls are joined before they reach the client
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

// report passes the call to the observer and the log.
func (c *Client) report(ctx context.Context, call Call) {
	if c.o.Logger.Enabled(ctx, slog.LevelDebug) {
		c.o.Logger.LogAttrs(ctx, slog.LevelDebug, "upstream call", call.attrs()...)
	}
	if c.o.Observe != nil {
		c.o.Observe(ctx, call)
	}
}
