package gateway

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWebhooksAreSeenByTheNextQuery(t *testing.T) {
	t.Parallel()
	rules := filepath.Join(t.TempDir(), "rules.txt")
	if err := os.WriteFile(rules,
		[]byte("Rule: ours01\nCategory: policy-related\nType: hard\nDescription: Ours.\nText: blue "+
			"moon\nExample: 550 Blue moon\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--data", filepath.Join(t.TempDir(), "metrics.db"), "--create", "--admin-listen", "127.0.0.1:0",
		"--rules", rules,
		"--ingest-listen", "127.0.0.1:0", "--ingest-postmark-auth", "hook:password",
		"--ingest-unsigned", "sendgrid", "--ingest-user", "7", "--ingest-rows-key", "0123456789abcdef")
	// Events of today are not settled, so the cache keeps them for seconds only.
	const query = `{ bounces(window: {last: "P1D"}, first: 10) { nodes { recipient category user { userId } ` +
		`detail { rule { name description } } } } }`
	event := `[{"email":"b%d@example.net","timestamp":` + fmt.Sprint(time.Now().Unix()-100) +
		`,"event":"bounce","type":"bounce","reason":"550 Blue moon","sg_message_id":"m%[1]d"}]`
	for n := range 3 {
		if rows := at(p.query(query, nil), "bounces", "nodes").([]any); len(rows) != n {
			t.Errorf("after %d webhooks there are the bounces %v", n, rows)
		}
		if resp, text := p.do(http.MethodPost, p.hooks+"/sendgrid",
			fmt.Sprintf(event, n)); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %s", resp.Status, text)
		}
	}
	if text := fmt.Sprint(p.query(query, nil)); strings.Count(text, "userId:7") != 3 || strings.Count(text,
		"category:policy-related") != 3 {
		t.Errorf("the bounces of user 7 are %s", text)
	}
	if text := fmt.Sprint(p.query(query, nil)); strings.Count(text, "description:Ours. name:ours01") != 3 {
		t.Errorf("the rules of the bounces are not described: %s", text)
	}
	c, _, err := p.dial("", `{"type":"connection_init"}`,
		fmt.Sprintf(`{"type":"subscribe","id":"1","payload":{"query":%q}}`, query))
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := heard(t, c, `"next"`); strings.Count(m, `{"name":"ours01","description":"Ours."}`) != 3 {
		t.Errorf("over a WebSocket: %s", m)
	}
	_ = c.CloseNow() // otherwise the gateway would wait for this end at its own
	for path, want := range map[string]int{"/postmark": 401, "/mailgun": 404, "/graphql": 404} {
		if resp, text := p.do(http.MethodPost, p.hooks+path, "{}"); resp.StatusCode != want {
			t.Errorf("%s: %s: %s", path, resp.Status, text)
		}
	}
	if resp, text := p.do(http.MethodPost, p.hooks+"/sendgrid", fmt.Sprintf(event, 9), "Host",
		"rebound.example.com"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("a name that points here: %s: %s", resp.Status, text)
	}
	resp, text := p.do(http.MethodPost, p.hooks+"/rows",
		`{"kind":"sender","user_id":1,"sender_id":2,"sender":"jane@@x"}`, "X-API-Key", "0123456789abcdef")
	if resp.StatusCode != http.StatusBadRequest || !strings.Contains(text, "jane@@x") {
		t.Errorf("a bad row: %s: %s", resp.Status, text)
	}
	_, metrics := p.do(http.MethodGet, p.admin+"/metrics", "")
	for _, line := range []string{
		`deliverygraph_webhook_requests_total{service="sendgrid",status="200"} 3`,
		`deliverygraph_webhook_rows_total{outcome="new",service="sendgrid"} 6`,
		`deliverygraph_webhook_requests_total{service="postmark",status="401"} 1`,
	} {
		if !strings.Contains(metrics, line+"\n") {
			t.Errorf("the metrics have no %s", line)
		}
	}
	if code := p.stop(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if want := "msg=webhook service=sendgrid status=200 records=1 new=2"; !strings.Contains(p.log(), want) ||
		strings.Contains(p.log(), "hook:password") || strings.Contains(p.log(), "jane") {
		t.Errorf("the log has no %q, or the password or an address:\n%s", want, p.log())
	}
}

func TestWrongSettingsOfWebhooks(t *testing.T) {
	t.Parallel()
	const key = "0123456789abcdef"
	store := slices.Clip([]string{"--data", filepath.Join(t.TempDir(), "metrics.db"), "--create"})
	port := slices.Clip(append(store, "--ingest-listen", "127.0.0.1:0"))
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"no store":   {[]string{"--ingest-listen", "127.0.0.1:0", "--ingest-rows-key", key}, "--data metrics.db"},
		"no port":    {append(store, "--ingest-rows-key", key), "--ingest-listen 127.0.0.1:8082"},
		"no service": {port, "--ingest-sendgrid-key"},
		"a remote upstream": {[]string{"--upstream", "https://metrics.example.com", "--ingest-listen",
			"127.0.0.1:0"}, "--upstream"},
		"unsigned elsewhere": {append(store, "--ingest-listen", "0.0.0.0:0", "--ingest-unsigned", "ses"),
			"--ingest-unsigned"},
		"unsigned and signed":      {append(port, "--ingest-unsigned", "rows", "--ingest-rows-key", key), "keep one"},
		"an unknown service":       {append(port, "--ingest-unsigned", "other"), "sparkpost"},
		"a short key":              {append(port, "--ingest-rows-key", "secret"), "at least 16"},
		"no public key":            {append(port, "--ingest-sendgrid-key", "secret"), "--ingest-sendgrid-key"},
		"no password":              {append(port, "--ingest-postmark-auth", "secret"), "user:password"},
		"a topic that is none":     {append(port, "--ingest-ses-topics", "events"), "arn:aws:sns:us-east-1"},
		"rules that are not there": {append(port, "--rules", "none.txt", "--ingest-rows-key", key), "--rules"},
		"no time for signatures": {
			append(port, "--ingest-mailgun-key", "secret", "--ingest-mailgun-window", "0s"), "15m",
		},
	} {
		said := refused(t, append([]string{"--listen", "127.0.0.1:0"}, c.args...)...)
		if !strings.Contains(said, c.says) || strings.Contains(said, "secret\"") {
			t.Errorf("%s: %s", name, said)
		}
	}
}

func TestStopWaitsForWebhooksInProgress(t *testing.T) {
	t.Parallel()
	data := filepath.Join(t.TempDir(), "metrics.db")
	p := start(t, "--data", data, "--create", "--ingest-listen", "127.0.0.1:0", "--ingest-unsigned", "sendgrid")
	const event = `{"email":"b@example.net","timestamp":1479772806,"event":"delivered","sg_message_id":"m1"}`
	address := strings.TrimPrefix(p.hooks, "http://")
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprintf(c, "POST /sendgrid HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\nExpect: 100-continue\r\n\r\n",
		len(event))
	in := bufio.NewReader(c)
	if line, err := in.ReadString('\n'); !strings.Contains(line, "100 Continue") { // the handler reads the body
		t.Fatal(line, err)
	}
	code := make(chan int, 1)
	go func() { code <- p.stop() }()
	for { // until the port is closed
		other, err := net.Dial("tcp", address)
		if err != nil {
			break
		}
		_ = other.Close()
	}
	if _, err := io.WriteString(c, event); err != nil {
		t.Fatal(err)
	}
	if answer, err := io.ReadAll(in); !strings.Contains(string(answer), "200 OK") {
		t.Errorf("%v: %s", err, answer)
	}
	if n := <-code; n != 0 {
		t.Errorf("exit code %d", n)
	}
	again := start(t, "--data", data)
	const query = `{ emails(window: {between: {start: "2016-11-22T00:00:00Z", end: "2016-11-23T00:00:00Z"}}, ` +
		`first: 1) { totalCount } }`
	if n := at(again.query(query, nil), "emails", "totalCount"); n != 1.0 && n != 1 {
		t.Errorf("there are %v emails", n)
	}
}
