package resolvers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// Lists that columns answer and lists that the generated code answers are the same
// bytes, with the same errors at the same paths: for random operations, while some
// upstream calls fail.
func TestColumnsAnswerAsTheGeneratedCode(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(120))
	api := &upstreamtest.Counting{API: g.client, Before: func(_ context.Context, call string) error {
		switch {
		case strings.HasPrefix(call, "/bounce/2") && strings.HasSuffix(call, "7@mail6-40"),
			strings.HasPrefix(call, "/blocked-email/counts") && strings.Contains(call, "1479780000"),
			strings.HasPrefix(call, "/email/counts") && strings.Contains(call, "1479790000"):
			return &upstream.Error{Code: upstream.Unavailable, Status: http.StatusServiceUnavailable, Message: "the upstream is overloaded"}
		}
		return nil
	}}
	handler := func(extensions ...graphql.HandlerExtension) http.Handler {
		return graph.NewHandler(generated.NewExecutableSchema(resolvers.Schema()), graph.Options{MaxErrors: 10_000, Extensions: append(extensions,
			loaders.Extension{API: func(context.Context) upstream.API { return api }, Now: now.UTC})})
	}
	columns, reference := handler(resolvers.Columns()), handler()
	schema := generated.NewExecutableSchema(resolvers.Schema()).Schema()
	random := rand.New(rand.NewPCG(1, 2))
	errors, nodes := 0, 0
	for i := range 400 {
		query := operation{schema: schema, random: random, fragments: map[string]string{}, connections: 20, nesting: 2}.write()
		want, wantErrors := answer(t, reference, query)
		got, gotErrors := answer(t, columns, query)
		if !bytes.Equal(want, got) {
			t.Fatalf("operation %d: %s\ngot  %s\nwant %s", i, query, got, want)
		}
		if !slices.Equal(wantErrors, gotErrors) {
			t.Fatalf("operation %d: %s\ngot  %s\nwant %s", i, query, gotErrors, wantErrors)
		}
		errors, nodes = errors+len(gotErrors), nodes+bytes.Count(got, []byte("{"))
	}
	if errors < 100 || nodes < 10_000 {
		t.Errorf("only %d errors and %d objects were compared", errors, nodes)
	}
}

func answer(t *testing.T, h http.Handler, query string) (data json.RawMessage, errors []string) {
	t.Helper()
	body, _ := json.Marshal(map[string]any{"query": query, "variables": map[string]any{"yes": true, "no": false}})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	var resp struct {
		Data   json.RawMessage
		Errors []json.RawMessage
	}
	if err := json.Unmarshal(w.Body.Bytes(), &resp); err != nil || resp.Data == nil {
		t.Fatalf("%s: %v in %s", query, err, w.Body)
	}
	for _, e := range resp.Errors {
		errors = append(errors, string(e))
	}
	slices.Sort(errors)
	return resp.Data, errors
}
