package gateway

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream"
	"deliverygraph/upstream/embedded/store"
	"deliverygraph/upstream/embedded/store/sqlite"
)

// oldEmails returns emails of user 20 from days ago, numbered from first.
func oldEmails(first, n int) store.Batch {
	var b store.Batch
	for i := first; i < first+n; i++ {
		at := upstream.Time(time.Now().Add(-72 * time.Hour).Unix())
		b.Emails = append(b.Emails, upstream.Email{
			UserID: 20, SenderID: 17, EmailID: fmt.Sprint("old", i), EmailAddress: fmt.Sprintf("r%d@example.com", i),
			Local: fmt.Sprint("r", i), Domain: "example.com",
			ProcessTime: at, Delivered: true,
		})
	}
	return b
}

// TestAGatewayKeepsWhatHasSettledAndSeesOldEventsAtOnce writes to the store of a gateway as another process would,
// according to the file's locks.
func TestAGatewayKeepsWhatHasSettledAndSeesOldEventsAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "metrics.db")
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	write := func(b store.Batch) {
		t.Helper()
		if _, err := s.Write(t.Context(), b); err != nil {
			t.Fatal(err)
		}
	}
	write(oldEmails(0, 3))
	p := start(t, "--data", path, "--cache-fresh", "0s")
	day := func(ago int) string { return time.Now().UTC().AddDate(0, 0, -ago).Format("2006-01-02T00:00:00Z") }
	query := fmt.Sprintf(`{"query": "{ emails(window: {between: {start: \"%s\", end: \"%s\"}}, `+
		`first: 10) { nodes { emailId } } }"}`, day(5), day(1))
	want := func(emails int, source string) {
		t.Helper()
		_, body := p.do(http.MethodPost, p.graphql, query, "Content-Type", "application/json", "X-Explain", "1")
		if n := strings.Count(body, `"emailId"`); n != emails || !strings.Contains(body, `"source":"`+source+`"`) {
			t.Errorf("there are %d emails, want %d, %s: %s", n, emails, source, body)
		}
	}
	want(3, "sent")
	want(3, "cached")
	now := upstream.Time(time.Now().Unix())
	write(store.Batch{
		Emails: []upstream.Email{
			{
				UserID: 20, SenderID: 17, EmailID: "new", EmailAddress: "r@example.com", Local: "r",
				Domain: "example.com", ProcessTime: now,
			},
		},
	})
	want(3, "cached") // settled events are cached
	write(oldEmails(3, 2))
	want(5, "sent")
	want(5, "cached")
}

// Rows that another process writes to the store are in the next answer, though cached answers would stay fresh for an
// hour.
func TestRowsOfOtherProcessesAreSeenByTheNextQuery(t *testing.T) {
	t.Parallel()
	p, write := otherProcess(t, "--cache-fresh", "1h")
	const query = `{
		bounces(window: {last: "P1D"}, first: 10) { totalCount nodes { recipient detail { diagnosticCode } } }
		stats(window: {last: "P1D"}) { bounced series(interval: HOUR) { bounced } }
		bounceCategories { code }
	}`
	for n := range 4 {
		data := p.query(query, nil)
		text := fmt.Sprint(data)
		hourly := 0.0
		for _, point := range at(data, "stats", "series").([]any) {
			hourly += at(point, "bounced").(float64)
		}
		if strings.Count(text, "recipient:") != n || strings.Count(text, "code:ours") != n || at(data, "bounces",
			"totalCount") != float64(n) || at(data, "stats", "bounced") != float64(n) || hourly != float64(n) {
			t.Errorf("with %d bounces: %s", n, text)
		}
		write(n)
	}
}

// Subscriptions report rows that another process writes.
func TestRowsOfOtherProcessesAreReportedToSubscribers(t *testing.T) {
	t.Parallel()
	p, write := otherProcess(t, "--subscription-poll", "100ms")
	socket, _, err := p.dial("", `{"type":"connection_init"}`,
		`{"type":"subscribe","id":"1","payload":{"query":"subscription { bounces { node { recipient } } }"}}`)
	if err != nil {
		t.Fatal(err)
	}
	reported := make(chan string, 1)
	go func() {
		message, _ := heard(t, socket, "@example.com")
		reported <- message
	}()
	for n := 0; ; n++ { // bounces from before the subscription are not reported
		write(n)
		select {
		case message := <-reported:
			if !strings.Contains(message, `"recipient":"r`) {
				t.Error(message)
			}
			return
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// otherProcess starts a gateway, and returns a function that writes a bounce of now to its store as another process
// would, according to the file's locks.
func otherProcess(t *testing.T, args ...string) (*program, func(n int)) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "metrics.db")
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return start(t, append(args, "--data", path)...), func(n int) {
		t.Helper()
		now := upstream.Time(time.Now().Unix())
		if _, err := s.Write(t.Context(), store.Batch{Bounces: []upstream.BounceDetail{{Bounce: upstream.Bounce{
			UserID: 20, SenderID: 17, EmailID: fmt.Sprint("m", n), EmailAddress: fmt.Sprintf("r%d@example.com", n),
			Local: fmt.Sprint("r", n), Domain: "example.com", ProcessTime: now, BounceTime: now, Type: upstream.Hard,
			Category: fmt.Sprint("ours", n),
		}}}}); err != nil {
			t.Fatal(err)
		}
	}
}

// A total that is found by probing is remembered, until old events change.
func TestRememberedTotalsEndWhenOldEventsChange(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "metrics.db")
	s, err := sqlite.Open(t.Context(), sqlite.Options{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	p := (*program)(nil)
	for i := range 3 {
		if _, err := s.Write(t.Context(), oldEmails(1200*i, 1200)); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			p = start(t, "--data", path)
		}
		for range 2 {
			data := p.query(`{ emails(window: {last: "P30D"}, filter: {domain: "example.com"}) { totalCount } }`, nil)
			if got := at(data, "emails", "totalCount"); got != float64(1200*(i+1)) {
				t.Errorf("%v emails, want %d", got, 1200*(i+1))
			}
		}
	}
}
