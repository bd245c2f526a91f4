package gateway

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
)

// settings returns the flags of serve.
func settings(t *testing.T) []*kong.Flag {
	t.Helper()
	var c commands
	p, err := kong.New(&c, kong.DefaultEnvars("DELIVERYGRAPH"))
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range p.Model.Children {
		if n.Name == "serve" {
			return n.Flags
		}
	}
	t.Fatal("there is no command to serve")
	return nil
}

// refused runs the program, which must not start, and returns its message.
func refused(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // in case it starts after all
	defer cancel()
	var out bytes.Buffer
	if code := Run(ctx, args, Streams{strings.NewReader(""), &out, &out}); code != exitUsage {
		t.Errorf("exit code %d:\n%s", code, out.String())
	}
	return out.String()
}

// Every invalid environment variable stops the start. The message has the variable, its value unless that is a secret,
// and an example.
func TestWrongVariables(t *testing.T) { // the environment is global, so not parallel
	none := filepath.Join(t.TempDir(), "none")
	const duration, size, number = "30s, 10m or 1h", "64MiB, 1GB", "write it as a whole number"
	webhooks := []string{
		"--ingest-listen", "127.0.0.1:0", "--create", "--data", filepath.Join(t.TempDir(), "metrics.db"),
	}
	wrong := map[string]struct {
		value, example string
		others         []string // settings without which it is valid
	}{
		"listen":        {"8080", "such as 127.0.0.1:8080", nil},
		"cors-origins":  {"app.example.com", "such as https://app.example.com", nil},
		"allowed-hosts": {"https://metrics.example.com/", "such as metrics.example.com", nil},
		"timeout":       {"30", duration, nil},
		"tls-cert":      {none, "cert.pem", []string{"--tls-key", none}},
		"tls-key":       {none, "key.pem", []string{"--tls-cert", none}},
		"drain-time":    {"soon", duration, nil},
		"auth-open":     {"perhaps", "true", nil},
		"auth-keys":     {none, "deliverygraph key new", nil},
		"auth-jwks": {
			none, "https://login.example.com/.well-known/jwks.json",
			[]string{"--auth-jwt-issuer", "i", "--auth-jwt-audience", "a"},
		},
		"auth-jwks-refresh":     {"1ms", "such as 5m", nil},
		"auth-jwt-issuer":       {"https://login.example.com/", "--auth-jwks https://", nil},
		"auth-jwt-audience":     {"https://metrics.example.com/", "--auth-jwks https://", nil},
		"auth-jwt-algorithms":   {"HS256", "--auth-jwt-algorithms RS256", nil},
		"auth-jwt-users-claim":  {"", "leave it out for users", nil},
		"auth-jwt-scopes-claim": {"", "leave it out for scope", nil},
		"auth-pass-through":     {"true", "--upstream https://metrics.example.com/v4", nil},
		"auth-mask-secret":      {"fifteen bytes..", "openssl rand -base64 32", nil},
		"introspection":         {"perhaps", `"auto"`, nil},
		"trusted-documents":     {none, "persisted.json", nil},
		"trusted-only":          {"true", "--trusted-documents persisted.json", nil},
		"max-upstream-calls":    {"-1", "such as 200", nil},
		"batch-limit":           {"many", number, nil},
		"explain":               {"perhaps", `"auto"`, nil},
		"cost-per-minute":       {"-1", "such as 2000", nil},
		"max-operations":        {"-1", "such as 128", nil},
		"max-in-flight":         {"much", size, nil},
		"upstream":              {"metrics.example.com", "https://", nil},
		"upstream-key": {
			"a key", `such as "3f0c9a52d1"`, []string{"--upstream", "https://metrics.example.com"},
		},
		"upstream-ca": {
			none, "such as authorities.pem", []string{"--upstream", "https://metrics.example.com"},
		},
		"upstream-concurrency":     {"0", "such as 16", nil},
		"data":                     {filepath.Join(none, "metrics.db"), "such as metrics.db", nil},
		"create":                   {"true", "such as --data metrics.db", nil},
		"retention":                {"400 days", "such as P400D", nil},
		"store-memory":             {"much", size, nil},
		"rest-listen":              {"8081", "such as 127.0.0.1:8080", nil},
		"rest-keys":                {none, "16 characters", []string{"--rest-listen", "127.0.0.1:0"}},
		"rest-key-list":            {"too short", "16", []string{"--rest-listen", "127.0.0.1:0"}},
		"rest-duplicate-202":       {"true", "--rest-listen 127.0.0.1:8081", nil},
		"subscriptions":            {"0", "such as 100", nil},
		"subscriptions-per-caller": {"0", "such as 100", nil},
		"subscription-filters":     {"1e3", number, nil},
		"subscription-poll":        {"1ms", "such as 5s", nil},
		"subscription-overlap":     {"1ms", "such as 5m", nil},
		"subscription-heartbeat":   {"1ms", "such as 15s", nil},
		"cache-size":               {"-1", size, nil},
		"cache-fresh":              {"-1s", "such as 10s", nil},
		"cache-settle":             {"-1s", "such as 10s", nil},
		"cache-stale":              {"10", duration, nil},
		"cache-catalog":            {"never", duration, nil},
		"redis":                    {"localhost:6379", "redis://host:6379", nil},
		"redis-ca":                 {none, "authorities.pem", []string{"--redis", "rediss://127.0.0.1:1"}},
		"redis-keep":               {"nothing", `"counts"`, nil},
		"admin-listen":             {"9090", "such as 127.0.0.1:8080", nil},
		"admin-pprof":              {"true", "--admin-listen 127.0.0.1:9090", nil},
		"memory-limit":             {"1MiB", "such as 512MiB", nil},
		"gc-percent":               {"-1", "such as 100", nil},
		"drain-delay":              {"-5s", "such as 5s", nil},
		"trace-otlp":               {"collector:4318", "http://127.0.0.1:4318", nil},
		"trace-share":              {"some", "write it as 0.1", nil},
		"log-level":                {"loud", "debug, info, warn or error", nil},
		"ingest-listen": {
			"8082", "such as 127.0.0.1:8080", append(webhooks[2:], "--ingest-unsigned", "sendgrid"),
		},
		"ingest-ses-topics":     {"pigeons", "such as --ingest-listen 127.0.0.1:8082", nil},
		"ingest-sendgrid-key":   {"pigeons", "--ingest-sendgrid-key", webhooks},
		"ingest-mailgun-key":    {"pigeons", "such as --ingest-listen 127.0.0.1:8082", nil},
		"ingest-mailgun-window": {"soon", duration, nil},
		"ingest-postmark-auth":  {"pigeons", "--ingest-postmark-auth", webhooks},
		"ingest-sparkpost-auth": {"pigeons", "--ingest-sparkpost-auth", webhooks},
		"ingest-rows-key":       {"pigeons", "16", webhooks},
		"ingest-unsigned":       {"pigeons", "sendgrid", webhooks},
		"ingest-user":           {"0", "such as 1", append(webhooks, "--ingest-unsigned", "sendgrid")},
		"rules":                 {none, "for the embedded ones", nil},
		"providers":             {none, "for the embedded ones", nil},
		"ingest-max-body":       {"much", size, nil},
		"log-format":            {"xml", `"json"`, nil},
	}
	for _, f := range settings(t) {
		c, ok := wrong[f.Name]
		if !ok {
			t.Errorf("--%s has no wrong value here: add one, and what is to be said of it", f.Name)
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Setenv(f.Envs[0], c.value)
			args := c.others
			if f.Name != "listen" {
				args = append([]string{"--listen", "127.0.0.1:0"}, args...)
			}
			said := refused(t, args...)
			if !strings.Contains(said, f.Envs[0]) || !strings.Contains(said, c.example) {
				t.Errorf("want %s and %q, got:\n%s", f.Envs[0], c.example, said)
			}
			if secret := f.Tag.Has("secret"); c.value != "" && strings.Contains(said, c.value) == secret {
				t.Errorf("secret is %t, and it says:\n%s", secret, said)
			}
		})
	}
}

// An empty variable is an error: it must not be taken for an unset one.
func TestEmptyVariables(t *testing.T) { // not parallel either
	for _, f := range settings(t) {
		t.Run(f.Name, func(t *testing.T) {
			t.Setenv(f.Envs[0], "")
			said := refused(t)
			if !strings.Contains(said, f.Envs[0]) {
				t.Errorf("want %s, got:\n%s", f.Envs[0], said)
			}
			if f.Target.Kind() == reflect.String && f.Enum == "" && !strings.Contains(said, "leave it out") {
				t.Errorf("it does not say what leaving it out would mean:\n%s", said)
			}
		})
	}
}

// A flag takes precedence over its variable, so an error in the flag does not blame the variable.
func TestFlagsOverVariables(t *testing.T) { // not parallel either
	t.Setenv("DELIVERYGRAPH_TIMEOUT", "10s")
	t.Setenv("DELIVERYGRAPH_UPSTREAM", "")
	said := refused(t, "--listen", "127.0.0.1:0", "--timeout=0s", "--upstream", "https://metrics.example.com")
	if !strings.Contains(said, "--timeout must be positive") || strings.Contains(said, "DELIVERYGRAPH") {
		t.Errorf("it says:\n%s", said)
	}
}

// A flag may be repeated, for example by a script that adds defaults, and the last one counts. That one must not be
// empty, as it could turn authentication off.
func TestRepeatedFlagsMustNotBeEmpty(t *testing.T) {
	t.Parallel()
	none := filepath.Join(t.TempDir(), "none")
	for flag, value := range map[string]string{
		"auth-keys": none, "upstream": "https://metrics.example.com", "rest-keys": none, "tls-cert": none,
	} {
		for _, args := range [][]string{
			{"--" + flag, value, "--" + flag, ""}, {"--" + flag, "", "--" + flag, value},
			{"--" + flag + "=" + value, "--" + flag + "="}, {"--" + flag + "=", "--" + flag + "=" + value},
		} {
			said := refused(t, append([]string{"--listen", "127.0.0.1:0"}, args...)...)
			if !strings.Contains(said, "--"+flag+" has an empty value: ") {
				t.Errorf("%q: %s", args, said)
			}
		}
	}
}

// Impossible host names and secrets that are too short are refused.
func TestWrongHostNamesAndSecrets(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"http://metrics.example.com", "metrics.example.com/v4", "metrics.example.com:8080",
		"metrics example.com", "a.example.com, b.example.com",
		"a.example.com,,b.example.com", ",", " ", "*.example.com", ".example.com", "a..example.com", "-a.example.com",
		"münchen.example", "[::1]", "user@example.com"} {
		said := refused(t, "--listen", "127.0.0.1:0", "--allowed-hosts="+host)
		if !strings.Contains(said, "--allowed-hosts: ") || !strings.Contains(said, "such as metrics.example.com") {
			t.Errorf("%q: %s", host, said)
		}
	}
	for _, secret := range []string{"x", strings.Repeat("s", minSecret-1)} {
		said := refused(t, "--listen", "127.0.0.1:0", "--auth-mask-secret", secret)
		if !strings.Contains(said, "--auth-mask-secret has") || !strings.Contains(said, "openssl rand -base64 32") ||
			strings.Contains(said, strings.Repeat("s", minSecret-1)) {
			t.Errorf("%d bytes: %s", len(secret), said)
		}
	}
	start(t, "--allowed-hosts", "metrics.example.com,*,localhost,xn--mnchen-3ya.example,my_host,a.example.com.",
		"--auth-mask-secret", strings.Repeat("s", minSecret))
}

// An invalid setting stops the start with a message that names it and gives an example.
func TestWrongSettings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	weak := filepath.Join(dir, "weak")
	if err := os.WriteFile(weak, []byte("short\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	notAStore := filepath.Join(dir, "not-a-store")
	if err := os.WriteFile(notAStore, bytes.Repeat([]byte("no store "), 1000), 0o600); err != nil {
		t.Fatal(err)
	}
	cases := map[string]struct {
		args []string
		says []string
	}{
		"an unknown flag": {[]string{"--lisen", "x"}, []string{"--lisen", "--listen"}},
		"a command's unknown flag": {
			[]string{"prune", "--before", "2026"}, []string{"See deliverygraph prune --help."},
		},
		"a command below another": {[]string{"key", "new"}, []string{"See deliverygraph key new --help."}},
		"an unknown command":      {[]string{"server"}, []string{"server"}},
		"an address that is none": {[]string{"--listen", "8080"}, []string{"--listen", "127.0.0.1:8080"}},
		"no value":                {[]string{"--listen"}, []string{"expected string value but got none"}},
		"a duration without unit": {[]string{"--timeout", "30"}, []string{"--timeout", "30s"}},
		"no time for operations":  {[]string{"--timeout", "0s"}, []string{"--timeout", "30s"}},
		"a size that is none":     {[]string{"--cache-size", "much"}, []string{"--cache-size", "64MiB"}},
		"an upstream without scheme": {
			[]string{"--upstream", "metrics.example.com"}, []string{"--upstream must begin", "https://"},
		},
		"an upstream and a key with spaces": {
			[]string{"--upstream", "https://metrics.example.com/?", "--upstream-key", "a key"},
			[]string{"--upstream must not have a query", "--upstream-key has a character"},
		},
		"authorities that are not there": {
			[]string{"--upstream", "https://metrics.example.com", "--upstream-ca", filepath.Join(dir, "none")},
			[]string{"--upstream-ca cannot be read", "none"},
		},
		"a key without an upstream": {
			[]string{"--upstream-key", "k"}, []string{"--upstream-key", "--upstream https://"},
		},
		"an upstream that is empty": {[]string{"--upstream", ""}, []string{"--upstream", "leave it out"}},
		"a certificate that is empty": {
			[]string{"--tls-cert=", "--tls-key="}, []string{"--tls-cert", "leave it out"},
		},
		"a store and an upstream": {
			[]string{"--upstream", "https://metrics.example.com", "--data", "x.db"}, []string{"--data", "--upstream"},
		},
		"keys without a port": {
			[]string{"--rest-keys", weak}, []string{"--rest-keys", "--rest-listen 127.0.0.1:8081"},
		},
		"keys that are too short": {
			[]string{"--rest-listen", "127.0.0.1:0", "--rest-keys", weak}, []string{"--rest-keys", "line 1"},
		},
		"keys that are not there": {
			[]string{"--rest-listen", "127.0.0.1:0", "--rest-keys", filepath.Join(dir, "none")},
			[]string{"--rest-keys", "none"},
		},
		"the REST API to all, without keys": {[]string{"--rest-listen", "0.0.0.0:0"}, []string{"--rest-listen", "key"}},
		"a file that is no store":           {[]string{"--data", notAStore}, []string{"not-a-store"}},
		"only trusted documents, and none": {
			[]string{"--trusted-only"}, []string{"--trusted-only", "--trusted-documents persisted.json"},
		},
		"trusted documents that are none": {
			[]string{"--trusted-documents", weak}, []string{"--trusted-documents", "manifest"},
		},
		"trusted documents not there": {
			[]string{"--trusted-documents", filepath.Join(dir, "none")}, []string{"--trusted-documents", "none"},
		},
		"a cost below nothing":       {[]string{"--cost-per-minute=-1"}, []string{"--cost-per-minute", "2000"}},
		"fewer operations than none": {[]string{"--max-operations=-1"}, []string{"--max-operations", "128"}},
		"batches below nothing":      {[]string{"--batch-limit=-1"}, []string{"--batch-limit", "10"}},
		"introspection perhaps": {
			[]string{"--introspection", "perhaps"}, []string{"--introspection", "auto"},
		},
		"explaining perhaps": {[]string{"--explain", "perhaps"}, []string{"--explain", "auto"}},
		"fewer calls than none": {
			[]string{"--max-upstream-calls=-1"}, []string{"--max-upstream-calls", "200"},
		},
		"stale for less than no time": {[]string{"--cache-stale=-1s"}, []string{"--cache-stale", "10s"}},
		"an origin with a path": {
			[]string{"--cors-origins", "https://app.example.com/"},
			[]string{"--cors-origins", "https://app.example.com"},
		},
		"a host with a port": {
			[]string{"--allowed-hosts", "metrics.example.com:8080"}, []string{"--allowed-hosts", "metrics.example.com"},
		},
		"profiles without a port": {
			[]string{"--admin-pprof"}, []string{"--admin-pprof", "--admin-listen 127.0.0.1:9090"},
		},
		"a limit with no room":             {[]string{"--memory-limit", "1MiB"}, []string{"--memory-limit", "512MiB"}},
		"collecting less often than never": {[]string{"--gc-percent=-1"}, []string{"--gc-percent", "adapt"}},
		"room for no request":              {[]string{"--max-in-flight", "5"}, []string{"--max-in-flight", "256MiB"}},
		"a delay that is negative":         {[]string{"--drain-delay=-5s"}, []string{"--drain-delay", "5s"}},
		"an unknown log level": {
			[]string{"--log-level", "loud"}, []string{`--log-level: "loud"`, "debug, info, warn or error"},
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // in case it starts after all
			defer cancel()
			var out bytes.Buffer
			args := c.args
			if strings.HasPrefix(args[0], "-") && !slices.Contains(args, "--listen") { // not a command
				args = append([]string{"--listen", "127.0.0.1:0"}, args...)
			}
			code := Run(ctx, args, Streams{strings.NewReader(""), &out, &out})
			if code == exitOK {
				t.Errorf("it started:\n%s", out.String())
			}
			for _, s := range c.says {
				if !strings.Contains(out.String(), s) {
					t.Errorf("the message lacks %q:\n%s", s, out.String())
				}
			}
		})
	}
}
