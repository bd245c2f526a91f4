package gateway

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
)

// newKey runs the command that makes a key, and returns the key and the line for the file.
func newKey(t *testing.T, args ...string) (key, line string) {
	t.Helper()
	var out, err bytes.Buffer
	if code := Run(t.Context(), append([]string{"key", "new"}, args...),
		Streams{strings.NewReader(""), &out, &err}); code != exitOK {
		t.Fatalf("exit code %d: %s", code, err.String())
	}
	key, line, _ = strings.Cut(strings.TrimSpace(out.String()), "\n")
	return key, line
}

const usersOfWeek = `{"query": "{ users(window: {last: \"P7D\"}) { nodes { userId } } }"}`

// as queries the users of a week with these headers, and returns the status and the response.
func (p *program) as(header ...string) (int, string) {
	p.t.Helper()
	resp, text := p.do(http.MethodPost, p.graphql, usersOfWeek,
		append([]string{"Content-Type", "application/json"}, header...)...)
	if asks := resp.Header.Get("WWW-Authenticate"); (asks != "") != (resp.StatusCode == http.StatusUnauthorized) {
		p.t.Errorf("status %d with WWW-Authenticate %q", resp.StatusCode, asks)
	}
	return resp.StatusCode, text
}

// A gateway with keys accepts them in each form, and refuses all other callers.
func TestAPIKeysAreRequired(t *testing.T) {
	t.Parallel()
	partner, partnerLine := newKey(t, "--name", "partner", "--users", "21")
	other, otherLine := newKey(t, "--name", "other", "--users", "*", "--scopes", "metrics:read,recipients:read",
		"--streams", "2")
	blind, _ := newKey(t, "--name", "blind", "--users", "*")
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(partnerLine+"\n"+otherLine+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--auth-keys", file, "--listen", "0.0.0.0:0")
	p.graphql = strings.Replace(p.graphql, "[::]", "127.0.0.1", 1)
	const only21 = `{"data":{"users":{"nodes":[{"userId":"21"}]}}}`
	for name, c := range map[string]struct {
		header []string
		status int
		says   string
	}{
		"a bearer":               {[]string{"Authorization", "Bearer " + partner}, 200, only21},
		"as the REST API has it": {[]string{"Authorization", "apikey=" + partner}, 200, only21},
		"in a header of its own": {[]string{"X-API-Key", partner}, 200, only21},
		"another key":            {[]string{"X-API-Key", other}, 200, `"20"`},
		"none":                   {nil, 401, "X-API-Key: KEY"},
		"one that is not in it":  {[]string{"X-API-Key", blind}, 401, "unknown"},
		"two": {
			[]string{"X-API-Key", other, "Authorization", "Bearer " + partner}, 401, "two different",
		},
		"of another kind": {[]string{"Authorization", "Basic YTpi"}, 401, "Authorization: Bearer"},
		"none, as GraphQL has it": {
			[]string{"Accept", "application/graphql-response+json"}, 401, `"code":"UNAUTHENTICATED"`,
		},
	} {
		status, text := p.as(c.header...)
		if status != c.status || !strings.Contains(text, c.says) ||
			(status == 401) != strings.Contains(text, `"code":"UNAUTHENTICATED"`) {
			t.Errorf("%s: status %d: %s", name, status, text)
		}
	}
	resp, text := p.do(http.MethodGet, p.graphql+"?query={__typename}&apikey="+partner, "")
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("a key in the URL: %d %s", resp.StatusCode, text)
	}
	resp, _ = p.do(http.MethodOptions, p.graphql, "", "Origin", "http://localhost:3000",
		"Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type,x-api-key")
	if got := resp.Header.Get("Access-Control-Allow-Headers"); !strings.Contains(strings.ToLower(got), "x-api-key") {
		t.Errorf("a page's preflight is answered with %q", got)
	}
	p.stop()
	for _, key := range []string{partner, other, blind} {
		if strings.Contains(p.log(), key) {
			t.Error("the log shows a key")
		}
	}
	if n := strings.Count(p.log(), "msg=refused"); n != 6 {
		t.Errorf("the log has %d refusals", n)
	}
	if n := strings.Count(p.log(), "caller=partner"); n != 3 {
		t.Errorf("the log names the caller of %d operations", n)
	}
}

// Every form of answer shows a caller what its key may see, and the key's limit.
func TestAnswersKnowTheirCaller(t *testing.T) {
	t.Parallel()
	key, line := newKey(t, "--name", "partner", "--users", "21", "--cost-per-minute", "500")
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--auth-keys", file, "--batch-limit", "1")
	const only21 = `{"nodes":[{"userId":"21"}]}`
	for name, c := range map[string]struct{ body, accept, says string }{
		"a response":      {usersOfWeek, "*/*", only21},
		"a batch":         {"[" + usersOfWeek + "]", "*/*", only21},
		"parts":           {usersOfWeek, "multipart/mixed;deferSpec=20220824", only21},
		"not JSON":        {"{", "*/*", "BAD_USER_INPUT"},
		"a wrong request": {`{"query": "{ nothing }"}`, "*/*", "nothing"},
	} {
		resp, text := p.do(http.MethodPost, p.graphql, c.body, "Content-Type", "application/json", "X-API-Key", key,
			"Accept", c.accept)
		if h := resp.Header; !strings.Contains(text, c.says) || h.Get("RateLimit-Policy") != `"cost";q=500;w=60` ||
			!strings.HasPrefix(h.Get("RateLimit"), `"cost";r=`) {
			t.Errorf("%s: %v %s", name, h, text)
		}
	}
}

// With --auth-pass-through each caller's own key is sent upstream, and concurrent calls never mix up the answers of
// keys.
func TestPassThroughKeepsKeysApart(t *testing.T) {
	t.Parallel()
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys,
		[]byte("a-key-of-all-0123456789\na-key-of-20-0123456789 users=20\na-key-of-21-0123456789 users=21\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	first := start(t, "--rest-listen", "127.0.0.1:0", "--rest-keys", keys)
	p := start(t, "--upstream", first.rest, "--auth-pass-through")
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			who := []string{
				"a-key-of-20-0123456789", "a-key-of-21-0123456789", "a-key-of-all-0123456789", "a-key-of-nobody",
			}[i%4]
			status, text := p.as("Authorization", "apikey="+who)
			var want string
			switch i % 4 {
			case 0, 1:
				want = fmt.Sprintf(`{"data":{"users":{"nodes":[{"userId":"%d"}]}}}`, 20+i%4)
			case 2:
				want = `{"data":{"users":{"nodes":[{"userId":"20"},{"userId":"21"},{"userId":"22"},` +
					`{"userId":"23"},{"userId":"24"},{"userId":"25"}]}}}`
			case 3:
				if !strings.Contains(text, `"code":"UNAUTHENTICATED"`) || strings.Contains(text, who) ||
					strings.Contains(text, "userId") {
					t.Errorf("a wrong key: %s", text)
				}
				return
			}
			if d := cmp.Diff(want, text); d != "" || status != http.StatusOK {
				t.Error(d)
			}
		})
	}
	all.Wait()
	if status, text := p.as(); status != http.StatusUnauthorized ||
		!strings.Contains(text, "the API key that you have for the metrics API") {
		t.Errorf("without a key: %d %s", status, text)
	}
}

// Callers with --auth-pass-through do not escape the limit by making up a key for each request, and do not use up that
// of a key that the upstream knows.
func TestMadeUpKeysHaveOneLimitTogether(t *testing.T) {
	t.Parallel()
	const key = "apikey=a-key-of-all-0123456789"
	keys := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(keys, []byte("a-key-of-all-0123456789\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	first := start(t, "--rest-listen", "127.0.0.1:0", "--rest-keys", keys)
	p := start(t, "--upstream", first.rest, "--auth-pass-through", "--cost-per-minute", "20")
	if _, text := p.as("Authorization", key); !strings.Contains(text, `"userId":"20"`) {
		t.Errorf("before: %s", text)
	}
	limited := 0
	for i := range 100 {
		_, text := p.as("Authorization", fmt.Sprintf("apikey=made-up-%d", i))
		if strings.Contains(text, "RATE_LIMITED") {
			limited++
		}
	}
	if limited == 0 {
		t.Error("made-up keys are not limited")
	}
	if _, text := p.as("Authorization", key); !strings.Contains(text, `"userId":"20"`) {
		t.Errorf("afterwards: %s", text)
	}
}

// A key is not made with a limit that its line in the file cannot have, such as 0, which is not "no limit" there.
func TestKeyLimitsMustBeInRange(t *testing.T) {
	t.Parallel()
	for _, flag := range []string{"--cost-per-minute", "--streams"} {
		for _, limit := range []string{"0", "1000000001"} {
			var out, err bytes.Buffer
			args := []string{"key", "new", "--name", "partner", "--users", "21", flag, limit}
			code := Run(t.Context(), args, Streams{strings.NewReader(""), &out, &err})
			if code != exitUsage || out.Len() > 0 || !strings.Contains(err.String(), "must be from 1") {
				t.Errorf("%s %s: exit code %d: %s%s", flag, limit, code, out.String(), err.String())
			}
		}
	}
}

// The variable is the gateway's limit for callers without one of their own.
func TestKeyDoesNotGetTheGatewaysLimitFromTheEnvironment(t *testing.T) {
	t.Setenv("DELIVERYGRAPH_COST_PER_MINUTE", "5")
	if _, line := newKey(t, "--name", "partner", "--users", "21"); strings.Contains(line, "cost-per-minute") {
		t.Error(line)
	}
}

// Invalid authentication settings stop the start.
func TestWrongAuthenticationSettings(t *testing.T) {
	t.Parallel()
	none := filepath.Join(t.TempDir(), "none")
	jwks := []string{"--auth-jwks", "https://login.example.com/jwks"}
	for name, c := range map[string]struct {
		args []string
		says []string
	}{
		"no authentication, beyond loopback": {
			[]string{"--listen", "0.0.0.0:0"}, []string{"--auth-keys FILE", "deliverygraph key new", "--auth-open"},
		},
		"keys that are not there": {[]string{"--auth-keys", none}, []string{"--auth-keys", "none"}},
		"open and keys": {
			[]string{"--auth-open", "--auth-keys", none}, []string{"--auth-open", "--auth-keys"},
		},
		"passing through to the store": {
			[]string{"--auth-pass-through"}, []string{"--auth-pass-through", "--upstream https://"},
		},
		"passing through and a key": {
			[]string{"--auth-pass-through", "--upstream", "https://metrics.example.com", "--upstream-key", "k"},
			[]string{"--auth-pass-through", "--upstream-key"},
		},
		"passing through and keys": {
			[]string{"--auth-pass-through", "--upstream", "https://metrics.example.com", "--auth-keys", none},
			[]string{"--auth-pass-through", "--auth-keys"},
		},
		"tokens of anybody": {jwks, []string{"--auth-jwt-issuer https://"}},
		"a symmetric algorithm": {
			append(jwks, "--auth-jwt-issuer", "i", "--auth-jwt-audience", "a", "--auth-jwt-algorithms", "HS256"),
			[]string{"--auth-jwt-algorithms", "RS256"},
		},
		"keys over plain HTTP": {
			[]string{
				"--auth-jwks", "http://login.example.com/jwks", "--auth-jwt-issuer", "i", "--auth-jwt-audience", "a",
			}, []string{"--auth-jwks", "https://"},
		},
		"keys over something else": {
			[]string{
				"--auth-jwks", "ftp://login.example.com/jwks", "--auth-jwt-issuer", "i", "--auth-jwt-audience", "a",
			}, []string{"--auth-jwks", "https://"},
		},
		"a variable that is not set": {[]string{"--auth-keys", ""}, []string{"--auth-keys", "empty value"}},
		"an issuer without keys":     {[]string{"--auth-jwt-issuer", "i"}, []string{"--auth-jwks https://"}},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second) // in case it starts after all
		var out bytes.Buffer
		code := Run(ctx, append([]string{"serve", "--listen", "127.0.0.1:0"}, c.args...),
			Streams{strings.NewReader(""), &out, &out})
		cancel()
		if code != exitUsage {
			t.Errorf("%s: exit code %d:\n%s", name, code, out.String())
		}
		for _, s := range c.says {
			if !strings.Contains(out.String(), s) {
				t.Errorf("%s: the message lacks %q:\n%s", name, s, out.String())
			}
		}
	}
}

// A gateway accepts keys and tokens side by side, and each caller sees what its own allows.
func TestTokensAndKeysWorkSideBySide(t *testing.T) {
	t.Parallel()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintf(w, `{"keys": [{"kty": "RSA", "kid": "1", "n": %q, "e": "AQAB"}]}`, b64(private.N.Bytes()))
	}))
	t.Cleanup(provider.Close)
	key, line := newKey(t, "--name", "partner", "--users", "21")
	file := filepath.Join(t.TempDir(), "keys")
	if err := os.WriteFile(file, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	p := start(t, "--auth-keys", file, "--auth-jwks", provider.URL, "--auth-jwt-issuer", "https://login.example.com/",
		"--auth-jwt-audience", "metrics", "--auth-jwt-users-claim", "https://example.com/users")
	token := func(changes jwt.MapClaims) string {
		claims := jwt.MapClaims{
			"iss": "https://login.example.com/", "aud": "metrics", "sub": "omar",
			"exp": time.Now().Add(time.Hour).Unix(), "https://example.com/users": []int{20}, "scope": "metrics:read",
		}
		maps.Copy(claims, changes)
		tok := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
		tok.Header["kid"] = "1"
		text, err := tok.SignedString(private)
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	for name, c := range map[string]struct {
		header []string
		status int
		says   string
	}{
		"a key":   {[]string{"Authorization", "Bearer " + key}, 200, `[{"userId":"21"}]`},
		"a token": {[]string{"Authorization", "Bearer " + token(nil)}, 200, `[{"userId":"20"}]`},
		"a token without scope": {
			[]string{"Authorization", "Bearer " + token(jwt.MapClaims{"scope": "openid"})}, 200, `"code":"FORBIDDEN"`,
		},
		"a token that is over": {
			[]string{"Authorization", "Bearer " + token(jwt.MapClaims{"exp": time.Now().Add(-time.Hour).Unix()})}, 401,
			"expired",
		},
		"a token for others": {
			[]string{"Authorization", "Bearer " + token(jwt.MapClaims{"aud": "billing"})}, 401,
			"not meant for this API",
		},
		"a token as a key": {[]string{"X-API-Key", token(nil)}, 401, "unknown"},
		"neither":          {nil, 401, "API key or token"},
	} {
		if status, text := p.as(c.header...); status != c.status || !strings.Contains(text, c.says) {
			t.Errorf("%s: status %d: %s", name, status, text)
		}
	}
}

// Without authentication, an address that is over its budget does not affect other addresses.
func TestAddressesHaveSeparateBudgets(t *testing.T) {
	t.Parallel()
	p := start(t, "--cost-per-minute", "1")
	ask := func(from string) int {
		t.Helper()
		client := &http.Client{
			Transport: &http.Transport{
				DisableKeepAlives: true,
				DialContext:       (&net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}).DialContext,
			},
		}
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.graphql+"?query={__typename}", nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := client.Do(r)
		if err != nil {
			t.Skip("there is no such address here: ", err)
		}
		defer resp.Body.Close()
		return resp.StatusCode
	}
	status := http.StatusOK
	for n := 0; status == http.StatusOK && n < 100; n++ {
		status = ask("127.0.0.1")
	}
	if status != http.StatusTooManyRequests {
		t.Fatalf("status %d", status)
	}
	if status := ask("127.0.0.2"); status != http.StatusOK {
		t.Errorf("another address: status %d", status)
	}
}
