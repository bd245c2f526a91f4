package graph_test

import (
	"testing"

	"deliverygraph/graph"
)

// Any body gets a response in JSON, with data or with a refusal that blames the caller, never with an internal error.
func FuzzPostNeverFailsInternally(f *testing.F) {
	for _, s := range []string{
		typename, `{}`, `[]`, `null`, `{"query": "{"}`,
		`{"query": "{ bounces(window: {last: \"P1D\"}) { nodes { id } } }"}`,
		`{"query": "query($w: Window!) { users(window: $w) { totalCount } }", "variables": {"w": {"last": "P1D"}}}`,
		`{"query": "{ nodes(ids: [1, 2]) { id } }"}`, `{"query": "fragment F on Query { ...F } { ...F }"}`,
		`{"query": "{ __schema { types { name } } }"}`,
		`{"query": "{ stats(window: {between: {start: 1, end: 2}}) { series(interval: DAY) { sent } } }"}`,
		`{"query": "subscription { __typename }"}`, `{"query": "{ __typename @skip(if: $x) }"}`, "\xff",
		`{"query": "\u0000"}`,
	} {
		f.Add(s)
	}
	e := newEndpoint(graph.Options{})
	f.Fuzz(func(t *testing.T, body string) {
		a := e.do(t, post(body, "Accept", mediaNew))
		_, answered := a.fields["data"]
		if a.status >= 500 || answered != (a.status == 200) || !answered && len(a.errors) == 0 {
			t.Errorf("%q: status %d, %s", body, a.status, a.body)
		}
		for _, err := range a.errors {
			if c := err.code(); c != "BAD_USER_INPUT" && c != "NOT_FOUND" && c != "QUERY_TOO_EXPENSIVE" {
				t.Errorf("%q: %+v", body, err)
			}
		}
	})
}
