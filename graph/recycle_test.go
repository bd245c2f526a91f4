package graph_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// gone is the connection of a caller who has left: writes fail, but it goes on reading what it got, as HTTP/2 does
// while it writes a frame of a reset stream.
type gone struct {
	http.ResponseWriter
	given [][]byte
}

func (g *gone) Write(p []byte) (int, error) {
	if g.given = append(g.given, p); len(g.given) == 1 {
		return len(p), nil
	}
	return 0, errors.New("the stream is reset")
}

// The memory of a response that was not sent completely is not reused for another caller.
func TestUnsentResponsesAreNotRecycled(t *testing.T) {
	e := newEndpoint(graph.Options{})
	e.Handler = graph.NewHandler(generated.NewExecutableSchema(resolvers.Schema()),
		graph.Options{Extensions: []graph.Extension{
			loaders.Extension{
				API: func(context.Context) upstream.Asker { return e.api }, Now: upstreamtest.SampleDay.UTC,
			},
			resolvers.Columns(),
		}})
	ask := func(w http.ResponseWriter, alias string) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", strings.NewReader(
			`{"query": "{ `+alias+`: bounces(window: {between: {start: \"2016-11-22T00:00:00Z\", `+
				`end: \"2016-11-23T00:00:00Z\"}}) { nodes { emailId recipient } } }"}`))
		r.Header.Set("Content-Type", "application/json")
		e.ServeHTTP(w, r)
	}
	for range 20 { // reuse depends on chance
		left := &gone{ResponseWriter: httptest.NewRecorder()}
		ask(left, "first")
		var before [][]byte
		for _, p := range left.given {
			before = append(before, bytes.Clone(p))
		}
		ask(httptest.NewRecorder(), "other")
		if len(before) != 2 {
			t.Fatalf("%d writes", len(before))
		}
		for i, p := range left.given {
			if !bytes.Equal(p, before[i]) {
				t.Fatalf("%q became %q", before[i], p)
			}
		}
	}
}
