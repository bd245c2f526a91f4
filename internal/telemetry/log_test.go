package telemetry_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/internal/telemetry"
)

// writes are what a log's writer was given, write by write.
type writes struct {
	mu  sync.Mutex
	all []string
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = append(w.all, string(p))
	return len(p), nil
}

// messages are the messages of the lines, with a bar between writes.
func (w *writes) messages() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var b strings.Builder
	for i, text := range w.all {
		if i > 0 {
			b.WriteByte('|')
		}
		for line := range strings.Lines(text) {
			_, message, _ := strings.Cut(strings.TrimSpace(line), "msg=")
			b.WriteString(message)
		}
	}
	return b.String()
}

func TestLinesThatFollowCloselyAreWrittenTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log writes
		l, flush := telemetry.NewLogger(&log, telemetry.LogOptions{})
		want := func(s string) {
			t.Helper()
			synctest.Wait()
			if got := log.messages(); got != s {
				t.Fatalf("got %q, want %q", got, s)
			}
		}
		l.Info("a")
		want("a") // after a quiet time: at once
		l.Info("b")
		l.Info("c")
		want("a")
		time.Sleep(telemetry.LogDelay)
		want("a|bc")
		time.Sleep(telemetry.LogDelay)
		l.Info("d")
		want("a|bc|d")
		l.Info("e")
		flush()
		want("a|bc|d|e")
		l.Info("f")
		l.Warn("g")
		want("a|bc|d|e|fg")
		l.Debug("h")
		flush()
		want("a|bc|d|e|fg")
	})
}

func TestManyGoroutinesLoseNoLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log writes
		l, flush := telemetry.NewLogger(&log, telemetry.LogOptions{})
		var all sync.WaitGroup
		for g := range 8 {
			all.Go(func() {
				for i := range 1000 {
					l.Info(fmt.Sprintf("%d-%d", g, i), "padding", strings.Repeat(".", 50))
				}
			})
		}
		all.Wait()
		flush()
		seen := map[string]bool{}
		for line := range strings.Lines(strings.Join(log.all, "")) {
			_, rest, _ := strings.Cut(line, "msg=")
			if seen[rest] || !strings.HasSuffix(rest, "."+"\n") {
				t.Fatalf("%q is cut or written twice", line)
			}
			seen[rest] = true
		}
		if len(seen) != 8000 || len(log.all) > 60 {
			t.Errorf("%d lines in %d writes", len(seen), len(log.all))
		}
	})
}

func TestLinesCarryWhatTheirContextKnows(t *testing.T) {
	type key struct{}
	of := func(ctx context.Context) slog.Attr {
		if name, _ := ctx.Value(key{}).(string); name != "" {
			return slog.String("operation", name)
		}
		return slog.Attr{}
	}
	for _, json := range []bool{false, true} {
		var log writes
		l, flush := telemetry.NewLogger(&log,
			telemetry.LogOptions{JSON: json, Attrs: []func(context.Context) slog.Attr{of}})
		l.With("port", 1).InfoContext(context.WithValue(t.Context(), key{}, "größe"), "one", "n", 1)
		l.InfoContext(t.Context(), "two")
		flush()
		lines := strings.Split(strings.Join(log.all, ""), "\n")
		want := "level=INFO msg=one port=1 n=1 operation=größe"
		if json {
			want = `"level":"INFO","msg":"one","port":1,"n":1,"operation":"größe"}`
		}
		if !strings.HasSuffix(lines[0], want) || strings.Contains(lines[1], "operation") {
			t.Errorf("got %q, want the first line to end in %q", lines, want)
		}
	}
}
