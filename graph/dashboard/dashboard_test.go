package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"deliverygraph/graph/dashboard"
	"deliverygraph/internal/web/site/sitetest"
)

func TestThePageWasBuiltFromTheseSources(t *testing.T) {
	t.Parallel()
	sitetest.CheckDist(t)
}

func TestTheNoticesNameWhatThePageHolds(t *testing.T) {
	t.Parallel()
	sitetest.CheckNotices(t)
}

func TestThePolicyAllowsNothingInlineAndNoOtherHost(t *testing.T) {
	t.Parallel()
	page, err := dashboard.New(dashboard.Options{Title: "<Mail>", Endpoint: "../graphql", Playground: "../"})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	page.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil))
	policy := w.Header().Get("Content-Security-Policy")
	if !strings.Contains(policy, "default-src 'none'") || strings.Contains(policy, "unsafe") ||
		strings.ContainsAny(policy, ":*") {
		t.Errorf("the policy is %q", policy)
	}
	if body := w.Body.String(); w.Code != http.StatusOK || strings.Contains(body, "<Mail>") ||
		!strings.Contains(body, "&lt;Mail&gt;") {
		t.Errorf("status %d, page:\n%s", w.Code, body)
	}
}
