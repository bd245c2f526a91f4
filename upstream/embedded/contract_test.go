package embedded_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/upstreamtest"
)

// TestContractInProcess runs the contract over a store, reached without a socket.
func TestContractInProcess(t *testing.T) {
	upstreamtest.Run(t, func(t *testing.T, rows upstreamtest.Rows) upstreamtest.Server {
		h := embedded.New(openStore(t, rows), embedded.Options{APIHost: "embedded.example.com"})
		return upstreamtest.Server{URL: "http://embedded", Client: &http.Client{Transport: embedded.Transport(h)}}
	})
}

// TestContractOverTCP runs the contract over a store behind a socket, with a key.
func TestContractOverTCP(t *testing.T) {
	const key = "a-key-that-opens-all-users"
	upstreamtest.Run(t, func(t *testing.T, rows upstreamtest.Rows) upstreamtest.Server {
		server := httptest.NewServer(embedded.New(openStore(t, rows), embedded.Options{Keys: keys(t, key)}))
		t.Cleanup(server.Close)
		return upstreamtest.Server{URL: server.URL, Client: server.Client(), Key: key}
	})
}

// openStore is a store of rows, closed when the test ends.
func openStore(t testing.TB, rows upstreamtest.Rows) *store.Store {
	t.Helper()
	s, err := store.Open(context.Background(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	b := store.Batch{Emails: rows.Emails, Bounces: rows.Bounces, BlockedEmails: rows.BlockedEmails}
	for _, sender := range rows.Senders {
		b.Senders = append(b.Senders, store.Sender{UserID: sender.UserID, SenderID: sender.ID, Address: sender.Address})
	}
	if _, err := s.Write(context.Background(), b); err != nil {
		t.Fatal(err)
	}
	return s
}

// modelBackend is upstreamtest.Model as a Backend.
type modelBackend struct{ *upstreamtest.Model }

func (m modelBackend) Bounces(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.Bounce, error) {
	return m.Limit(only).Bounces(ctx, q)
}

func (m modelBackend) Emails(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.Email, error) {
	return m.Limit(only).Emails(ctx, q)
}

func (m modelBackend) BlockedEmails(ctx context.Context, only []upstream.ID, q upstream.ListQuery) ([]upstream.BlockedEmail, error) {
	return m.Limit(only).BlockedEmails(ctx, q)
}

func (m modelBackend) Bounce(ctx context.Context, only []upstream.ID, k upstream.BounceKey) (upstream.BounceDetail, error) {
	return m.Limit(only).Bounce(ctx, k)
}

func (m modelBackend) Counts(ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.CountQuery) ([]upstream.Count, error) {
	return m.Limit(only).Counts(ctx, k, q)
}

func (m modelBackend) Series(ctx context.Context, only []upstream.ID, k upstream.Kind, q upstream.SeriesQuery) ([]upstream.Series, error) {
	return m.Limit(only).Series(ctx, k, q)
}
