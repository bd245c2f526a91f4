package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// withdrawn is the line of a subscription whose key is no longer valid.
var withdrawn = regexp.MustCompile(`msg=operation type=subscription .*name=Live .*outcome=failed .* errors=1 ` +
	`codes=map\[UNAUTHENTICATED:1\]`)

// unidentified is the line of a WebSocket that sends no key.
var unidentified = regexp.MustCompile(`msg=refused outcome=refused from=127\.0\.0\.1:\d+ error=".*send your API key`)

// dial opens a WebSocket, from a page of the origin if that is not empty, and sends these messages.
func (p *program) dial(origin string, messages ...string) (*websocket.Conn, *http.Response, error) {
	p.t.Helper()
	o := &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}}
	if origin != "" {
		o.HTTPHeader = http.Header{"Origin": {origin}}
	}
	c, resp, err := websocket.Dial(p.t.Context(), p.graphql, o)
	if err != nil {
		return nil, resp, err
	}
	p.t.Cleanup(func() { _ = c.CloseNow() })
	for _, m := range messages {
		if err := c.Write(p.t.Context(), websocket.MessageText, []byte(m)); err != nil {
			p.t.Fatal(err)
		}
	}
	return c, resp, nil
}

// heard reads a socket until a message contains these words, or to its end, and returns both.
func heard(t *testing.T, c *websocket.Conn, words string) (message string, end websocket.CloseError) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		_, data, err := c.Read(ctx)
		if errors.As(err, &end) {
			return "", end
		} else if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(data), words) {
			return string(data), end
		}
	}
}

// An idle stream sends heartbeats as often as configured.
func TestHeartbeatSetting(t *testing.T) {
	t.Parallel()
	p := start(t, "--subscription-heartbeat", "100ms", "--create", "--data", filepath.Join(t.TempDir(), "empty.db"))
	ctx, cancel := context.WithTimeout(t.Context(), 14*time.Second) // the default is 15 s
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet,
		p.graphql+"?query="+url.QueryEscape("subscription { bounces { cursor } }"), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "text/event-stream")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	const beat = ":\n\n"
	if got, err := io.ReadAll(io.LimitReader(resp.Body, 5*int64(len(beat)))); err != nil ||
		string(got) != strings.Repeat(beat, 5) {
		t.Errorf("%q, %v", got, err)
	}
}

// WebSockets are open to pages of allowed origins and callers with a valid key, obey the key's limits, and tell clients
// when the gateway stops.
func TestSocketsAuthenticateAndEndWithTheirKey(t *testing.T) {
	t.Parallel()
	partner, partnerLine := newKey(t, "--name", "partner", "--users", "21", "--streams", "1")
	other, otherLine := newKey(t, "--name", "other", "--users", "*")
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(partnerLine+"\n"+otherLine+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--auth-keys", file, "--subscription-heartbeat", "100ms")

	if _, resp, err := p.dial("https://evil.example"); err == nil || resp == nil ||
		resp.StatusCode != http.StatusForbidden {
		t.Errorf("another page's socket: %v, %v", resp, err)
	} else if body, _ := io.ReadAll(resp.Body); !strings.Contains(string(body), "--cors-origins") {
		t.Errorf("another page gets %s", body)
	}
	greet := func(key string) string { return `{"type":"connection_init","payload":{"X-API-Key":"` + key + `"}}` }
	c, _, err := p.dial("http://localhost:3000", greet(partner),
		`{"type":"subscribe","id":"1","payload":`+usersOfWeek+`}`)
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := heard(t, c, `"next"`); !strings.Contains(m, `{"data":{"users":{"nodes":[{"userId":"21"}]}}}`) {
		t.Errorf("it is answered %s", m)
	}
	if second, _, err := p.dial("", greet(partner)); err != nil {
		t.Error(err)
	} else if _, end := heard(t, second, "never"); end.Code != websocket.StatusTryAgainLater ||
		!strings.Contains(end.Reason, "1 WebSockets") {
		t.Errorf("a second socket is closed by %v", end)
	}
	if anonymous, _, err := p.dial("", `{"type":"connection_init"}`); err != nil {
		t.Error(err)
	} else if _, end := heard(t, anonymous, "never"); end.Code != 4403 ||
		!strings.Contains(end.Reason, "send your API key") {
		t.Errorf("one without a key is closed by %v", end)
	}
	stays, _, err := p.dial("", greet(other), `{"type":"subscribe","id":"1","payload":{"query":"{ __typename }"}}`)
	if err != nil {
		t.Fatal(err)
	}
	heard(t, stays, `"complete"`)
	if err := c.Write(t.Context(), websocket.MessageText,
		[]byte(`{"type":"subscribe","id":"live","payload":{"query":"subscription `+
			`Live { bounces { cursor } }"}}`)); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(otherLine+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, end := heard(t, c, "never"); end.Code != 4403 || !strings.Contains(end.Reason, "no longer valid") {
		t.Errorf("a socket whose key is withdrawn is closed by %v", end)
	}
	stopped := make(chan int, 1)
	go func() { stopped <- p.stop() }()
	if _, end := heard(t, stays, "never"); end.Code != websocket.StatusGoingAway {
		t.Errorf("at a stop a socket is closed by %v", end)
	}
	if code := <-stopped; code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if log := p.log(); strings.Count(log, "caller=partner") < 1 || !withdrawn.MatchString(log) ||
		!unidentified.MatchString(log) || strings.Contains(log, partner) || strings.Contains(log, other) ||
		strings.Contains(log, "cut off") {
		t.Errorf("the log:\n%s", log)
	}
}
