package graph_test

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"pgregory.net/rapid"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/resolvers"
)

// Values that the specification allows to coerce are coerced.
func TestInputIsCoerced(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	for name, c := range map[string]struct{ query, variables, data string }{
		"a number for an ID": {
			query: `{ stats(` + window + `, userId: 5000000020) { sent } }`, data: `{"stats":{"sent":1}}`,
		},
		"a string for an ID": {
			query: `{ stats(` + window + `, userId: "5000000020") { sent } }`, data: `{"stats":{"sent":1}}`,
		},
		"a variable's number for an ID": {
			query: `query($u: ID) { stats(` + window + `, userId: $u) { sent } }`, variables: `{"u": 5000000020}`,
			data: `{"stats":{"sent":1}}`,
		},
		"whole numbers with a fraction or exponent": {
			query: `query($n: Int, $f: BounceFilter) { bounces(` + window +
				`, first: $n, filter: $f) { nodes { userId } } }`,
			variables: `{"n": 1e1, "f": {"userId": 5000000020.0}}`,
			data:      `{"bounces":{"nodes":[{"userId":"5000000020"}]}}`,
		},
		"whole numbers in a list": {
			query: `query($ids: [ID!]!) { nodes(ids: $ids) { id } }`, variables: `{"ids": [0.20E2]}`,
			data: `{"nodes":[null]}`,
		},
		"one value for a list": {
			query: `{ bounces(` + window + `, filter: {xHeaders: {name: "x-case", ` +
				`value: "Exact Value"}}) { nodes { userId } } }`, data: `{"bounces":{"nodes":[{"userId":"22"}]}}`,
		},
		"a variable's one value for a list": {
			query: `query($h: [XHeaderInput!]) { bounces(` + window +
				`, filter: {xHeaders: $h}) { nodes { userId } } }`,
			variables: `{"h": {"name": "x-case", "value": "Exact Value"}}`,
			data:      `{"bounces":{"nodes":[{"userId":"22"}]}}`,
		},
		"nulls for what may be left out": {
			query: `{ bounces(` + window + `, filter: null, first: null, after: null, ` +
				`last: null) { nodes { userId } } }`, data: "",
		},
		"variables' nulls for what may be left out": {
			query: `query($f: BounceFilter, $n: Int) { bounces(` + window +
				`, filter: $f, first: $n) { nodes { userId } } }`, variables: `{"f": null, "n": null}`, data: "",
		},
		"variables that are left out": {
			query: `query($f: BounceFilter, $n: Int) { bounces(` + window +
				`, filter: $f, first: $n) { nodes { userId } } }`, data: "",
		},
		"nulls in a filter": {
			query: `query($d: String) { bounces(` + window +
				`, filter: {domain: $d, type: null, xHeaders: null, userId: "5000000020"}) { nodes { userId } } }`,
			data: `{"bounces":{"nodes":[{"userId":"5000000020"}]}}`,
		},
		"moments as numbers and texts": {
			query: `query($a: DateTime!, $b: DateTime!) { stats(window: {between: {start: $a, end: $b}}, ` +
				`userId: "5000000020") { sent } }`, variables: `{"a": 1479792800, "b": "2016-11-22T06:33:21+01:00"}`,
			data: `{"stats":{"sent":1}}`,
		},
		"fractions are rounded up": {
			query: `{ a: stats(window: {between: {start: 1479792799.5, end: 1479792800.5}}, ` +
				`userId: "5000000020") { sent } b: stats(window: {between: {start: 1479792800.5, end: 1479792801}}, ` +
				`userId: "5000000020") { sent } }`, data: "",
		},
		"a variable in an object": {
			query: `query($d: Duration!) { stats(window: {last: $d}) { sent } }`, variables: `{"d": "P1D"}`, data: "",
		},
		"a variable in a list": {
			query: `query($v: String!) { bounces(` + window +
				`, filter: {xHeaders: [{name: "X-Case", value: $v}]}) { nodes { userId } } }`,
			variables: `{"v": "Exact Value"}`, data: `{"bounces":{"nodes":[{"userId":"22"}]}}`,
		},
		"an enum as a variable's text": {
			query: `query($t: BounceType) { bounces(` + window +
				`, filter: {type: $t, userId: "5000000020"}) { nodes { userId } } }`, variables: `{"t": "HARD"}`,
			data: "",
		},
		"a block string": {
			query: "{ bounces(" + window + ", filter: {recipient: \"\"\"large@example.com\"\"\"}) { nodes { " +
				"userId } } }", data: `{"bounces":{"nodes":[{"userId":"5000000020"}]}}`,
		},
		"a whole window as a variable with defaults": {
			query: `query($w: Window! = {between: {start: 1479792800, end: 1479792801}}) { stats(window: $w, ` +
				`userId: "5000000020") { sent } }`, data: `{"stats":{"sent":1}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := e.ask(t, c.query, c.variables)
			if slices.ContainsFunc(a.errors, func(e answerError) bool {
				return !strings.Contains(e.Message, `"20" is not an id`)
			}) && !strings.HasPrefix(name, "fractions") || c.data != "" && string(a.fields["data"]) != c.data {
				t.Errorf("%s", a.body)
			}
		})
	}
}

// Every custom scalar of the schema is checked before anything runs.
func TestEveryCustomScalarIsChecked(t *testing.T) {
	t.Parallel()
	schema := generated.NewExecutableSchema(resolvers.Schema()).Schema()
	e := newEndpoint(graph.Options{})
	seen := 0
	for _, d := range schema.Types {
		if d.Kind != ast.Scalar || d.BuiltIn {
			continue
		}
		seen++
		for _, value := range []string{"{}", "[]", `"words"`, "true"} {
			// The variable is also unused, which is a separate error.
			a := e.ask(t, fmt.Sprintf("query($v: %s = %s) { __typename }", d.Name, value), "")
			if !strings.Contains(a.body, `"argument":"$v"`) {
				t.Errorf("%s takes %s: %s", d.Name, value, a.body)
			}
		}
	}
	if seen < 3 {
		t.Errorf("only %d scalars", seen)
	}
}

// No input causes an internal error or a message in Go's terms.
func TestNoInputIsAnInternalError(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	value := rapid.OneOf(
		rapid.SampledFrom([]string{"null", "true", "HARD", "hard", "{}", "[]", "[null]", "[[]]", "5", "-1", "5.5",
			"1e999", "99999999999999999999", `""`, `"x"`, `"P7D"`, `"2016-11-22T00:00:00Z"`, `{last: "P1D"}`,
			`{last: 5}`, `{between: {start: 1, end: 2}}`, `{between: []}`, `{between: {}}`, `{last: null}`,
			`{name: "X-A", value: "b"}`, `{a: {b: 1e999}}`, "$v", "[$v]", "{last: $v}", `{userId: $v}`,
			`{xHeaders: [$v]}`}),
		rapid.Map(rapid.StringMatching(`[ -!#-\[\]-~]{0,20}`), func(s string) string { return `"` + s + `"` }),
	)
	json := rapid.SampledFrom([]string{"null", "true", `"HARD"`, "{}", "[]", "[null]", "[[]]", "5", "-1", "5.5",
		"1e999", "99999999999999999999", `""`, `"P7D"`, `{"last": "P1D"}`, `{"last": 5}`,
		`{"between": {"start": 1, "end": 2}}`,
		`{"between": []}`, `{"name": "X-A", "value": "b"}`, `{"a": {"b": 1e999}}`, `{"userId": {}}`, `{"type": 5}`,
		`{"xHeaders": [[{"name": 1}]]}`})
	types := rapid.SampledFrom([]string{
		"Int", "Int!", "String", "ID", "ID!", "[ID!]!", "Boolean", "Window", "Window!", "BounceFilter", "DateTime!",
		"Duration!", "BounceType", "[XHeaderInput!]", "Long", "XHeaderInput!", "[ID!]", "DateTime", "Duration",
		"XHeaderInput",
	})
	defaults := rapid.SampledFrom([]string{
		"", "", "", ` = "x"`, ` = ["x"]`, " = 1", " = true", ` = {last: "P1D"}`, " = HARD",
		` = [{name: "X", value: ""}]`, ` = {name: "X", value: ""}`,
	})
	argument := rapid.SampledFrom([]string{"window", "filter", "first", "after", "last", "before"})
	inGo := regexp.MustCompile(`map\[|interface|json\.|strconv|reflect|\*int|runtime|slice|float64|int64|nil`)
	rapid.Check(t, func(rt *rapid.T) {
		variable := types.Draw(rt, "type")
		fields := []string{
			fmt.Sprintf("bounces(window: %s, %s: %s) { pageInfo { endCursor } }", value.Draw(rt, "window"),
				argument.Draw(rt, "argument"), value.Draw(rt, "value")),
			fmt.Sprintf("nodes(ids: %s) { id }", value.Draw(rt, "ids")),
			fmt.Sprintf("stats(%s, userId: %s, senderId: $v) { sent }", window, value.Draw(rt, "user")),
			fmt.Sprintf("emails(%s, filter: {%s: %s, deliveredOnly: %s}) { totalCount }", window,
				rapid.SampledFrom([]string{"userId", "recipient", "xHeaders", "sender"}).Draw(rt, "field"),
				value.Draw(rt, "in field"), value.Draw(rt, "flag")),
			fmt.Sprintf("bounceCategories @skip(if: %s) { code ... @include(if: %s) { description } }",
				value.Draw(rt, "skip"), value.Draw(rt, "include")),
			fmt.Sprintf("bounceCategories { code @skip(if: $v) } __type(name: %s) { fields(includeDeprecated: $v) "+
				"{ name } }", value.Draw(rt, "name")),
			fmt.Sprintf("stats(window: {between: {start: $v, end: %s}}) { sent }", value.Draw(rt, "end")),
		}
		query := fmt.Sprintf("query($v: %s%s) { %s }", variable, defaults.Draw(rt, "default"),
			rapid.SampledFrom(fields).Draw(rt, "root"))
		a := e.ask(t, query, `{"v": `+json.Draw(rt, "variable")+`}`)
		for _, err := range a.errors {
			if c := err.code(); c != "BAD_USER_INPUT" && c != "NOT_FOUND" {
				rt.Fatalf("%s: %s", query, a.body)
			}
			// A message quotes what it repeats of its input.
			if words := regexp.MustCompile(`"[^"]*"`).ReplaceAllString(err.Message, ""); inGo.MatchString(words) {
				rt.Fatalf("%s: %s", query, err.Message)
			}
			for _, part := range err.Path { // a path in the response, not in the arguments
				if name, ok := part.(string); ok && !regexp.MustCompile(`(^|\W)`+name+`[ (]`).MatchString(query) {
					rt.Fatalf("%s: path %v", query, err.Path)
				}
			}
		}
	})
}
