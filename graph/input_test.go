package graph_test

import (
	"strings"
	"testing"

	"deliverygraph/graph"
)

// A value of the wrong type, as a literal or in a variable, is refused before anything runs, with its place and the
// right type.
func TestInputOfTheWrongTypeIsRefused(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	const bounces = "query($w: Window!, $f: BounceFilter, $n: Int, $s: String) { bounces(window: $w, filter: $f, " +
		"first: $n, after: $s) { totalCount } }"
	const sound = `{"last": "P1D"}`
	cases := map[string]struct {
		query, variables string
		argument, says   string
	}{
		// Literals.
		"oneOf with nothing": {
			query: `{ bounces(window: {}) { totalCount } }`, argument: "window", says: "exactly one of between, last",
		},
		"oneOf with both": {
			query: `{ bounces(window: {last: "P1D", between: {start: 1, end: 2}}) { totalCount } }`, argument: "window",
			says: "exactly one",
		},
		"oneOf with one and a null": {
			query: `{ bounces(window: {last: "P1D", between: null}) { totalCount } }`, argument: "window",
			says: "exactly one",
		},
		"oneOf with a null": {
			query: `{ bounces(window: {last: null}) { totalCount } }`, argument: "window", says: "exactly one",
		},
		"oneOf with a nullable variable": {
			query: `query($d: Duration) { bounces(window: {last: $d}) { totalCount } }`, says: "non-nullable",
		},
		"null for non-null": {
			query: `{ bounces(window: null) { totalCount } }`, argument: "window", says: "must not be null",
		},
		"null deeper for non-null": {
			query:    `{ bounces(window: {between: {start: null, end: 1}}) { totalCount } }`,
			argument: "window.between.start", says: "must not be null",
		},
		"an argument that is missing": {query: `{ bounces { totalCount } }`, says: "window"},
		"a field that is missing": {
			query: `{ bounces(window: {between: {start: 1}}) { totalCount } }`, argument: "window.between.end",
			says: "is missing",
		},
		"a field that is not there": {
			query: `{ bounces(window: {last: "P1D"}, filter: {kind: HARD}) { totalCount } }`, argument: "filter.kind",
			says: "which has userId,",
		},
		"an enum value that is not there": {
			query: `{ bounces(window: {last: "P1D"}, filter: {type: FIRM}) { totalCount } }`, argument: "filter.type",
			says: "one of HARD, SOFT",
		},
		"an enum in lower case": {
			query: `{ bounces(window: {last: "P1D"}, filter: {type: hard}) { totalCount } }`, argument: "filter.type",
			says: "one of HARD, SOFT",
		},
		"an enum as a string": {
			query: `{ bounces(window: {last: "P1D"}, filter: {type: "HARD"}) { totalCount } }`, argument: "filter.type",
			says: "one of HARD, SOFT",
		},
		"an enum as an object": {
			query: `{ bounces(window: {last: "P1D"}, filter: {type: {}}) { totalCount } }`, argument: "filter.type",
			says: "one of HARD, SOFT",
		},
		"a string for an Int": {
			query: `{ bounces(window: {last: "P1D"}, first: "5") { totalCount } }`, argument: "first",
			says: "32-bit integer",
		},
		"an object for an Int": {
			query: `{ bounces(window: {last: "P1D"}, first: {}) { totalCount } }`, argument: "first",
			says: "32-bit integer",
		},
		"a fraction for an Int": {
			query: `{ bounces(window: {last: "P1D"}, first: 5.0) { totalCount } }`, argument: "first",
			says: "32-bit integer",
		},
		"an Int of 33 bits": {
			query: `{ bounces(window: {last: "P1D"}, first: 2147483648) { totalCount } }`, argument: "first",
			says: "32-bit integer",
		},
		"an Int of 70 bits": {
			query: `{ bounces(window: {last: "P1D"}, first: 999999999999999999999) { totalCount } }`, argument: "first",
			says: "32-bit integer",
		},
		"a number for a String": {
			query: `{ bounces(window: {last: "P1D"}, after: 5) { totalCount } }`, argument: "after",
			says: "must be a string",
		},
		"an object for a String": {
			query: `{ bounces(window: {last: "P1D"}, filter: {domain: {}}) { totalCount } }`, argument: "filter.domain",
			says: "must be a string",
		},
		"a list for a String": {
			query:    `{ bounces(window: {last: "P1D"}, filter: {domain: ["example.com"]}) { totalCount } }`,
			argument: "filter.domain", says: "must be a string",
		},
		"an enum for a String": {
			query:    `{ bounces(window: {last: "P1D"}, filter: {domain: example}) { totalCount } }`,
			argument: "filter.domain", says: "must be a string",
		},
		"a string for a Boolean": {
			query:    `{ emails(window: {last: "P1D"}, filter: {deliveredOnly: "yes"}) { totalCount } }`,
			argument: "filter.deliveredOnly", says: "true or false",
		},
		"an object for an ID": {
			query: `{ node(id: {}) { id } }`, argument: "id", says: "a string or an integer",
		},
		"a Boolean for an ID": {
			query: `{ node(id: true) { id } }`, argument: "id", says: "a string or an integer",
		},
		"a fraction for an ID": {
			query: `{ node(id: 1.5) { id } }`, argument: "id", says: "a string or an integer",
		},
		"a number too large for an ID": {
			query: `{ stats(window: {last: "P1D"}, userId: 99999999999999999999) { sent } }`, argument: "userId",
			says: "write it as a string",
		},
		"a string for an object": {
			query: `{ bounces(window: "P1D") { totalCount } }`, argument: "window",
			says: "an object with fields of Window: between, last",
		},
		"a list for an object": {
			query: `{ bounces(window: [{last: "P1D"}]) { totalCount } }`, argument: "window", says: "an object",
		},
		"a bad element": {
			query: `{ nodes(ids: ["a", null]) { id } }`, argument: "ids[1]", says: "must not be null",
		},
		"a field of an element": {
			query: `{ bounces(window: {last: "P1D"}, filter: {xHeaders: [{name: "X-A", ` +
				`value: 5}]}) { totalCount } }`,
			argument: "filter.xHeaders[0].value", says: "must be a string",
		},
		"a field of an element that is missing": {
			query:    `{ bounces(window: {last: "P1D"}, filter: {xHeaders: {name: "X-A"}}) { totalCount } }`,
			argument: "filter.xHeaders.value", says: "is missing",
		},
		"a Duration of words": {
			query: `{ bounces(window: {last: "a week"}) { totalCount } }`, argument: "window.last",
			says: `"a week" is not a duration`,
		},
		"a Duration of a number": {
			query: `{ bounces(window: {last: 7}) { totalCount } }`, argument: "window.last", says: "ISO 8601",
		},
		"a Duration of an object": {
			query: `{ bounces(window: {last: {days: 99999999999999999999}}) { totalCount } }`, argument: "window.last",
			says: "ISO 8601",
		},
		"a DateTime of words": {
			query:    `{ bounces(window: {between: {start: "now", end: 5}}) { totalCount } }`,
			argument: "window.between.start", says: "RFC 3339",
		},
		"a DateTime of 70 bits": {
			query:    `{ bounces(window: {between: {start: 99999999999999999999, end: 5}}) { totalCount } }`,
			argument: "window.between.start", says: "not milliseconds",
		},
		"a DateTime beyond all floats": {
			query:    `{ bounces(window: {between: {start: -1e999, end: 5}}) { totalCount } }`,
			argument: "window.between.start", says: "years 0 to 9999",
		},
		"a Boolean of a directive": {
			query: `{ __typename @include(if: "yes") }`, argument: "if", says: "true or false",
		},
		"a variable's default": {
			query: `query($n: Int = "5") { bounces(window: {last: "P1D"}, first: $n) { totalCount } }`, argument: "$n",
			says: "32-bit integer",
		},
		"a mistake in a fragment": {
			query:    `query A { ...F } query B { ...F } fragment F on Query { bounces(window: {}) { totalCount } }`,
			argument: "window", says: "exactly one",
		},
		"a variable of another type": {
			query: `query($n: String) { bounces(window: {last: "P1D"}, first: $n) { totalCount } }`, says: "$n",
		},
		"a variable that is not defined": {
			query: `{ bounces(window: {last: "P1D"}, first: $n) { totalCount } }`, says: "$n",
		},
		"a variable that is not used": {query: `query($n: Int) { __typename }`, says: "$n"},
		// Variables.
		"a missing variable": {
			query: bounces, argument: "$w", says: "$w is missing: its type is Window!",
		},
		"a null variable": {
			query: bounces, variables: `{"w": null}`, argument: "$w", says: "$w must not be null",
		},
		"a variable with oneOf's nothing": {
			query: bounces, variables: `{"w": {}}`, argument: "$w", says: "exactly one of between, last",
		},
		"a variable with oneOf's both": {
			query: bounces, variables: `{"w": {"last": "P1D", "between": {"start": 1, "end": 2}}}`, argument: "$w",
			says: "exactly one",
		},
		"a variable with oneOf's both, one null": {
			query: bounces, variables: `{"w": {"last": "P1D", "between": null}}`, argument: "$w", says: "exactly one",
		},
		"a variable with oneOf's null": {
			query: bounces, variables: `{"w": {"last": null}}`, argument: "$w", says: "exactly one",
		},
		"a variable's field that is missing": {
			query: bounces, variables: `{"w": {"between": {"start": 1}}}`, argument: "$w.between.end",
			says: "is missing",
		},
		"a variable's field that is not there": {
			query: bounces, variables: `{"w": {"last": "P1D"}, "f": {"__typename": "x"}}`, argument: "$f.__typename",
			says: "not a field of BounceFilter",
		},
		"a variable's words": {
			query: bounces, variables: `{"w": {"last": "7d"}}`, argument: "$w.last", says: "ISO 8601",
		},
		"a variable's enum in lower case": {
			query: bounces, variables: `{"w": ` + sound + `, "f": {"type": "hard"}}`, argument: "$f.type",
			says: "one of HARD, SOFT",
		},
		"a variable's enum as a number": {
			query: bounces, variables: `{"w": ` + sound + `, "f": {"type": 1}}`, argument: "$f.type",
			says: "one of HARD, SOFT",
		},
		"a variable's string for an Int": {
			query: bounces, variables: `{"w": ` + sound + `, "n": "5"}`, argument: "$n", says: "32-bit integer",
		},
		"a variable's fraction for an Int": {
			query: bounces, variables: `{"w": ` + sound + `, "n": 5.5}`, argument: "$n", says: "32-bit integer",
		},
		"a variable's 33 bits for an Int": {
			query: bounces, variables: `{"w": ` + sound + `, "n": 2147483648}`, argument: "$n", says: "32-bit integer",
		},
		"a variable's list for an Int": {
			query: bounces, variables: `{"w": ` + sound + `, "n": [5]}`, argument: "$n", says: "32-bit integer",
		},
		"a variable's number for a String": {
			query: bounces, variables: `{"w": ` + sound + `, "s": 5}`, argument: "$s", says: "must be a string",
		},
		"a variable's object for a String": {
			query: bounces, variables: `{"w": ` + sound + `, "f": {"domain": {"a": 1}}}`, argument: "$f.domain",
			says: "must be a string",
		},
		"a variable's Boolean for an ID": {
			query: bounces, variables: `{"w": ` + sound + `, "f": {"userId": true}}`, argument: "$f.userId",
			says: "a string or an integer",
		},
		"a variable's fraction for an ID": {
			query: bounces, variables: `{"w": ` + sound + `, "f": {"userId": 21.5}}`, argument: "$f.userId",
			says: "a string or an integer",
		},
		"a variable's string for an object": {
			query: bounces, variables: `{"w": "P1D"}`, argument: "$w", says: "an object with fields of Window",
		},
		"a variable's list for an object": {
			query: bounces, variables: `{"w": [{"last": "P1D"}]}`, argument: "$w", says: "an object",
		},
		"a variable's element": {
			query: `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, variables: `{"ids": ["a", null]}`,
			argument: "$ids[1]", says: "must not be null",
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := e.ask(t, c.query, c.variables)
			if _, ok := a.fields["data"]; ok || a.status != 400 || len(a.errors) != 1 {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			got := a.errors[0]
			argument, _ := got.Extensions["argument"].(string)
			if got.code() != "BAD_USER_INPUT" || got.Extensions["retryable"] != false || argument != c.argument ||
				!strings.Contains(got.Message, c.says) {
				t.Errorf("%s", a.body)
			}
			if c.variables == "" && !strings.HasPrefix(c.argument, "$w") && len(got.Locations) == 0 {
				t.Error("a mistake in the document has no place in it")
			}
			if got.Path != nil {
				t.Errorf("path %v, but nothing ran", got.Path)
			}
		})
	}
	if e.api.Total() != 0 {
		t.Error("something ran")
	}
}
