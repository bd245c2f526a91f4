// Package gather writes the lines of a busy log at little cost. Each by itself, as
// log/slog makes and writes them, they are a quarter of what a small operation costs.
//
// A [Writer] writes many at once, since a write to a file or a pipe is a system call. A
// line that comes after a quiet time is written at once; those that follow it closely
// wait, up to [Delay], and go out together: a line is never late for who reads along.
//
// A [Handler] puts plain lines together itself, as slog would.
//
// Start reading at [Writer].
package gather

import (
	"io"
	"sync"
	"time"
)

const (
	// Delay is the longest that a line waits.
	Delay = 100 * time.Millisecond
	most  = 32 << 10 // bytes that wait
)

// Writer gathers what is written to it. Errors of the writer behind it are dropped, as
// those of a log are. It is safe for concurrent use.
type Writer struct {
	mu      sync.Mutex
	to      io.Writer
	waiting []byte
	last    time.Time // of writing
	flush   *time.Timer
}

// New makes a writer in front of another.
func New(to io.Writer) *Writer { return &Writer{to: to} }

// Write takes whole lines.
func (w *Writer) Write(lines []byte) (int, error) {
	w.write(lines, time.Now())
	return len(lines), nil
}

// write takes whole lines at a time, which is near enough to now.
func (w *Writer) write(lines []byte, now time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.waiting = append(w.waiting, lines...)
	switch {
	case len(w.waiting) >= most || len(w.waiting) == len(lines) && now.Sub(w.last) >= Delay:
		w.send(now)
	case len(w.waiting) > len(lines): // the timer runs
	case w.flush == nil:
		w.flush = time.AfterFunc(Delay, w.Flush)
	default:
		w.flush.Reset(Delay)
	}
}

// Flush writes what waits.
func (w *Writer) Flush() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.send(time.Now())
}

func (w *Writer) send(now time.Time) {
	if len(w.waiting) > 0 {
		_, _ = w.to.Write(w.waiting)
	}
	w.waiting, w.last = w.waiting[:0], now
}
