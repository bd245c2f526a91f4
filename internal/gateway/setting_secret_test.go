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
