package gateway

import (
	"strings"
	"testing"
)

// Messages at a failed start end up in logs: they do not show passwords and tokens in URLs.
func TestSecretsInURLs(t *testing.T) { // the environment is global, so not parallel
	urls := []string{
		"ftp://u:s3cr3t@h.example.com/x", "u:s3cr3t@h.example.com", "http://u:a/s3cr3t@[::1",
		"ftp://h.example.com/?token=s3cr3t", "http://[::1?token=s3cr3t",
	}
	for _, flag := range []string{"upstream", "auth-jwks", "trace-otlp", "cors-origins", "trusted-documents"} {
		name := "DELIVERYGRAPH_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
		for _, u := range urls {
			for _, others := range [][]string{nil, {"--auth-jwt-issuer", "i", "--auth-jwt-audience", "a"}} {
				if others != nil && flag != "auth-jwks" {
					continue
				}
				args := append([]string{"--listen", "127.0.0.1:0"}, others...)
				if said := refused(t, append(args, "--"+flag, u)...); strings.Contains(said, "s3cr3t") ||
					!strings.Contains(said, "--"+flag) {
					t.Errorf("--%s %s: %s", flag, u, said)
				}
				t.Run(name, func(t *testing.T) {
					t.Setenv(name, u)
					if said := refused(t, args...); strings.Contains(said, "s3cr3t") || !strings.Contains(said, name) {
						t.Errorf("%s: %s", u, said)
					}
				})
			}
		}
	}
}

func TestMessagesDoNotShowTheKeyOfAnUpstream(t *testing.T) { // the environment is global, so not parallel
	t.Setenv("DELIVERYGRAPH_UPSTREAM_KEY", "s3cr3t\n")
	for _, args := range [][]string{{"serve", "--listen", "127.0.0.1:0"}, {"doctor"}, {"export", "--since", "P1D"}} {
		said := refused(t, append(args, "--upstream", "http://127.0.0.1:1")...)
		if strings.Contains(said, "s3cr3t") || !strings.Contains(said, "DELIVERYGRAPH_UPSTREAM_KEY") {
			t.Errorf("%s: %s", args[0], said)
		}
	}
}

// A secret that begins like a flag is not taken, and not shown either.
func TestMessagesDoNotShowSecretsThatBeginLikeFlags(t *testing.T) {
	t.Parallel()
	n := 0
	for _, f := range settings(t) {
		if !f.Tag.Has("secret") {
			continue
		}
		n++
		for _, value := range []string{"-s3cr3t", "--s3cr3t"} {
			said := refused(t, "--"+f.Name, value)
			if strings.Contains(said, "s3cr3t") || !strings.Contains(said, f.Name) {
				t.Errorf("--%s %s: %s", f.Name, value, said)
			}
		}
	}
	if n == 0 {
		t.Error("there is no secret")
	}
}

// A variable that is set to nothing, as manifests may do, is not set.
func TestEmptyHeadersForTheCollectorAreNone(t *testing.T) { // the environment is global, so not parallel
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", " ")
	said := refused(t, "--listen", "nowhere", "--trace-otlp", "http://127.0.0.1:1")
	if strings.Contains(said, "OTEL") || !strings.Contains(said, "--listen") {
		t.Error(said)
	}
}

// OpenTelemetry prints headers that it cannot read, so the gateway does not start with them.
func TestMessagesDoNotShowHeadersForTheCollector(t *testing.T) { // the environment is global, so not parallel
	for _, name := range []string{"OTEL_EXPORTER_OTLP_HEADERS", "OTEL_EXPORTER_OTLP_TRACES_HEADERS"} {
		for _, value := range []string{
			"Authorization: Bearer s3cr3t", "Authorization: s3cr3t=", "api-key=s3cr3t%", "a=b,s3cr3t",
		} {
			t.Run(name, func(t *testing.T) {
				t.Setenv(name, value)
				said := refused(t, "--listen", "127.0.0.1:0", "--trace-otlp", "http://127.0.0.1:1")
				if strings.Contains(said, "s3cr3t") || !strings.Contains(said, name) {
					t.Errorf("%s: %s", value, said)
				}
			})
		}
	}
}

// The name of a store may contain a password, also where it is mistyped.
func TestMessagesDoNotShowThePasswordOfAStore(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"serve --listen 127.0.0.1:0 --data u:s3cr3t@ch.example.com:9000", "info --data u:s3cr3t@ch.example.com:9000",
		"classify --data clickhouse://u:s3cr3t@ch.example.com/metrics",
	} {
		if said := refused(t, strings.Fields(args)...); strings.Contains(said, "s3cr3t") ||
			!strings.Contains(said, "--data") {
			t.Errorf("%s: %s", args, said)
		}
	}
}

// A manifest may set a key where it should set the name of a file.
func TestMessagesDoNotShowKeysInPlaceOfFiles(t *testing.T) { // the environment is global, so not parallel
	const pem = "-----BEGIN PRIVATE KEY-----\ns3cr3t/s3cr3t.s3cr3t\n-----END PRIVATE KEY-----\n"
	for name, args := range map[string][]string{
		"DELIVERYGRAPH_REST_KEYS": {"s3cr3t0123456789", "--rest-listen", "127.0.0.1:0"},
		"DELIVERYGRAPH_AUTH_KEYS": {"dg_s3cr3t0123456789"},
		"DELIVERYGRAPH_TLS_KEY":   {pem, "--tls-cert", "cert.pem"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(name, args[0])
			said := refused(t, append([]string{"--listen", "127.0.0.1:0"}, args[1:]...)...)
			if strings.Contains(said, "s3cr3t") || !strings.Contains(said, name) {
				t.Error(said)
			}
		})
	}
}
