package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"deliverygraph/graph"
)

func TestSubscriptionsSelectOneField(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	const none, two = "exactly one field, and this one selects 0", "exactly one field, and this one selects 2"
	for name, c := range map[string]struct{ selection, says string }{
		"one field":                 {`{ bounces { cursor } }`, "does not support subscriptions"},
		"one field by another name": {`{ b: bounces { cursor } }`, "does not support subscriptions"},
		"one fragment twice": {
			`{ ...F ... { ...F } } fragment F on Subscription { bounces { cursor } }`, "does not support subscriptions",
		},
		"two names of one field": {`{ a: bounces { cursor } b: bounces { cursor } }`, two},
		"a second one in a fragment": {
			`{ bounces { cursor } ...F } fragment F on Subscription { ... { b: bounces { cursor } } }`, two,
		},
		"a skipped field":            {`{ bounces @skip(if: true) { cursor } }`, none},
		"__typename":                 {`{ __typename }`, "must not select an introspection top level field"},
		"__typename by another name": {`{ bounces: __typename }`, "must not select an introspection top level field"},
	} {
		w := e.record(t.Context(),
			post(fmt.Sprintf(`{"query": %q}`, "subscription "+c.selection), "Accept", "text/event-stream"))
		if !strings.Contains(w.Body.String(), c.says) || !strings.Contains(w.Body.String(), "BAD_USER_INPUT") {
			t.Errorf("%s: %s, want %s", name, w.Body, c.says)
		}
	}
}
