package doctor_test

import (
	"context"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"deliverygraph/upstream"
	"deliverygraph/upstream/doctor"
	"deliverygraph/upstream/embedded"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/upstreamtest"
)

// fine wants a report without differences, that left nothing out but what is given.
func fine(t *testing.T, r doctor.Report, unjudged ...string) {
	t.Helper()
	if r.Verdict() != doctor.Fine {
		t.Errorf("verdict %d, want %d:\n%s", r.Verdict(), doctor.Fine, table(t, r))
	}
	var left []string
	for _, f := range r.Findings {
		if f.Outcome == doctor.Unjudged {
			left = append(left, f.Subject)
		}
	}
	if len(left) != len(unjudged) {
		t.Errorf("not judged are %q, want %q:\n%s", left, unjudged, table(t, r))
	}
	if r.Requests > 66 {
		t.Errorf("%d requests, want some 60 at most", r.Requests)
	}
}

func TestModelAgrees(t *testing.T) {
	t.Parallel()
	fine(t, examine(t, sample()))
}

// Our own server keeps every rule, over a socket and asking for a key, and its data is
// found by itself, years back.
func TestStoreAgrees(t *testing.T) {
	t.Parallel()
	const key = "a-key-that-opens-all-users"
	keys, err := embedded.ParseKeys(strings.NewReader(key))
	if err != nil {
		t.Fatal(err)
	}
	rows := upstreamtest.Sample()
	b := store.Batch{Emails: rows.Emails, Bounces: rows.Bounces, BlockedEmails: rows.BlockedEmails}
	for _, s := range rows.Senders {
		b.Senders = append(b.Senders, store.Sender{UserID: s.UserID, SenderID: s.ID, Address: s.Address})
	}
	for name, duplicate202 := range map[string]bool{"answering duplicates": false, "not answering duplicates": true} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			if _, err := s.Write(t.Context(), b); err != nil {
				t.Fatal(err)
			}
			server := httptest.NewServer(embedded.New(s, embedded.Options{Keys: keys, Duplicate202: duplicate202}))
			t.Cleanup(server.Close)
			r, err := doctor.Examine(t.Context(), doctor.Options{BaseURL: server.URL + "/", Key: key})
			if err != nil {
				t.Fatal(err)
			}
			fine(t, r)
			for _, seen := range r.Seen {
				if seen.Counted != int64(len(rows.Emails)) || seen.Rows < upstream.PageSize/2 {
					t.Errorf("saw %+v, want %d rows", seen, len(rows.Emails))
				}
			}
		})
	}
}

func open(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Little data is judged as far as it goes, and none is no proof.
func TestLittleData(t *testing.T) {
	t.Parallel()
	all := upstreamtest.Sample()
	some := func(n int) http.Handler {
		return (&backend{Model: upstreamtest.NewModel(upstreamtest.Rows{Senders: all.Senders, Emails: all.Emails[:n], Bounces: all.Bounces[:n]})}).handler()
	}
	for n, want := range map[int]doctor.Verdict{0: doctor.Unproven, 1: doctor.Fine, 2: doctor.Fine, 3: doctor.Fine, 4: doctor.Fine, 40: doctor.Fine, 499: doctor.Fine, 500: doctor.Fine, 501: doctor.Fine} {
		r := examine(t, some(n))
		if r.Verdict() != want || r.Trouble != "" {
			t.Errorf("%d rows: verdict %d, want %d:\n%s", n, r.Verdict(), want, table(t, r))
		}
	}
}

// Requests come one at a time, but for the pair, and only so many.
func TestServerIsSpared(t *testing.T) {
	t.Parallel()
	var running, pairs, all atomic.Int32
	next := newBackend()
	next.list = reversed // so that as much as can be is asked
	h := next.handler()
	r := examine(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all.Add(1)
		if running.Add(1) > 1 {
			pairs.Add(1)
		}
		defer running.Add(-1)
		h.ServeHTTP(w, r)
	}))
	if n := int(all.Load()); r.Requests != n || n > 70 {
		t.Errorf("%d requests, and the report tells of %d, want at most 70", n, r.Requests)
	}
	if n := pairs.Load(); n > 1 {
		t.Errorf("a request came %d times while another was under way, want once at most", n)
	}
}

func TestEndedContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	_, err := doctor.Examine(ctx, doctor.Options{BaseURL: "http://metrics.example.com/v4", Transport: transport(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 10 {
			cancel()
		}
		sample().ServeHTTP(w, r)
	}))})
	if err == nil || n > 12 {
		t.Errorf("%v after %d requests, want the context's error at once", err, n)
	}
}

// A server whose certificate is by an authority of its own is examined where that is
// trusted.
func TestOwnAuthority(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(sample())
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := doctor.Examine(t.Context(), doctor.Options{BaseURL: server.URL, Window: sampleDays, CAFile: file})
	if err != nil {
		t.Fatal(err)
	}
	fine(t, r)
	for _, wrong := range []string{file + "x", "doctor_test.go"} {
		if _, err := doctor.Examine(t.Context(), doctor.Options{BaseURL: server.URL, CAFile: wrong}); err == nil || !strings.Contains(err.Error(), "certificates") {
			t.Errorf("%s: %v, want an error about the file of certificates", wrong, err)
		}
	}
}

func TestOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, u := range []string{"", "metrics.example.com", "ftp://metrics.example.com", "https://", "https://me:secret@example.com", "https://example.com/v4?apikey=secret", "https://example.com/#x"} {
		r, err := doctor.Examine(t.Context(), doctor.Options{BaseURL: u})
		if err == nil || len(r.Findings) > 0 || len(err.Error()) < 20 || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, want an error that says what would be right", u, err)
		}
	}
	if _, err := doctor.Examine(t.Context(), doctor.Options{BaseURL: "http://127.0.0.1:9", Key: "secret\n"}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a key with a line's end: %v, want an error without it", err)
	}
}
