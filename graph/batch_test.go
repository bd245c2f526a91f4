package graph_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/graph"
	"deliverygraph/upstream"
)

// member is one response of a batch's answer.
type member struct {
	Data   map[string]any
	Errors []answerError
}

// batch sends an array of requests and returns the responses.
func (e endpoint) batch(t *testing.T, body string, headers ...string) (int, []member) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	var all []member
	if err := json.Unmarshal(w.Body.Bytes(), &all); err != nil ||
		w.Header().Get("Content-Type") != "application/json; charset=utf-8" {
		t.Fatalf("status %d, %v, want a JSON array: %s", w.Code, w.Header(), w.Body)
	}
	return w.Code, all
}

// A batch has a response for each request, in order, and an error in one request does not affect the others.
func TestBatchAnswersEachRequestSeparately(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{MaxBatch: 20}).failing("/bounce/categories",
		&upstream.Error{Code: upstream.Unavailable, Err: errors.New("secret")})
	requests := []struct{ body, answer string }{
		{`{"query": "query A { a: __typename }", "operationName": "A"}`, `"a":"Query"`},
		{`{"query": "{"}`, "Expected Name"},
		{`{"query": "query($i: [ID!]!) { nodes(ids: $i) { id } }", "variables": {"i": []}}`, `"nodes":[]`},
		{`{"query": "query($i: [ID!]!) { nodes(ids: $i) { id } }"}`, "$i"},
		{`{"query": "{ b: __typename bounceCategories { code } }"}`, "UPSTREAM_UNAVAILABLE"},
		{`7`, "must be a JSON object"},
		{`null`, "must be a JSON object"},
		{`[{"query": "{ __typename }"}]`, "must be a JSON object"},
		{`{}`, `no \"query\"`},
		{`{"query": {}}`, `\"query\" must be a string`},
		{
			`{"extensions": {"persistedQuery": {"version": 1, "sha256Hash": "` + strings.Repeat("0", 64) + `"}}}`,
			"PersistedQueryNotFound",
		},
		{`{"query": "subscription { bounces { cursor } }"}`, "a request of its own"},
		{
			`{"query": "{ stats(` + strings.ReplaceAll(window, `"`, `\"`) + `) { ... @defer { sent } } }"}`,
			"a request of its own, or leave @defer out",
		},
		{`{"query": "{ c: __typename }"}`, `"c":"Query"`},
	}
	bodies := make([]string, len(requests))
	for i, r := range requests {
		bodies[i] = r.body
	}
	for _, accept := range []string{
		"application/json", "*/*", "application/graphql-response+json,application/json;q=0.9",
		"text/event-stream, application/json;q=0.1", "multipart/mixed, application/json",
	} {
		status, all := e.batch(t, " ["+strings.Join(bodies, ", ")+"]", "Accept", accept)
		if status != 200 || len(all) != len(requests) {
			t.Fatalf("%s: status %d, %d responses to %d requests", accept, status, len(all), len(requests))
		}
		for i, r := range requests {
			got, err := json.Marshal(all[i])
			if err != nil || !strings.Contains(string(got), r.answer) || strings.Contains(string(got), "secret") {
				t.Errorf("%s\n\tis answered by %s", r.body, got)
			}
		}
	}
	// 5 of the requests are readable operations
	if lines := strings.Count(e.log.String(), "msg=operation"); lines != 5*9 {
		t.Errorf("%d lines in the log:\n%s", lines, e.log)
	}
}

// An array that is not allowed is refused as a whole, with a message that says what is allowed.
func TestInvalidBatchesAreRefusedAsAWhole(t *testing.T) {
	t.Parallel()
	on, off := newEndpoint(graph.Options{MaxBatch: 2}), newEndpoint(graph.Options{})
	three := "[" + typename + "," + typename + "," + typename + "]"
	for name, c := range map[string]struct {
		at      endpoint
		request request
		status  int
		says    string
	}{
		"where none is taken":      {off, post("[" + typename + "]"), 400, "--batch-limit"},
		"with nothing in it":       {on, post("[]"), 400, "at least one"},
		"with too many":            {on, post(three), 400, "at most 2 requests (--batch-limit)"},
		"that breaks off":          {on, post("[" + typename), 400, "not JSON"},
		"with a name twice":        {on, post(`[{"query": "{ __typename }", "query": ""}]`), 400, "duplicate name"},
		"of a caller without JSON": {on, post("["+typename+"]", "Accept", mediaNew), 406, "accept that as well"},
		"that is no JSON by type":  {on, post("["+typename+"]", "Content-Type", "text/plain"), 415, "application/json"},
		"past the limit of a body": {
			newEndpoint(graph.Options{MaxBatch: 2, MaxBody: 50}), post("[" + typename + "," + typename + "]"), 413,
			"50 bytes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if a := c.at.do(t, c.request); a.status != c.status || len(a.errors) != 1 ||
				!strings.Contains(a.errors[0].Message, c.says) {
				t.Errorf("status %d: %s", a.status, a.body)
			}
		})
	}
}

// The requests of a batch run concurrently, and each is admitted and takes a turn as if it had come alone.
func TestBatchesObeyLimitsLikeSingleRequests(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var admitted atomic.Int64
		e := newEndpoint(graph.Options{MaxBatch: 10, MaxOperations: 4, Timeout: 10 * time.Second,
			Caller: func(context.Context) string { return "one" }, Admit: func(context.Context) error {
				if admitted.Add(1) > 7 {
					return &upstream.Error{Code: upstream.PermissionDenied, Message: "enough"}
				}
				return nil
			}})
		// until the deadline
		e.api.Before = func(ctx context.Context, _ string) error { <-ctx.Done(); return ctx.Err() }
		began := time.Now()
		_, all := e.batch(t, "["+strings.TrimSuffix(strings.Repeat(`{"query": "{ bounceCategories { code } }"},`, 10),
			",")+"]")
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("one deadline after the other: %v", took)
		}
		codes := map[string]int{}
		for _, m := range all {
			codes[m.Errors[0].code()]++
		}
		if codes["UPSTREAM_TIMEOUT"] != 2 || codes["RATE_LIMITED"] != 5 || codes["FORBIDDEN"] != 3 {
			t.Errorf("%v, want 2 that ran in the caller's turns, 5 without a turn, 3 that were not admitted", codes)
		}
		e.api.Before = nil
		admitted.Store(0)
		if _, all := e.batch(t, "["+typename+"]"); all[0].Data["__typename"] != "Query" {
			t.Errorf("a turn was not given back: %v", all)
		}
	})
}

// A request that panics in the gateway fails alone.
func TestPanicInABatchFailsOneRequest(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	e := newEndpoint(graph.Options{MaxBatch: 2, Admit: func(context.Context) error {
		if asked.Add(1) == 1 {
			panic("secret")
		}
		return nil
	}})
	_, all := e.batch(t, "["+typename+","+typename+"]")
	failed, answered := all[0], all[1]
	if len(failed.Errors) == 0 {
		failed, answered = answered, failed
	}
	if len(failed.Errors) != 1 || failed.Errors[0].Message != "internal error" ||
		answered.Data["__typename"] != "Query" {
		t.Errorf("%v", all)
	}
}
