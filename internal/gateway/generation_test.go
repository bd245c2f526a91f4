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
