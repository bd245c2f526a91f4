package client

import (
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/Khan/genqlient/graphql"
)

// A month of the demo data that `deliverygraph` starts with, at the endpoint that DELIVERYGRAPH_URL names.
func TestMonth(t *testing.T) {
	url := os.Getenv("DELIVERYGRAPH_URL")
	if url == "" {
		t.Skip("DELIVERYGRAPH_URL names no gateway")
	}
	midnight := time.Now().UTC().Truncate(24 * time.Hour)
	bounces, total, err := Month(t.Context(), graphql.NewClient(url, http.DefaultClient), midnight.AddDate(0, 0, -31), midnight.AddDate(0, 0, -1))
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
