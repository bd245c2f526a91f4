package gather_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/graph/gather"
)

// writes are what a log got, write by write.
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

func (w *writes) seen() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return strings.Join(w.all, "|")
}

// A line after a quiet time is there at once, those behind it are together after the
// delay, and a flush takes what waits.
func TestLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log writes
		w := gather.New(&log)
		want := func(s string) {
			t.Helper()
			synctest.Wait()
			if got := log.seen(); got != s {
				t.Fatalf("%q was written, want %q", got, s)
			}
		}
		line := func(s string) { _, _ = w.Write([]byte(s)) }
		line("a")
		want("a")
		line("b")
		line("c")
		want("a")
		time.Sleep(gather.Delay)
		want("a|bc")
		time.Sleep(gather.Delay)
		line("d")
		want("a|bc|d")
		line("e")
		w.Flush()
		want("a|bc|d|e")
		time.Sleep(time.Hour)
		want("a|bc|d|e")
		line("f")
		want("a|bc|d|e|f")
	})
}

// All lines of many goroutines arrive, whole and once, in bounded writes.
func TestManyLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log writes
		w := gather.New(&log)
		var all sync.WaitGroup
		for g := range 8 {
			all.Go(func() {
				for i := range 1000 {
					_, _ = fmt.Fprintf(w, "%d-%d%s\n", g, i, strings.Repeat(".", 50))
				}
			})
		}
		all.Wait()
		time.Sleep(gather.Delay)
		synctest.Wait()
		met := map[string]bool{}
		for line := range strings.Lines(strings.Join(log.all, "")) {
			if !strings.HasSuffix(line, strings.Repeat(".", 50)+"\n") || met[line] {
				t.Fatalf("%q, not whole or not once", line)
			}
			met[line] = true
		}
		if len(met) != 8000 || len(log.all) > 20 {
			t.Errorf("%d lines in %d writes", len(met), len(log.all))
		}
	})
}
