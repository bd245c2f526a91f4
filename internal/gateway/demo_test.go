package gateway

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"deliverygraph/upstream/embedded/demo"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
)

// lastDays is the file of a store with the last ten days of the demo data. All tests share it: with the race detector,
// generating the whole data takes seconds at each start.
var lastDays = sync.OnceValues(func() (file []byte, err error) {
	dir, err := os.MkdirTemp("", "deliverygraph")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "last-days.db")
	s, err := sqlite.Open(context.Background(), sqlite.Options{Path: path})
	if err != nil {
		return nil, err
	}
	var senders []store.Sender
	var last store.Batch // the batches are in order of time
	for b := range demo.Generate(time.Now()) {
		senders, last = append(senders, b.Senders...), b
	}
	last.Senders = senders
	if _, err := s.Write(context.Background(), last); err != nil {
		_ = s.Close()
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// withData adds --data with a copy of the last days of the demo data to arguments that name no data.
func withData(t *testing.T, args []string) []string {
	t.Helper()
	if slices.Contains(args, "--data") || slices.Contains(args, "--upstream") {
		return args
	}
	file, err := lastDays()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "last-days.db")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return append(slices.Clip(args), "--data", path)
}

// Without --data the program serves demo data, which these tests read, and it stops gracefully.
func TestDemoData(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte("a-key-that-opens-all-users\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p, now := launchDemo(t, "--rest-listen", "127.0.0.1:0", "--rest-keys", keys)
	for name, test := range map[string]func(*testing.T, *program, time.Time){
		"examples": testExamples, "doctor": testDoctor, "both incidents on the dashboard": testIncidents,
	} {
		t.Run(name, func(t *testing.T) {
			p := *p
			p.t = t
			test(t, &p, now)
		})
	}
	if code := p.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if log := p.log(); !strings.Contains(log, "demo data") || !strings.Contains(log, "msg=stopped") {
		t.Errorf("log:\n%s", log)
	}
}

// launchDemo runs the program on demo data, and returns a time on the same day as the data's.
func launchDemo(t *testing.T, args ...string) (*program, time.Time) {
	t.Helper()
	for {
		before := time.Now().UTC()
		p := launch(t, args...)
		if before.YearDay() == time.Now().UTC().YearDay() {
			return p, before
		}
		p.stop() // it started around midnight
	}
}
