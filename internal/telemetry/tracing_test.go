package telemetry_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"deliverygraph/internal/telemetry"
)

// A caller's trace continues through the operation, its question and the request, to the server.
func TestTraceContinuesToTheServer(t *testing.T) {
	t.Parallel()
	const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	passed := make(chan string, 2)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		passed <- r.Header.Get("Traceparent")
	}))
	defer s.Close()
	out := tracetest.NewInMemoryExporter()
	tr := telemetry.NewTracing(kept{out}, "1.0", 0) // callers' traces are exported all the same
	h := tr.Requests(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		ctx, ended := tr.Operation(r.Context())
		asked, answered := tr.Question(ctx, "/bounces")
		req, _ := http.NewRequestWithContext(asked, http.MethodGet, s.URL+"/bounces?recipient=someone@example.com", nil)
		resp, err := tr.Transport(http.DefaultTransport).RoundTrip(req)
		if err != nil {
			t.Error(err)
			return
		}
		resp.Body.Close()
		answered(errors.New("it was about someone@example.com"))
		ended(telemetry.Operation{Type: "query", Name: "Mine", Ran: true, Asked: 1})
	}))
	r := httptest.NewRequest(http.MethodPost, "/graphql", nil)
	r.Header.Set("Traceparent", "00-"+traceID+"-00f067aa0ba902b7-01")
	h.ServeHTTP(httptest.NewRecorder(), r)
	// A trace that begins here is not exported, because the share is 0.
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodPost, "/graphql", nil))
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, s := range out.GetSpans() {
		names = append(names, s.Name)
		if s.SpanContext.TraceID().String() != traceID {
			t.Errorf("%s is of trace %s", s.Name, s.SpanContext.TraceID())
		}
		for _, a := range s.Attributes {
			if strings.Contains(a.Value.String(), "someone") {
				t.Errorf("%s contains an address: %s", s.Name, a.Value.String())
			}
		}
		if strings.Contains(s.Status.Description, "someone") {
			t.Errorf("%s contains an address", s.Name)
		}
	}
	if got := strings.Join(names, ", "); got != "GET, ask /bounces, query" {
		t.Errorf("spans: %s", got)
	}
	if header := <-passed; !strings.HasPrefix(header, "00-"+traceID+"-") ||
		strings.Contains(header, "00f067aa0ba902b7") {
		t.Errorf("the server got the traceparent %q", header)
	}
}

// kept is an exporter whose spans stay available after Shutdown.
type kept struct {
	*tracetest.InMemoryExporter
}

// Shutdown does nothing.
func (kept) Shutdown(context.Context) error { return nil }

// Spans wait for the collector in memory, so they hold no long names, which callers choose.
func TestNamesOfOperationsAreCutOff(t *testing.T) {
	t.Parallel()
	out := tracetest.NewInMemoryExporter()
	tr := telemetry.NewTracing(kept{out}, "1.0", 1)
	_, ended := tr.Operation(t.Context())
	ended(telemetry.Operation{Type: "query", Name: strings.Repeat("x", 1<<20), Ran: true})
	if err := tr.Close(); err != nil {
		t.Fatal(err)
	}
	for _, s := range out.GetSpans() {
		for _, a := range s.Attributes {
			if n := len(a.Value.String()); n > 100 {
				t.Errorf("%s has %d bytes", a.Key, n)
			}
		}
	}
}
