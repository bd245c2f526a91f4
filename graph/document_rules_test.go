package graph_test

import (
	"strings"
	"testing"

	"deliverygraph/graph"
)

// Long arguments in a fragment are compared wherever it is spread, but not written out each time.
func TestLongArgumentsAreWrittenOutOnce(t *testing.T) {
	long := "bounces(" + window + ", filter: {xHeaders: [" + strings.Repeat(`{name: "X-A", value: "b"} `, 400) +
		"]}) { totalCount } "
	fragments := " fragment F on User { " + long + long + "} fragment G on Query {" +
		repeat(40, " a%d: users("+window+") { nodes { ...F } }") + " }"
	allocations := func(operations int) float64 {
		e := newEndpoint(graph.Options{})
		comment := "#"
		return testing.AllocsPerRun(1, func() {
			comment += "#" // the document is not known yet
			a := e.ask(t, "query Q { __typename }"+repeat(operations, " query A%d { ...G }")+fragments+comment, "")
			if len(a.errors) != 1 || !strings.Contains(a.errors[0].Message, "operationName") {
				t.Fatalf("%.300s", a.body)
			}
		})
	}
	if one, more := allocations(1), allocations(11); more > 3*one {
		t.Errorf("%.0f allocations for one operation, %.0f for eleven", one, more)
	}
}
