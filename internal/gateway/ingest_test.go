package gateway

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestWebhooksAreSeenByTheNextQuery(t *testing.T) {
	t.Parallel()
	p := start(t, "--data", filepath.Join(t.TempDir(), "metrics.db"), "--create", "--admin-listen", "127.0.0.1:0",
		"--ingest-listen", "127.0.0.1:0", "--ingest-postmark-auth", "hook:password", "--ingest-unsigned", "sendgrid", "--ingest-user", "7")
	// Events of today, which are not settled, are what the cache keeps for seconds.
	const query = `{ bounces(window: {last: "P1D"}, first: 10) { nodes { recipient user { userId } } } }`
	event := `[{"email":"b%d@example.net","timestamp":` + fmt.Sprint(time.Now().Unix()-100) + `,"event":"bounce","type":"bounce","reason":"550 5.1.1 User unknown","sg_message_id":"m%[1]d"}]`
	for n := range 3 {
		if rows := at(p.query(query, nil), "bounces", "nodes").([]any); len(rows) != n {
			t.Errorf("after %d webhooks there are the bounces %v", n, rows)
		}
		if resp, text := p.do(http.MethodPost, p.hooks+"/sendgrid", fmt.Sprintf(event, n)); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", resp.Status, text)
		}
	}
	if text := fmt.Sprint(p.query(query, nil)); strings.Count(text, "userId:7") != 3 {
		t.Errorf("the bounces of user 7 are %s", text)
	}
	for path, want := range map[string]int{"/postmark": 401, "/mailgun": 404, "/graphql": 404} {
		if resp, text := p.do(http.MethodPost, p.hooks+path, "{}"); resp.StatusCode != want {
			t.Errorf("%s: %s: %s", path, resp.Status, text)
		}
	}
	if resp, text := p.do(http.MethodPost, p.hooks+"/sendgrid", fmt.Sprintf(event, 9), "Host", "rebound.example.com"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a name that points here: %s: %s", resp.Status, text)
	}
	_, metrics := p.do(http.MethodGet, p.admin+"/metrics", "")
	for _, line := range []string{
		`deliverygraph_webhook_requests_total{service="sendgrid",status="200"} 3`, `deliverygraph_webhook_rows_total{outcome="new",service="sendgrid"} 6`,
		`deliverygraph_webhook_requests_total{service="postmark",status="401"} 1`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("the metrics have no %s", line)
		}
	}
	if code := p.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if want := "msg=webhook service=sendgrid status=200 records=1 new=2"; !strings.Contains(p.log(), want) || strings.Contains(p.log(), "hook:password") {
		t.Errorf("the log has no %q, or the password:\n%s", want, p.log())
	}
}

func TestWrongSettingsOfWebhooks(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "metrics.db")
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no store":               {[]string{"--ingest-listen", "127.0.0.1:0", "--ingest-rows-key", "0123456789abcdef"}, "--data metrics.db"},
		"no port":                {[]string{"--data", data, "--create", "--ingest-rows-key", "0123456789abcdef"}, "--ingest-listen 127.0.0.1:8082"},
		"no service":             {[]string{"--data", data, "--create", "--ingest-listen", "127.0.0.1:0"}, "--ingest-sendgrid-key"},
		"a remote upstream":      {[]string{"--upstream", "https://metrics.example.com", "--ingest-listen", "127.0.0.1:0", "--ingest-rows-key", "0123456789abcdef"}, "--upstream"},
		"unsigned elsewhere":     {[]string{"--data", data, "--create", "--ingest-listen", "0.0.0.0:0", "--ingest-unsigned", "ses"}, "--ingest-unsigned"},
		"unsigned and signed":    {[]string{"--data", data, "--create", "--ingest-listen", "127.0.0.1:0", "--ingest-unsigned", "rows", "--ingest-rows-key", "0123456789abcdef"}, "keep one"},
		"an unknown service":     {[]string{"--data", data, "--create", "--ingest-listen", "127.0.0.1:0", "--ingest-unsigned", "other"}, "sparkpost"},
		"a short key":            {[]string{"--data", data, "--create", "--ingest-listen", "127.0.0.1:0", "--ingest-rows-key", "secret"}, "at least 16"},
		"no public key":          {[]string{"--data", data, "--create", "--ingest-listen", "127.0.0.1:0", "--ingest-sendgrid-key", "secret"}, "--ingest-sendgrid-key"},
		"no password":            {[]string{"--data", data, "--create", "--ingest-listen", "127.0.0.1:0", "--ingest-postmark-auth", "secret"}, "user:password"},
		"a topic that is none":   {[]string{"--data", data, "--create", "--ingest-listen", "127.0.0.1:0", "--ingest-ses-topics", "events"}, "arn:aws:sns:us-east-1"},
		"no time for signatures": {[]string{"--data", data, "--create", "--ingest-listen", "127.0.0.1:0", "--ingest-mailgun-key", "secret", "--ingest-mailgun-window", "0s"}, "15m"},
	} {
		said := refused(t, append([]string{"--listen", "127.0.0.1:0"}, c.args...)...)
		if !strings.Contains(said, c.says) || strings.Contains(said, "secret\"") {
			t.Errorf("%s: %s", name, said)
		}
	}
}
