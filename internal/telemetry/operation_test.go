package telemetry_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"deliverygraph/internal/telemetry"
)

// An operation ends in one of few words, of which who left comes before what happened.
func TestOutcome(t *testing.T) {
	t.Parallel()
	for want, o := range map[string]telemetry.Operation{
		telemetry.OK:       {Ran: true},
		telemetry.Partial:  {Ran: true, Errors: 2},
		telemetry.Failed:   {Ran: true, Errors: 1, NoData: true},
		telemetry.Refused:  {Errors: 1, NoData: true},
		telemetry.Canceled: {Ran: true, Errors: 1, Canceled: true, Shutdown: true},
		telemetry.Shutdown: {Ran: true, Errors: 1, Shutdown: true},
	} {
		if got := o.Outcome(); got != want {
			t.Errorf("%+v: %s, want %s", o, got, want)
		}
	}
}

// A request keeps its caller's id if that is one, and has a new one if not: the same in
// its context, in its line of the log and in the answer's header.
func TestRequestID(t *testing.T) {
	t.Parallel()
	var known, logged string
	h := telemetry.WithRequestID(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		known, logged = telemetry.RequestID(r.Context()), telemetry.RequestIDAttr(r.Context()).Value.String()
	}))
	seen := map[string]bool{}
	for sent, kept := range map[string]bool{
		"a-Request_1.2:3": true, strings.Repeat("x", 64): true,
		"": false, strings.Repeat("x", 65): false, "two words": false, "a\nlevel=ERROR": false, `a"b`: false,
		"größe": false,
	} {
		w, r := httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/graphql", nil)
		r.Header.Set(telemetry.RequestIDHeader, sent)
		h.ServeHTTP(w, r)
		got := w.Header().Get(telemetry.RequestIDHeader)
		if (got == sent) != kept || got == "" || len(got) > 64 || got != known || got != logged || seen[got] {
			t.Errorf("%q became %q, %q in the context and %q in the log", sent, got, known, logged)
		}
		seen[got] = true
	}
	if a := telemetry.RequestIDAttr(t.Context()); !a.Equal(slog.Attr{}) || telemetry.RequestID(t.Context()) != "" {
		t.Errorf("without a request there is %v", a)
	}
}
