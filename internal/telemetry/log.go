// Package telemetry shows operators what a gateway does: its log, Prometheus metrics ([Metrics]), OpenTelemetry traces
// ([Tracing]) and the admin port ([AdminHandler]). It knows nothing of GraphQL or of the metrics API: those report to
// it through hooks, such as [Observer].
package telemetry

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

// LogOptions say how a log is written.
type LogOptions struct {
	JSON  bool       // one JSON object a line; otherwise key=value pairs
	Level slog.Level // lines below it are not written
	// Attrs return attributes of a line's context, such as the request's id. The zero Attr adds nothing.
	Attrs []func(context.Context) slog.Attr
}

// NewLogger makes a logger that writes to w, and a function that writes what is still buffered: call it before the
// program ends.
//
// A line that follows a quiet time is written at once. Lines that follow it closely wait up to [LogDelay] and are
// written together, since a write for each is a large part of what a small operation costs. Warnings and errors never
// wait.
func NewLogger(w io.Writer, o LogOptions) (logger *slog.Logger, flush func()) {
	buffer := &logBuffer{to: w}
	settings := &slog.HandlerOptions{Level: o.Level}
	h := &logHandler{Handler: slog.NewTextHandler(buffer, settings), buffer: buffer, attrs: o.Attrs}
	if o.JSON {
		h.Handler = slog.NewJSONHandler(buffer, settings)
	}
	return slog.New(h), buffer.flush
}

// logHandler adds attributes of its context to each line.
type logHandler struct {
	slog.Handler
	buffer *logBuffer
	attrs  []func(context.Context) slog.Attr
}

// Handle implements [slog.Handler].
func (h *logHandler) Handle(ctx context.Context, r slog.Record) error {
	known := make([]slog.Attr, 0, 4)
	for _, of := range h.attrs {
		if a := of(ctx); a.Key != "" {
			known = append(known, a)
		}
	}
	r.AddAttrs(known...)
	err := h.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		h.buffer.flush()
	}
	return err
}

// WithAttrs implements [slog.Handler].
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return &logHandler{h.Handler.WithAttrs(attrs), h.buffer, h.attrs}
}

// WithGroup implements [slog.Handler].
func (h *logHandler) WithGroup(name string) slog.Handler {
	return &logHandler{h.Handler.WithGroup(name), h.buffer, h.attrs}
}

// LogDelay is the longest that a line waits to be written.
const LogDelay = 100 * time.Millisecond

// maxLogBuffer is how many bytes may wait.
const maxLogBuffer = 32 << 10

// logBuffer gathers lines. Errors of the writer behind it are dropped, as there is nowhere to log them. It is safe for
// concurrent use.
type logBuffer struct {
	mu      sync.Mutex
	to      io.Writer
	waiting []byte
	written time.Time // when the last lines were
	timer   *time.Timer
}

// Write takes whole lines.
func (b *logBuffer) Write(lines []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	quiet := len(b.waiting) == 0
	b.waiting = append(b.waiting, lines...)
	switch {
	case len(b.waiting) >= maxLogBuffer || quiet && time.Since(b.written) >= LogDelay:
		b.send()
	case !quiet: // the timer runs
	case b.timer == nil:
		b.timer = time.AfterFunc(LogDelay, b.flush)
	default:
		b.timer.Reset(LogDelay)
	}
	return len(lines), nil
}

func (b *logBuffer) flush() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.send()
}

func (b *logBuffer) send() {
	if len(b.waiting) > 0 {
		_, _ = b.to.Write(b.waiting)
	}
	b.waiting, b.written = b.waiting[:0], time.Now()
}
