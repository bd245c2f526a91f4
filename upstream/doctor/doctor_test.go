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
	"deliverygraph/upstream/embedded/store/sqlite"
	"deliverygraph/upstream/upstreamtest"
)

// fine fails the test if the report has differences, or unjudged checks other than those given.
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
		t.Errorf("unjudged: %q, want %q:\n%s", left, unjudged, table(t, r))
	}
	if r.Requests > 78 {
		t.Errorf("%d requests, want at most 78", r.Requests)
	}
}

// The embedded server keeps every rule, over TCP and with a key. Examine finds its data by
// itself although it is years old.
func TestEmbeddedServerHasNoDifferences(t *testing.T) {
	t.Parallel()
	const key = "a-key-that-opens-all-users"
	keys, err := embedded.ParseKeys(strings.NewReader(key))
	if err != nil {
		t.Fatal(err)
	}
	rows := upstreamtest.Sample()
	for name, duplicate202 := range map[string]bool{"duplicates get data": false, "duplicates get 202": true} {
		t.Run(name, func(t *testing.T) {
			s := open(t)
			if _, err := s.Write(t.Context(), rows); err != nil {
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

func open(t *testing.T) store.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), sqlite.Options{})
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

// A few rows are enough for a verdict; without any the verdict is Unproven.
func TestFewRowsSuffice(t *testing.T) {
	t.Parallel()
	all := upstreamtest.Sample()
	some := func(n int) http.Handler {
		rows := upstreamtest.Rows{Senders: all.Senders, Emails: all.Emails[:n], Bounces: all.Bounces[:n]}
		return (&backend{Backend: upstreamtest.Backend{Model: upstreamtest.NewModel(rows)}}).handler()
	}
	for _, n := range []int{0, 1, 2, 3, 4, 40, 499, 500, 501} {
		want := doctor.Fine
		if n == 0 {
			want = doctor.Unproven
		}
		if r := examine(t, some(n)); r.Verdict() != want || r.Trouble != "" {
			t.Errorf("%d rows: verdict %d, want %d:\n%s", n, r.Verdict(), want, table(t, r))
		}
	}
}

// Except for one pair, requests do not overlap.
func TestExamineMakesAtMost80RequestsOneAtATime(t *testing.T) {
	t.Parallel()
	var running, pairs, all atomic.Int32
	next := newBackend()
	next.list = reversed // needs the most requests
	h := next.handler()
	r := examine(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		all.Add(1)
		if running.Add(1) > 1 {
			pairs.Add(1)
		}
		defer running.Add(-1)
		h.ServeHTTP(w, r)
	}))
	if n := int(all.Load()); r.Requests != n || n > 80 {
		t.Errorf("%d requests, %d in the report, want at most 80", n, r.Requests)
	}
	if n := pairs.Load(); n > 1 {
		t.Errorf("%d requests overlapped another, want at most 1", n)
	}
}

func TestExamineStopsWhenContextEnds(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if n++; n == 10 {
			cancel()
		}
		sample().ServeHTTP(w, r)
	})
	o := doctor.Options{BaseURL: "http://metrics.example.com/v4", Transport: transport(h)}
	if _, err := doctor.Examine(ctx, o); err == nil || n > 12 {
		t.Errorf("%v after %d requests, want the context's error at once", err, n)
	}
}

func TestCAFileIsTrusted(t *testing.T) {
	t.Parallel()
	server := httptest.NewTLSServer(sample())
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "ca.pem")
	ca := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(file, ca, 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := doctor.Examine(t.Context(), doctor.Options{BaseURL: server.URL, Window: sampleDays, CAFile: file})
	if err != nil {
		t.Fatal(err)
	}
	fine(t, r)
	for _, wrong := range []string{file + "x", "doctor_test.go"} {
		_, err := doctor.Examine(t.Context(), doctor.Options{BaseURL: server.URL, CAFile: wrong})
		if err == nil || !strings.Contains(err.Error(), "CAFile") {
			t.Errorf("%s: %v, want an error about the file of CA certificates", wrong, err)
		}
	}
}

func TestInvalidOptionsAreErrors(t *testing.T) {
	t.Parallel()
	for _, u := range []string{
		"", "metrics.example.com", "ftp://metrics.example.com", "https://", "https://me:secret@example.com",
		"https://example.com/v4?apikey=secret", "https://example.com/#x",
	} {
		r, err := doctor.Examine(t.Context(), doctor.Options{BaseURL: u})
		if err == nil || len(r.Findings) > 0 || len(err.Error()) < 20 || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, want an error that says what would be valid", u, err)
		}
	}
	_, err := doctor.Examine(t.Context(), doctor.Options{BaseURL: "http://127.0.0.1:9", Key: "secret\n"})
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a key with a line break: %v, want an error without the key", err)
	}
}
