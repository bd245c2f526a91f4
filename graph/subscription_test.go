package graph_test

import (
	"fmt"
	"strings"
	"testing"

	"deliverygraph/graph"
)

// Every subscription of a document selects one field, whichever operation runs.
func TestSubscriptionsSelectOneField(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	const condition, second = "is not allowed at the root of a subscription", "must select exactly one field"
	for name, c := range map[string]struct{ selection, says string }{
		"one field":                 {`{ bounces { cursor } }`, ""},
		"one field by another name": {`{ b: bounces { cursor } }`, ""},
		"one field in two parts":    {`{ bounces { cursor } bounces { node { id } } }`, ""},
		"one field of a fragment":   {`{ ...F } fragment F on Subscription { bounces { cursor } }`, ""},
		"one fragment twice": {
			`{ ...F ... { ...F } } fragment F on Subscription { bounces { cursor } }`, "",
		},
		"conditions below it": {
			`{ bounces { cursor @skip(if: true) ... @include(if: true) { node { id } } } }`, "",
		},
		"two names of one field": {`{ a: bounces { cursor } b: bounces { cursor } }`, second},
		"a name and none":        {`{ bounces { cursor } b: bounces { cursor } }`, second},
		"a second one in a fragment": {
			`{ bounces { cursor } ...F } fragment F on Subscription { ... { b: bounces { cursor } } }`, second,
		},
		"__typename":                 {`{ __typename }`, "not __typename"},
		"__typename by another name": {`{ bounces: __typename }`, "not __typename"},
		"__typename in a fragment":   {`{ ...F } fragment F on Subscription { __typename }`, "not __typename"},
		"a skipped field":            {`{ bounces @skip(if: false) { cursor } }`, condition},
		"an included field":          {`{ bounces @include(if: true) { cursor } }`, condition},
		"one of two is skipped": {
			`{ bounces { cursor } b: bounces @skip(if: true) { cursor } }`, condition,
		},
		"a skipped inline fragment": {`{ ... @skip(if: false) { bounces { cursor } } }`, condition},
		"an included spread": {
			`{ ...F @include(if: true) } fragment F on Subscription { bounces { cursor } }`, condition,
		},
		"a skipped field of a fragment": {
			`{ ...F } fragment F on Subscription { bounces @skip(if: false) { cursor } }`, condition,
		},
		"an included fragment of fragments": {
			`{ ...F } fragment F on Subscription { ...G } fragment G on Subscription { ... ` +
				`on Subscription @include(if: true) { bounces { cursor } } }`, condition,
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := e.do(t,
				post(fmt.Sprintf(`{"query": %q, "operationName": "Q"}`,
					"query Q { __typename } subscription S "+c.selection), "Accept", mediaNew))
			if c.says == "" {
				if len(a.errors) > 0 {
					t.Error(a.body)
				}
				return
			}
			if a.status != 400 || len(a.errors) == 0 || !strings.Contains(a.errors[0].Message, c.says) ||
				a.errors[0].code() != "BAD_USER_INPUT" || len(a.errors[0].Locations) != 1 {
				t.Errorf("status %d, want %s: %s", a.status, c.says, a.body)
			}
		})
	}
	a := e.ask(t, `subscription($v: Boolean!) { bounces @skip(if: $v) { cursor } }`, `{"v": false}`)
	if len(a.errors) != 1 || !strings.Contains(a.errors[0].Message, condition) {
		t.Error(a.body)
	}
}
