package telemetry_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/internal/telemetry"
)

// has checks that a scrape contains these lines and that Prometheus can parse it.
func has(t *testing.T, m *telemetry.Metrics, lines ...string) {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	text := "\n" + w.Body.String()
	if w.Code != http.StatusOK {
		t.Fatalf("%d: %s", w.Code, text)
	}
	for _, line := range lines {
		if !strings.Contains(text, "\ndeliverygraph_"+line+"\n") {
			name, _, _ := strings.Cut(line, "{")
			name, _, _ = strings.Cut(name, " ")
			var there []string
			for l := range strings.Lines(text) {
				if strings.HasPrefix(l, "deliverygraph_"+name) {
					there = append(there, l)
				}
			}
			t.Errorf("no %s among\n%s", line, strings.Join(there, ""))
		}
	}
}

// Operations are counted by outcome and their errors by code. Times and sizes are recorded only for operations that
// ran, except subscriptions.
func TestOperationsAreCountedByOutcome(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("1.0", "go1.26")
	for _, o := range []telemetry.Operation{
		{Type: "query", Ran: true, Duration: 2 * time.Second, Waited: time.Second, Asked: 3, Bytes: 1000},
		{
			Type: "query", Ran: true, Errors: 3, Codes: map[string]int{"NOT_FOUND": 2, "INTERNAL": 1},
			Duration: time.Second, Asked: 1,
		},
		{Errors: 1, Codes: map[string]int{"BAD_USER_INPUT": 1}, NoData: true},
		{Type: "subscription", Ran: true, Canceled: true, Duration: time.Hour, Asked: 1000},
	} {
		_, ended := m.Operation(t.Context())
		ended(o)
	}
	m.Planned(7, false)
	m.Planned(1<<40, true)
	m.Refused("used-up")
	m.Refused("load")
	has(t, m, `operations_total{outcome="ok",type="query"} 1`, `operations_total{outcome="partial",type="query"} 1`,
		`operations_total{outcome="refused",type="unknown"} 1`,
		`operations_total{outcome="canceled",type="subscription"} 1`,
		`errors_total{code="NOT_FOUND"} 2`, `errors_total{code="INTERNAL"} 1`, `errors_total{code="BAD_USER_INPUT"} 1`,
		`operation_duration_seconds_sum{type="query"} 3`, `operation_duration_seconds_count{type="query"} 2`,
		`operation_upstream_wait_seconds_sum 1`, `operation_upstream_questions_sum 4`,
		`operation_answer_bytes_sum 1000`,
		`operation_planned_upstream_calls_bucket{le="5"} 0`, `operation_planned_upstream_calls_bucket{le="10"} 1`,
		`operation_planned_upstream_calls_count 2`,
		`refused_total{reason="used-up"} 1`, `refused_total{reason="calls"} 1`, `refused_total{reason="load"} 1`,
		`refused_total{reason="too-dear"} 0`,
		`build_info{goversion="go1.26",version="1.0"} 1`)
}

// Requests are counted by method and status, with a fixed set of methods. Open streams are counted, but their time is
// not recorded.
func TestRequestTimeIsDividedIntoPhases(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := telemetry.NewMetrics("1.0", "go1.26")
		during := func(*http.Request) {}
		h := m.Requests(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.ReadAll(r.Body)
			if r.URL.Path == "/stream" {
				w.Header().Set("Content-Type", "text/event-stream")
			}
			if r.URL.Path == "/bad" {
				w.WriteHeader(http.StatusBadRequest)
			}
			_, _ = io.WriteString(w, "answer")
			during(r)
		}))
		ask := func(method, path string) {
			h.ServeHTTP(httptest.NewRecorder(),
				httptest.NewRequest(method, path, strings.NewReader("query")).WithContext(t.Context()))
		}
		during = func(r *http.Request) { // 3 s in total, of which 2 s in the upstream
			_, ended := m.Operation(r.Context())
			time.Sleep(3 * time.Second)
			ended(telemetry.Operation{Type: "query", Ran: true, Waited: 2 * time.Second})
		}
		ask(http.MethodPost, "/graphql")
		during = func(*http.Request) {
			has(t, m, `streams{transport="sse"} 1`, `http_requests_in_flight 1`)
			time.Sleep(time.Hour)
		}
		ask(http.MethodPost, "/stream")
		during = func(*http.Request) {}
		ask("MADEUP", "/bad")
		has(t, m, `http_requests_total{method="POST",status="200"} 2`,
			`http_requests_total{method="other",status="400"} 1`,
			`streams{transport="sse"} 0`, `streams{transport="websocket"} 0`, `http_requests_in_flight 0`,
			`http_request_duration_seconds_sum 3`, `http_request_duration_seconds_count 2`,
			`request_phase_seconds_sum{phase="upstream"} 2`, `request_phase_seconds_sum{phase="own"} 1`)
	})
}

// Calls and lookups are counted by result, and unusual statuses by class.
func TestUpstreamCallsAreCountedByResult(t *testing.T) {
	t.Parallel()
	m := telemetry.NewMetrics("1.0", "go1.26")
	for _, c := range []telemetry.Call{
		{
			Endpoint: "/bounces", Outcome: "ok", Status: 200, Tries: 2, Bytes: 10, Rows: 3, Duration: time.Second,
			Waited: 500 * time.Millisecond,
		},
		{Endpoint: "/bounces", Outcome: "INVALID_RESPONSE", Status: 418, Tries: 1},
		{Endpoint: "/bounces", Outcome: "canceled"},
	} {
		m.Call(c)
	}
	for _, result := range []string{"hit", "joined", "miss", "failed", "stale"} {
		m.Lookup("/emails", result, result == "joined")
	}
	m.Rows(func() []telemetry.Rows {
		return []telemetry.Rows{{Kind: "emails", Number: 9, Newest: 10}, {Kind: "bounces"}}
	})
	m.Gauge("ready", "1 while it is.", func() float64 { return 1 })
	has(t, m, `upstream_calls_total{endpoint="/bounces",outcome="ok"} 1`,
		`upstream_calls_total{endpoint="/emails",outcome="joined"} 1`,
		`upstream_calls_total{endpoint="/bounces",outcome="canceled"} 1`,
		`upstream_call_duration_seconds_count{endpoint="/bounces",status="200"} 1`,
		`upstream_call_duration_seconds_count{endpoint="/bounces",status="4xx"} 1`,
		`upstream_call_duration_seconds_count{endpoint="/bounces",status="none"} 1`, `upstream_queue_seconds_sum 0.5`,
		`upstream_tries_total{endpoint="/bounces"} 3`, `upstream_received_bytes_total{endpoint="/bounces"} 10`,
		`upstream_received_rows_total{endpoint="/bounces"} 3`,
		`cache_lookups_total{endpoint="/emails",result="hit"} 1`,
		`cache_lookups_total{endpoint="/emails",result="joined"} 1`,
		`cache_lookups_total{endpoint="/emails",result="miss"} 1`,
		`cache_lookups_total{endpoint="/emails",result="failed"} 1`,
		`cache_lookups_total{endpoint="/emails",result="stale"} 1`,
		`store_rows{kind="emails"} 9`, `store_rows{kind="bounces"} 0`,
		`store_newest_timestamp_seconds{kind="emails"} 10`, `ready 1`)
}
