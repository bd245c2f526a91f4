package gateway

import (
	"context"
	"os"
	"path/filepath"
	"slices"
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
