package graph_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"deliverygraph/graph"
)

// shed reports whether a request was refused because of load.
func shed(a answer) bool {
	return a.status == 503 && a.header.Get("Retry-After") == "1" && len(a.errors) == 1 &&
		a.errors[0].code() == "RATE_LIMITED" && a.errors[0].Extensions["retryable"] == true &&
		a.errors[0].Extensions["retryAfterMs"] == 1000.0 && a.fields["data"] == nil
}

// Operations beyond the limit wait for a second and are then refused with the time to retry after. An operation that
// ends gives up its turn.
func TestOperationsAreLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEndpoint(graph.Options{MaxOperations: 2})
		block := make(chan struct{})
		e.api.Before = func(context.Context, string) error { <-block; return nil }
		answers := make(chan answer, 2)
		for range 2 {
			go func() { answers <- e.ask(t, "{ bounceCategories { code } }", "") }()
		}
		synctest.Wait()
		began := time.Now()
		if a := e.ask(t, "{ __typename }", ""); !shed(a) || time.Since(began) != time.Second {
			t.Errorf("after %v: status %d, %v: %s", time.Since(began), a.status, a.header, a.body)
		}
		waiting := make(chan answer, 1)
		go func() { waiting <- e.ask(t, "{ __typename }", "") }()
		synctest.Wait()
		close(block)
		for range 2 {
			if a := <-answers; a.status != 200 || len(a.errors) > 0 {
				t.Error(a.body)
			}
		}
		if a := <-waiting; a.status != 200 {
			t.Errorf("the one that waited: status %d", a.status)
		}
		for range 5 { // refused ones gave up their turns too
			e.ask(t, "{ nothing }", "")
			e.ask(t, "query($id: ID!) { node(id: $id) { id } }", "")
		}
		if a := e.ask(t, "{ __typename }", ""); a.status != 200 {
			t.Errorf("afterwards: status %d", a.status)
		}
	})
}

// One caller gets at most half of the turns, so that others can run.
func TestOneCallerDoesNotTakeAllTurns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		type name struct{}
		e := newEndpoint(graph.Options{
			MaxOperations: 4, Caller: func(ctx context.Context) string { s, _ := ctx.Value(name{}).(string); return s },
		})
		block := make(chan struct{})
		e.api.Before = func(context.Context, string) error { <-block; return nil }
		as := func(who, query string) answer {
			return e.doIn(context.WithValue(t.Context(), name{}, who), t, post(`{"query": "`+query+`"}`))
		}
		var slow sync.WaitGroup
		for range 2 {
			slow.Go(func() { as("greedy", "{ bounceCategories { code } }") })
		}
		synctest.Wait()
		if a := as("greedy", "{ __typename }"); !shed(a) {
			t.Errorf("a third of its own: status %d: %s", a.status, a.body)
		}
		for range 3 {
			if a := as("other", "{ __typename }"); a.status != 200 {
				t.Errorf("another's: status %d: %s", a.status, a.body)
			}
		}
		close(block)
		slow.Wait()
		if a := as("greedy", "{ __typename }"); a.status != 200 {
			t.Errorf("afterwards: status %d: %s", a.status, a.body)
		}
	})
}

// When a caller leaves, work done only for that caller stops.
func TestWorkStopsWhenItsCallerLeaves(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	begun, stopped := make(chan struct{}), make(chan struct{})
	e.api.Before = func(ctx context.Context, _ string) error {
		close(begun)
		<-ctx.Done()
		close(stopped)
		return ctx.Err()
	}
	s := httptest.NewServer(e)
	defer s.Close()
	ctx, leave := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.URL,
		strings.NewReader(`{"query": "{ bounceCategories { code } }"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	go func() {
		if resp, err := http.DefaultClient.Do(req); err == nil {
			resp.Body.Close()
		}
	}()
	<-begun
	leave()
	<-stopped // otherwise the test would not end
}

// An operation keeps its turn until its last deferred part is made, but not until a slow client has read it.
func TestDeferredPartsKeepTheTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEndpoint(graph.Options{MaxOperations: 1})
		block, out := make(chan struct{}), make(chan struct{})
		e.api.Before = func(context.Context, string) error { <-block; return nil }
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql",
			strings.NewReader(`{"query": "{ __typename ... @defer { bounceCategories { code } } }"}`))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Accept", "multipart/mixed")
		go e.ServeHTTP(&slowWriter{header: http.Header{}, in: make(chan struct{}), out: out}, r)
		synctest.Wait()
		if a := e.ask(t, "{ __typename }", ""); !shed(a) {
			t.Errorf("while the part is being made: status %d: %s", a.status, a.body)
		}
		close(block)
		synctest.Wait()
		if a := e.ask(t, "{ __typename }", ""); a.status != 200 {
			t.Errorf("while the client does not read: status %d: %s", a.status, a.body)
		}
		close(out)
	})
}

// Bodies take room as they arrive, not as announced. Without room requests are refused, and room is given back.
func TestBytesInFlightAreLimited(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{MaxInFlight: 100_000})
	half, full := io.Pipe()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", half)
	r.Header.Set("Content-Type", "application/json")
	r.ContentLength = 500_000
	slow := httptest.NewRecorder()
	done := make(chan struct{})
	go func() { defer close(done); e.ServeHTTP(slow, r) }()
	if _, err := full.Write([]byte(`{"query": "{ __typename }", "variables": {"a": "`)); err != nil {
		t.Fatal(err)
	}
	if a := e.ask(t, "{ __typename }", ""); a.status != 200 {
		t.Errorf("a body that is only announced takes room: status %d", a.status)
	}
	go func() {
		for {
			if _, err := full.Write([]byte(strings.Repeat("a", 500))); err != nil {
				return
			}
		}
	}()
	<-done
	_ = half.Close()
	if slow.Code != 503 {
		t.Errorf("what there is no room for: status %d, %s", slow.Code, slow.Body)
	}
	if a := e.ask(t, "{ __typename }", ""); a.status != 200 {
		t.Errorf("the room is not given back: status %d", a.status)
	}

	// A response takes room until it has been written.
	in, out := make(chan struct{}), make(chan struct{})
	big := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql",
		strings.NewReader(`{"query": "{ bounces(window: {between: {start: \"2016-11-01T00:00:00Z\", `+
			`end: \"2016-12-27T00:00:00Z\"}}, first: 500) { nodes { id emailId`+repeat(6, " a%d: id")+` } } }"}`))
	big.Header.Set("Content-Type", "application/json")
	go e.ServeHTTP(&slowWriter{header: http.Header{}, in: in, out: out}, big)
	<-in
	if a := e.ask(t, "{ __typename }", ""); !shed(a) {
		t.Errorf("status %d: %s", a.status, a.body)
	}
	close(out)
}

// slowWriter is a client that reads slowly.
type slowWriter struct {
	header  http.Header
	in, out chan struct{}
	begun   bool
}

func (w *slowWriter) Header() http.Header { return w.header }
func (w *slowWriter) WriteHeader(int)     {}
func (w *slowWriter) Write(p []byte) (int, error) {
	if !w.begun {
		w.begun = true
		close(w.in)
	}
	<-w.out
	return len(p), nil
}

// Unread responses leave room for other callers. A response without room is refused before it runs, or once it turns
// out to be too large, on every transport.
func TestUnreadResponsesLeaveRoom(t *testing.T) {
	t.Parallel()
	type name struct{}
	var rows atomic.Int64
	e := newEndpoint(graph.Options{
		MaxInFlight: 4_000_000, MaxBatch: 2,
		Caller: func(ctx context.Context) string { s, _ := ctx.Value(name{}).(string); return s },
		Rows:   func(context.Context) int64 { return rows.Load() },
	})
	const all = `window: {between: {start: \"2016-11-01T00:00:00Z\", end: \"2016-12-27T00:00:00Z\"}}`
	large := `bounces(` + all + `, first: 500) { nodes { id emailId` + repeat(3, " a%d: id") + ` } }`
	query := func(q string) string { return `{"query": "` + q + `"}` }
	greedy := context.WithValue(t.Context(), name{}, "greedy")
	as := func(who, q string) answer {
		return e.doIn(context.WithValue(t.Context(), name{}, who), t, post(query(q)))
	}
	size := len(as("", "{"+large+"}").body)
	out := make(chan struct{})
	var stuck sync.WaitGroup
	for taken := 0; taken+size < 4_000_000-taken; taken += size {
		in := make(chan struct{})
		stuck.Go(func() {
			r := httptest.NewRequestWithContext(greedy, http.MethodPost, "/graphql",
				strings.NewReader(query("{"+large+"}")))
			r.Header.Set("Content-Type", "application/json")
			e.ServeHTTP(&slowWriter{header: http.Header{}, in: in, out: out}, r)
		})
		<-in
	}
	if a := as("greedy", "{"+large+"}"); !shed(a) {
		t.Errorf("status %d, %.300s", a.status, a.body)
	}
	for what, q := range map[string]request{
		"a batch": post(`[` + query("{ __typename }") + `, ` + query("{"+large+"}") + `]`),
		"events":  post(query("{"+large+"}"), "Accept", "text/event-stream"),
		"parts": post(query("{ __typename users("+all+") { nodes { ... @defer { bounces("+all+
			", first: 500) { nodes { id emailId "+repeat(100, " a%d: id")+" } } } } } }"), "Accept", "multipart/mixed"),
	} {
		text := e.record(greedy, q).Body.String()
		if !strings.Contains(text, "RATE_LIMITED") || what != "parts" && strings.Contains(text, "emailId") ||
			what != "events" && !strings.Contains(text, `{"__typename":"Query"`) ||
			what == "parts" && !strings.Contains(text, `"hasNext":false`) {
			t.Errorf("%s: %.500s", what, text)
		}
	}
	for who, q := range map[string]string{"greedy": "{ __typename }", "other": "{" + large + "}"} {
		if a := as(who, q); a.status != 200 {
			t.Errorf("%s: status %d, %.300s", who, a.status, a.body)
		}
	}
	rows.Store(1 << 30)
	calls := e.api.Total()
	if a := as("greedy", "{"+large+"}"); !shed(a) || e.api.Total() != calls {
		t.Errorf("many rows: status %d, %d calls", a.status, e.api.Total()-calls)
	}
	close(out)
	stuck.Wait()
	if a := as("greedy", "{"+large+"}"); a.status != 200 {
		t.Errorf("afterwards: status %d, %.300s", a.status, a.body)
	}
}

// The lists of an operation have a limit together, since aliases repeat rows without further calls.
func TestElementsOfListsAreLimited(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{MaxInFlight: 100 * 512, Rows: func(context.Context) int64 { return 101 }})
	bounces := func(lists int) answer {
		return e.ask(t, "{ bounces("+window+") {"+repeat(lists, " a%d: nodes { id }")+" } }", "")
	}
	rows := strings.Count(bounces(1).body, `"id"`)
	fit := 100 / max(1, rows)
	if a := bounces(fit); len(a.errors) > 0 || strings.Count(a.body, `"id"`) != fit*rows || fit == 100 {
		t.Errorf("%d lists of %d rows: %s", fit, rows, a.body)
	}
	a := bounces(fit + 2)
	if len(a.errors) == 0 || strings.Contains(a.body, `"id"`) {
		t.Fatalf("%d lists of %d rows: %s", fit+2, rows, a.body)
	}
	for _, err := range a.errors {
		if err.code() != "QUERY_TOO_EXPENSIVE" || !strings.Contains(err.Message, "more than 100 elements") ||
			len(err.Path) != 2 {
			t.Errorf("%+v", err)
		}
	}
}
