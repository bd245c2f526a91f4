package resolvers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"deliverygraph/upstream/upstreamtest"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
	"deliverygraph/upstream/cached"
)

// Lists answered by columns and by the generated code are the same bytes, with the same errors at the same
// paths. This holds for random operations while some upstream calls fail, and also for repeated ones whose
// plans, cached pages and written text are reused.
func TestColumnsAgreeWithGeneratedCode(t *testing.T) {
	t.Parallel()
	rows := rowsOfDay(120)
	for i := range rows.Bounces { // some need escapes
		if i%5 == 0 {
			rows.Bounces[i].XHeaders = append(rows.Bounces[i].XHeaders, upstream.Header{Name: `X-"`, Value: "a\\b\nc"})
			rows.Bounces[i].Category = `quota "issues"`
		}
	}
	g := newGateway(t, rows)
	api := &upstreamtest.Counting{API: g.client, Before: func(_ context.Context, call string) error {
		switch {
		case strings.HasPrefix(call, "/bounce/2") && strings.HasSuffix(call, "7@mail6-40"),
			strings.HasPrefix(call, "/blocked-email/counts") && strings.Contains(call, "1479780000"),
			strings.HasPrefix(call, "/email/counts") && strings.Contains(call, "1479790000"):
			return &upstream.Error{
				Code: upstream.Unavailable, Status: http.StatusServiceUnavailable,
				Message: "the upstream is overloaded",
			}
		}
		return nil
	}}
	kept, err := cached.New(api, cached.Options{Bytes: cached.DefaultBytes, Fresh: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(kept.Close)
	handler := func(api upstream.Asker, extensions ...graph.Extension) http.Handler {
		return graph.NewHandler(generated.NewExecutableSchema(resolvers.Schema()),
			graph.Options{MaxErrors: 10_000, Extensions: append(extensions,
				loaders.Extension{API: func(context.Context) upstream.Asker { return api }, Now: now.UTC})})
	}
	columns, reference := handler(kept, resolvers.Columns()), handler(api)
	schema := generated.NewExecutableSchema(resolvers.Schema()).Schema()
	seed := uint64(1)
	var until time.Time
	if d, err := time.ParseDuration(os.Getenv("DELIVERYGRAPH_TEST_COLUMNS")); err == nil {
		seed, until = rand.Uint64(), time.Now().Add(d)
		t.Logf("seed %d", seed)
	}
	random := rand.New(rand.NewPCG(seed, 2))
	errors, nodes, i := 0, 0, 0
	for ; i < 30 || nodes < 6_000 && i < 500 || time.Now().Before(until); i++ {
		query := randomOperation{
			schema: schema, random: random, fragments: map[string]string{}, connections: 20, nesting: 2,
			variables: true,
		}.write()
		if i == 0 {
			query = "{"
			for _, list := range []string{"bounces", "emails", "blockedEmails"} {
				query += " " + list + "(" + today + `) { breakdown(by: [DOMAIN, SENDER], top: 20) {
					groups { keys { dimension value label } count share rate } } }`
			}
			query += " }"
		}
		for _, values := range variables {
			want, wantErrors := answer(t, reference, query, values)
			got, gotErrors := answer(t, columns, query, values)
			if !bytes.Equal(want, got) {
				t.Fatalf("seed %d, operation %d: %s\nof %v\ngot  %s\nwant %s", seed, i, query, values, got, want)
			}
			if !slices.Equal(wantErrors, gotErrors) {
				t.Fatalf("seed %d, operation %d: %s\nof %v\ngot  %s\nwant %s", seed, i, query, values, gotErrors,
					wantErrors)
			}
			for range 2 { // the second time is kept, the third shows what was kept
				if again, errors := answer(t, columns, query, values); !bytes.Equal(got, again) ||
					!slices.Equal(gotErrors, errors) {
					t.Fatalf("seed %d, operation %d: %s\nof %v\ngot  %s\nnow %s", seed, i, query, values, got, again)
				}
			}
			errors, nodes = errors+len(gotErrors), nodes+bytes.Count(got, []byte("{"))
		}
	}
	t.Logf("%d operations of %d objects and %d errors", i, nodes, errors)
	if errors < 100 || nodes < 6_000 {
		t.Errorf("only %d errors and %d objects were compared", errors, nodes)
	}
}

func answer(t *testing.T, h http.Handler, query string,
	variables map[string]any) (data json.RawMessage, errors []string) {
	t.Helper()
	body, _ := json.Marshal(map[string]any{"query": query, "variables": variables})
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
