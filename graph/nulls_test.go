package graph_test

import (
	"fmt"
	"net/http"
	"testing"

	"deliverygraph/graph"
)

// A variable with a default value may appear where null is not allowed. If its value is null, the operation is refused;
// without a value it has its default.
func TestNullVariableIsRefusedWhereNullIsNotAllowed(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	for name, query := range map[string]string{
		"an ID":           `query($v: ID = "x") { n: node(id: $v) { id } }`,
		"an element":      `query($v: ID = "x") { nodes(ids: ["y", $v]) { id } }`,
		"an enum":         `query($v: Interval = DAY) { stats(` + window + `) { series(interval: $v) { sent } } }`,
		"an input object": `query($v: Window = {last: "P1D"}) { stats(window: $v) { sent } }`,
		"a field of one":  `query($v: DateTime = 1) { stats(window: {between: {start: $v, end: 2}}) { sent } }`,
		"a directive":     `query($v: Boolean = true) { __typename @skip(if: $v) }`,
		"a fragment":      `query($v: ID = "x") { ...F } fragment F on Query { ... { node(id: $v) { id } } }`,
		"two operations": `query($v: ID = "x") { node(id: $v) { id } } ` +
			`query B($v: String) { bounces(` + window + `, filter: {domain: $v}) { nodes { id } } }`,
	} {
		if name == "two operations" {
			query = "query A" + query[len("query"):]
		}
		ask := func(variables string) answer {
			return e.do(t, post(fmt.Sprintf(`{"query": %q, "variables": %s, "operationName": %q}`, query, variables,
				map[bool]string{true: "A"}[name == "two operations"]), "Accept", mediaNew))
		}
		a := ask(`{"v": null}`)
		if a.status != http.StatusBadRequest || len(a.errors) != 1 || a.errors[0].code() != "BAD_USER_INPUT" ||
			a.errors[0].Extensions["argument"] != "$v" {
			t.Errorf("%s: status %d: %s", name, a.status, a.body)
		}
		if a := ask(`{}`); a.status != http.StatusOK {
			t.Errorf("%s, without the variable: status %d: %s", name, a.status, a.body)
		}
	}
	a := e.ask(t, `query($v: String = "a.example") { bounces(`+window+`, filter: {domain: $v}) { nodes { id } } }`,
		`{"v": null}`)
	if len(a.errors) > 0 {
		t.Errorf("null is refused where it is allowed: %s", a.body)
	}
}

// Several operations with the same fragment each use their own default values.
func TestDefaultValuesAreThoseOfTheOperation(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	const query = `query A($v: String) { ...F } query B($v: String = "nowhere.example") { ...F }
		fragment F on Query { bounces(` + window + `, filter: {domain: $v, userId: "5000000020"}) { nodes { userId } } }`
	for operation, data := range map[string]string{
		"A": `{"bounces":{"nodes":[{"userId":"5000000020"}]}}`, "B": `{"bounces":{"nodes":[]}}`,
	} {
		a := e.do(t, post(fmt.Sprintf(`{"query": %q, "operationName": %q}`, query, operation)))
		if string(a.fields["data"]) != data {
			t.Errorf("%s: %s", operation, a.body)
		}
	}
}
