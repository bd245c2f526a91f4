package graph_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"deliverygraph/graph"
)

// The client has left before anything ran.
func TestClientGoneBeforeTheStart(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	ctx, leave := context.WithCancel(t.Context())
	leave()
	if a := e.doIn(ctx, t, post(typename)); string(a.fields["data"]) != "null" || len(a.errors) != 1 {
		t.Error(a.body)
	}
}

// leaving is a client that leaves once it has the first bytes of the response.
type leaving struct {
	*httptest.ResponseRecorder
	leave context.CancelFunc
}

// Write implements [http.ResponseWriter].
func (w leaving) Write(p []byte) (int, error) {
	w.leave()
	return w.ResponseRecorder.Write(p)
}

// Clients may close the connection as soon as they have the response.
func TestClientGoneAfterTheEndDoesNotCancel(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	for _, body := range []string{typename, `{"query": "{ bounceCategories { code } }"}`} {
		ctx, leave := context.WithCancel(t.Context())
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/graphql", strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		e.ServeHTTP(leaving{httptest.NewRecorder(), leave}, r)
	}
	if log := e.log.String(); strings.Count(log, "outcome=ok") != 2 {
		t.Error(log)
	}
}

// The log has one line per operation, without variables, documents and addresses.
func TestLogHasOneLinePerOperation(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	e.ask(t, `query Named($r: String) { bounces(`+window+`, filter: {recipient: $r}) { totalCount } }`,
		`{"r": "someone@example.com"}`)
	log := e.log.String()
	for _, want := range []string{"msg=operation", "name=Named", "outcome=ok", "bytes=28", "duration_ms="} {
		if !strings.Contains(log, want) {
			t.Errorf("no %s in %s", want, log)
		}
	}
	if strings.Contains(log, "someone") || strings.Count(log, "\n") != 1 {
		t.Error(log)
	}
	e.log.Reset()
	e.ask(t, `{ __typename }`, "") // what says nothing is left out
	for _, empty := range []string{"name=", "asked=", "waited_ms=", "errors=", "codes="} {
		if log := e.log.String(); strings.Contains(log, empty) {
			t.Errorf("%s in %s", empty, log)
		}
	}
	e.log.Reset()
	e.ask(t, `{ nothing }`, "")
	if log := e.log.String(); !strings.Contains(log, "errors=1 codes=map[BAD_USER_INPUT:1]") ||
		strings.Count(log, "\n") != 1 {
		t.Error(log)
	}
}
