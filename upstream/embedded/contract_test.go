package embedded_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/doctor"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/upstreamtest"
)

// TestContractOverTCP runs the contract against a store over TCP, with a key.
func TestContractOverTCP(t *testing.T) {
	const key = "a-key-that-opens-all-users"
	upstreamtest.Run(t, func(t *testing.T, rows upstreamtest.Rows) upstreamtest.Server {
		server := httptest.NewServer(embedded.New(openStore(t, rows), embedded.Options{Keys: keys(t, key)}))
		t.Cleanup(server.Close)
		return upstreamtest.Server{URL: server.URL, Client: server.Client(), Key: key}
	})
}

// TestContractOfARemote runs the checks that do not depend on a server's data against the server that the environment
// names:
//
//	DELIVERYGRAPH_TEST_UPSTREAM=http://127.0.0.1:8081 \
//	DELIVERYGRAPH_TEST_UPSTREAM_KEY=… \
//	go test -run Remote ./upstream/embedded
//
// It reads the latest days that hold data, or DELIVERYGRAPH_TEST_UPSTREAM_WINDOW, such as
// 2016-11-22T00:00:00Z/2016-11-23T00:00:00Z.
func TestContractOfARemote(t *testing.T) {
	url := os.Getenv("DELIVERYGRAPH_TEST_UPSTREAM")
	if url == "" {
		t.Skip("DELIVERYGRAPH_TEST_UPSTREAM is not set")
	}
	var w upstream.Window
	if text := os.Getenv("DELIVERYGRAPH_TEST_UPSTREAM_WINDOW"); text != "" {
		start, end, _ := strings.Cut(text, "/")
		var errs [3]error
		w.Start, errs[0] = upstream.ParseTime(start)
		w.End, errs[1] = upstream.ParseTime(end)
		w, errs[2] = upstream.NewWindow(w.Start, w.End)
		if err := errors.Join(errs[:]...); err != nil {
			t.Fatalf("DELIVERYGRAPH_TEST_UPSTREAM_WINDOW=%s: %v", text, err)
		}
	}
	r, err := doctor.Examine(t.Context(), doctor.Options{
		BaseURL: url, Key: os.Getenv("DELIVERYGRAPH_TEST_UPSTREAM_KEY"), Window: w,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.WriteTable(t.Output(), false); err != nil || r.Verdict() != doctor.Fine {
		t.Errorf("the server differs from the contract, or has no data to check; error %v", err)
	}
}

// openStore returns a store with rows, closed when the test ends.
func openStore(t testing.TB, rows upstreamtest.Rows) store.Store {
	t.Helper()
	s, err := sqlite.Open(context.Background(), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.Write(context.Background(), rows); err != nil {
		t.Fatal(err)
	}
	return s
}
