package graph_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/internal/auth"
	"deliverygraph/resolvers"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/upstream"
	"deliverygraph/upstream/upstreamtest"
)

// endpoint is the GraphQL endpoint over an API in memory, whose calls can be made to fail.
type endpoint struct {
	http.Handler
	api *upstreamtest.Counting
	log *bytes.Buffer
}

func newEndpoint(o graph.Options) endpoint {
	e := endpoint{api: &upstreamtest.Counting{API: upstreamtest.NewModel(upstreamtest.Sample())}, log: &bytes.Buffer{}}
	o.Extensions = []graph.Extension{loaders.Extension{
		API: func(context.Context) upstream.Asker { return e.api },
		Now: upstreamtest.SampleDay.UTC,
	}}
	o.Logger = slog.New(slog.NewTextHandler(e.log, nil))
	h := graph.NewHandler(generated.NewExecutableSchema(resolvers.Schema()), o)
	e.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.ServeHTTP(w, r.WithContext(auth.With(r.Context(), auth.Anyone())))
	})
	return e
}

// failing makes calls fail whose path begins with a prefix.
func (e endpoint) failing(path string, err error) endpoint {
	e.api.Before = func(_ context.Context, call string) error {
		if strings.HasPrefix(call, path) {
			return err
		}
		return nil
	}
	return e
}

const window = `window: {between: {start: "2016-11-22T00:00:00Z", end: "2016-11-23T00:00:00Z"}}`

// answer is an HTTP answer with a GraphQL response.
type answer struct {
	status int
	header http.Header
	body   string
	fields map[string]json.RawMessage
	data   any
	errors []answerError
}

type answerError struct {
	Message    string
	Path       []any
	Locations  []struct{ Line, Column int }
	Extensions map[string]any
}

func (e answerError) code() string { return fmt.Sprint(e.Extensions["code"]) }

// request is an HTTP request that can be sent repeatedly.
type request struct {
	method, url, body string
	headers           []string // names and values in turn
}

func post(body string, headers ...string) request {
	return request{http.MethodPost, "/graphql", body, append([]string{"Content-Type", "application/json"}, headers...)}
}

func get(query string, headers ...string) request {
	return request{http.MethodGet, "/graphql?" + query, "", headers}
}

func (e endpoint) do(t testing.TB, q request) answer {
	t.Helper()
	return e.doIn(t.Context(), t, q)
}

// record sends a request and returns the response as it came.
func (e endpoint) record(ctx context.Context, q request) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, q.method, q.url, strings.NewReader(q.body))
	for i := 0; i < len(q.headers); i += 2 {
		if q.headers[i+1] == "" {
			r.Header.Del(q.headers[i])
			continue
		}
		r.Header.Set(q.headers[i], q.headers[i+1])
	}
	w := httptest.NewRecorder()
	e.ServeHTTP(w, r)
	return w
}

func (e endpoint) doIn(ctx context.Context, t testing.TB, q request) answer {
	t.Helper()
	w := e.record(ctx, q)
	a := answer{status: w.Code, header: w.Header(), body: w.Body.String()}
	if err := json.Unmarshal(w.Body.Bytes(), &a.fields); err != nil {
		t.Fatalf("status %d, and the answer is not JSON: %v: %q", a.status, err, a.body)
	}
	var err error
	if raw, ok := a.fields["data"]; ok {
		err = json.Unmarshal(raw, &a.data)
	}
	if raw, ok := a.fields["errors"]; ok {
		err = errors.Join(err, json.Unmarshal(raw, &a.errors))
	}
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// ask sends an operation as a plain POST.
func (e endpoint) ask(t testing.TB, query string, variables string) answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": json.RawMessage(orNull(variables))})
	if err != nil {
		t.Fatal(err)
	}
	return e.do(t, post(string(body), "Accept", mediaNew))
}

func orNull(s string) string {
	if s == "" {
		return "null"
	}
	return s
}
