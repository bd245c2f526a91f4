package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"deliverygraph/internal/web"
)

// Host names that a page could have pointed here are refused unless allowed.
func TestOnlyAllowedHostsAreAnswered(t *testing.T) {
	t.Parallel()
	hosts := web.NewHosts([]string{"metrics.example.com", "Gateway"}, []string{"https://app.example.com:8443"})
	for host, want := range map[string]bool{
		"localhost": true, "localhost:8080": true, "LOCALHOST.": true, "app.localhost:8080": true,
		"127.0.0.1:8080": true, "127.8.8.8": true, "[::1]:8080": true, "[::1]": true, "192.0.2.7:8080": true,
		"metrics.example.com": true, "Metrics.Example.com:443": true, "metrics.example.com.": true,
		"gateway:8080": true, "app.example.com": true, "": true,
		"evil.example": false, "evil.example:8080": false, "localhost.evil.example:8080": false,
		"127.0.0.1.evil.example": false, "xlocalhost": false, "evil.metrics.example.com": false,
		"metrics.example.com.evil.example": false, "127.0.0.1:8080:evil.example": false,
		"evil.example#localhost": false, "evil.example@localhost": false, "0x7f.1": false,
	} {
		if got := hosts.Allows(host); got != want {
			t.Errorf("%q is allowed: %v", host, got)
		}
	}
	if !web.NewHosts([]string{"*"}, nil).Allows("evil.example") ||
		!web.NewHosts(nil, []string{"*"}).Allows("evil.example") {
		t.Error("* does not allow all")
	}
	if web.NewHosts(nil, nil).Allows("metrics.example.com") {
		t.Error("a name is allowed without settings")
	}
}

// The error names the setting and the value that would allow the host.
func TestRefusalNamesTheSetting(t *testing.T) {
	t.Parallel()
	var said string
	h := web.NewHosts(nil, nil).Handler(http.NotFoundHandler(),
		func(_ http.ResponseWriter, _ *http.Request, reason string) { said = reason })
	r := httptest.NewRequest(http.MethodGet, "/graphql", nil)
	r.Host = "evil.example:8080"
	h.ServeHTTP(httptest.NewRecorder(), r)
	if !strings.Contains(said, "--allowed-hosts evil.example if") {
		t.Errorf("%q", said)
	}
}
