package origins_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"deliverygraph/graph/origins"
)

// A name that a page could have pointed here is not answered unless it is known.
func TestHosts(t *testing.T) {
	t.Parallel()
	known := origins.NewHosts([]string{"metrics.example.com", "Gateway"}, []string{"https://app.example.com:8443"})
	for host, want := range map[string]bool{
		"localhost": true, "localhost:8080": true, "LOCALHOST.": true, "app.localhost:8080": true, "127.0.0.1:8080": true, "127.8.8.8": true, "[::1]:8080": true, "[::1]": true, "192.0.2.7:8080": true,
		"metrics.example.com": true, "Metrics.Example.com:443": true, "metrics.example.com.": true, "gateway:8080": true, "app.example.com": true, "": true,
		"evil.example": false, "evil.example:8080": false, "localhost.evil.example:8080": false, "127.0.0.1.evil.example": false, "xlocalhost": false, "evil.metrics.example.com": false, "metrics.example.com.evil.example": false, "127.0.0.1:8080:evil.example": false, "evil.example#localhost": false, "evil.example@localhost": false, "0x7f.1": false,
	} {
		if got := known.Allows(host); got != want {
			t.Errorf("%q is answered: %v", host, got)
		}
	}
	if !origins.NewHosts([]string{"*"}, nil).Allows("evil.example") || !origins.NewHosts(nil, []string{"*"}).Allows("evil.example") {
		t.Error("* does not allow all")
	}
	if origins.NewHosts(nil, nil).Allows("metrics.example.com") {
		t.Error("nothing is set, and a name is allowed")
	}
}

// The refusal tells the setting, and the name that it would need.
func TestHostsThatAreRefused(t *testing.T) {
	t.Parallel()
	var said error
	h := origins.NewHosts(nil, nil).Handler(http.NotFoundHandler(), func(_ http.ResponseWriter, _ *http.Request, err error) { said = err })
	r := httptest.NewRequest(http.MethodGet, "/graphql", nil)
	r.Host = "evil.example:8080"
	h.ServeHTTP(httptest.NewRecorder(), r)
	if said == nil || !strings.Contains(said.Error(), "--allowed-hosts evil.example,") {
		t.Errorf("%v", said)
	}
}
