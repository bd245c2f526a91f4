package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"deliverygraph/graph"
)

// A short query cannot select the schema many times over.
func TestIntrospectionIsLimitedByTheSizeOfItsResponse(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	const types = "types { name fields { name args { name type { name ofType { name } } } } }"
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, " a%d: __schema { %s }", i, types)
		}
		return "{" + b.String() + " }"
	}
	for query, says := range map[string]string{
		"{ __schema { " + types + " } }": "",
		many(20):                         "more than 20000 fields, the limit",
		`{ __type(name: "Query") { fields { type { fields { name type { name } } } } } }`: "",
		"{ __schema { types { possibleTypes { fields { name } } } } }":                    "",
		"{ ...F } fragment F on Query { " + strings.Trim(many(20), "{}") + " }":           "more than 20000 fields",
	} {
		a := e.ask(t, query, "")
		if says == "" && len(a.errors) > 0 || says != "" && (len(a.errors) != 1 ||
			a.errors[0].code() != "QUERY_TOO_EXPENSIVE" || !strings.Contains(a.errors[0].Message, says)) {
			t.Errorf("%s: want %q: %.300s", query, says, a.body)
		}
	}
}
