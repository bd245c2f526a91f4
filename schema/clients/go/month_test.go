package client

import (
	"net/http"
	"net/http/httptest"
	"os"
	"testing"
	"time"
)

// TestMonth reads a month of demo data from the endpoint that DELIVERYGRAPH_URL names.
func TestMonth(t *testing.T) {
	url := os.Getenv("DELIVERYGRAPH_URL")
	if url == "" {
		t.Skip("DELIVERYGRAPH_URL names no gateway")
	}
	midnight := time.Now().UTC().Truncate(24 * time.Hour)
	bounces, total, err := Month(t.Context(), New(url, ""), midnight.AddDate(0, 0, -31), midnight.AddDate(0, 0, -1))
	if err != nil {
		t.Fatal(err)
	}
	if len(bounces) <= 500 || int64(len(bounces)) != total {
		t.Errorf("got %d bounces, want several pages of them, %d in all", len(bounces), total)
	}
	seen := map[string]bool{}
	for i, b := range bounces {
		if seen[b.Id] || i > 0 && b.BouncedAt.Before(bounces[i-1].BouncedAt) || b.Sender.Address == nil {
			t.Fatalf("bounce %d is out of order, doubled or without its sender's address: %+v", i, b)
		}
		seen[b.Id] = true
	}
}

// TestRetryable uses a server that refuses requests as a gateway does.
func TestRetryable(t *testing.T) {
	for name, c := range map[string]struct {
		status    int
		body      string
		wait      time.Duration
		retryable bool
	}{
		"over budget": {
			429, `{"errors":[{"message":"","extensions":{"retryable":true,"retryAfterMs":2000}}]}`, 2 * time.Second,
			true,
		},
		"upstream": {
			200, `{"errors":[{"message":"","extensions":{"retryable":true}}],"data":{"bounces":null}}`, 0, true,
		},
		"wrong key": {401, `{"errors":[{"message":"","extensions":{"retryable":false}}]}`, 0, false},
		"a proxy":   {502, `<html>`, 0, false},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("Authorization"); got != "Bearer secret" {
				t.Errorf("%s: Authorization is %q", name, got)
			}
			w.WriteHeader(c.status)
			w.Write([]byte(c.body))
		}))
		_, _, err := Month(t.Context(), New(server.URL, "secret"), time.Unix(0, 0), time.Unix(1, 0))
		if wait, retryable := Retryable(err); wait != c.wait || retryable != c.retryable {
			t.Errorf("%s: %v: wait %v, %v, want %v, %v", name, err, wait, retryable, c.wait, c.retryable)
		}
		server.Close()
	}
}
