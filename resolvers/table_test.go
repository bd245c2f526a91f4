package resolvers_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

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
		query := operation{schema, random, map[string]string{}, 0}.write()
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

// operation writes a random operation of lists.
type operation struct {
	schema    *ast.Schema
	random    *rand.Rand
	fragments map[string]string
	depth     int
}

func (o operation) write() string {
	lists := []string{
		"bounces(" + o.window() + ", first: %d)|BounceConnection", "emails(" + o.window() + ", last: %d)|EmailConnection",
		"blockedEmails(" + o.window() + ", first: %d, filter: {domain: \"example1.com\"})|BlockedEmailConnection",
		"senders(" + today + ", first: %d)|SenderConnection", "senders(" + today + ", first: %d, userId: 21)|SenderConnection", "users(" + today + ", first: %d)|UserConnection",
		"stats(" + o.window() + ")|Stats",
	}
	var b strings.Builder
	b.WriteString("query($yes: Boolean!, $no: Boolean!) { __typename @include(if: $yes) @skip(if: $no)")
	for i := range 1 + o.random.IntN(2) {
		field, of, _ := strings.Cut(lists[o.random.IntN(len(lists))], "|")
		if strings.Contains(field, "%d") {
			field = fmt.Sprintf(field, o.random.IntN(40))
		}
		fmt.Fprintf(&b, " r%d: %s %s", i, field, o.selection(of))
	}
	b.WriteString(" }")
	for _, name := range slices.Sorted(maps.Keys(o.fragments)) {
		fmt.Fprintf(&b, " fragment %s on %s", name, o.fragments[name])
	}
	return b.String()
}

func (o operation) window() string {
	return []string{
		today, `window: {last: "PT12H"}`,
		`window: {between: {start: 1479780000, end: 1479830000}}`, `window: {between: {start: 1479790000, end: 1479830000}}`,
	}[o.random.IntN(4)]
}

// selection writes a random selection on a type: fields in any order, under
// aliases, twice, in fragments, skipped.
func (o operation) selection(name string) string {
	t := o.schema.Types[name]
	o.depth++
	var b strings.Builder
	b.WriteString("{ __typename")
	for range 1 + o.random.IntN(7) {
		f := t.Fields[o.random.IntN(len(t.Fields))]
		of := o.schema.Types[f.Type.Name()]
		if strings.HasSuffix(of.Name, "Connection") && (o.depth > 2 || o.random.IntN(20) > 0) || of.IsCompositeType() && o.depth > 5 {
			continue
		}
		// An alias says the field and its arguments, so that equal aliases merge.
		text, alias := f.Name, ""
		switch {
		case f.Name == "series":
			interval := []string{"DAY", "HOUR"}[o.random.IntN(2)]
			text, alias = "series(interval: "+interval+")", "series"+interval
		case f.Arguments.ForName("window") != nil:
			w := o.window()
			text, alias = f.Name+"("+w+")", fmt.Sprintf("%s%d", f.Name, len(w)*31+int(w[len(w)/2])+strings.Count(w, "9")*7)
		case o.random.IntN(4) == 0:
			alias = "a" + strings.ToUpper(f.Name)
		}
		if alias != "" {
			text = alias + ": " + text
		}
		if o.random.IntN(8) == 0 {
			text += []string{" @include(if: $yes)", " @include(if: $no)", " @skip(if: $yes)", " @skip(if: $no)"}[o.random.IntN(4)]
		}
		if of.IsCompositeType() {
			text += " " + o.selection(of.Name)
		}
		switch o.random.IntN(10) {
		case 0:
			text = "... on " + name + " { " + text + " }"
		case 1:
			text = "... { " + text + " }"
		case 2:
			fragment := fmt.Sprintf("f%d", len(o.fragments))
			o.fragments[fragment] = name + " { " + text + " }"
			text = "..." + fragment
		case 3:
			if t.Interfaces != nil {
				text += " ... on Node { id }"
			}
		}
		b.WriteString(" " + text)
	}
	return b.String() + " }"
}
