package web_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/internal/web"
)

func TestChangedFilesAreReloaded(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	load := func(b []byte) error {
		if strings.HasPrefix(string(b), "bad") {
			return errors.New("it is bad")
		}
		got = append(got, string(b))
		return nil
	}
	if _, err := web.OpenFile(path, load); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a missing file: %v", err)
	}
	write("bad")
	if _, err := web.OpenFile(path, load); err == nil || !strings.Contains(err.Error(), "file: it is bad") {
		t.Errorf("a bad file: %v", err)
	}
	write(strings.Repeat("x", 5<<20))
	if _, err := web.OpenFile(path, load); err == nil || !strings.Contains(err.Error(), "bytes") {
		t.Errorf("a large file: %v", err)
	}
	write("one")
	f, err := web.OpenFile(path, load)
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		ctx, cancel := context.WithCancel(t.Context())
		go f.Follow(ctx, time.Second, slog.New(slog.NewTextHandler(&log, nil)))
		tick := func() { time.Sleep(1500 * time.Millisecond); synctest.Wait() }
		tick()
		write("bad")
		tick()
		tick()
		_ = os.Remove(path)
		tick()
		tick()
		write("two")
		tick()
		tick()
		for range 3 {
			_ = os.Remove(path)
			tick()
			tick()
			write("two")
			tick()
			tick()
		}
		write("bad")
		tick()
		cancel()
		synctest.Wait()
		if n := strings.Count(log.String(), "it is bad"); n != 2 {
			t.Errorf("the log reports bad contents %d times:\n%s", n, log.String())
		}
		if n := strings.Count(log.String(), "no such file"); n != 4 {
			t.Errorf("the log reports a missing file %d times:\n%s", n, log.String())
		}
		if n := strings.Count(log.String(), "msg=reloaded"); n != 4 {
			t.Errorf("the log reports a reload %d times:\n%s", n, log.String())
		}
	})
	if strings.Join(got, " ") != "one two" {
		t.Errorf("loaded %q", got)
	}
}

// A pipe can be read only once: its contents stay in force.
func TestPipesAreNotReloaded(t *testing.T) {
	t.Parallel()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	path := fmt.Sprintf("/dev/fd/%d", r.Fd())
	if _, err := os.Stat(path); err != nil {
		t.Skip("there are no such files here")
	}
	_, _ = io.WriteString(w, "one")
	_ = w.Close()
	var got []string
	f, err := web.OpenFile(path, func(b []byte) error { got = append(got, string(b)); return nil })
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		var log strings.Builder
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		f.Follow(ctx, time.Second, slog.New(slog.NewTextHandler(&log, nil)))
		if log.Len() > 0 {
			t.Error(log.String())
		}
	})
	if !slices.Equal(got, []string{"one"}) {
		t.Errorf("loaded %q", got)
	}
}
