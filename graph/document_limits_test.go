package graph_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
	"pgregory.net/rapid"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/resolvers"
)

func repeat(n int, format string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}

// nested returns n levels of fields.
func nested(n int) string {
	return "{ users(" + window + ") { nodes " + strings.Repeat("{ senders("+window+") { nodes { user ", (n-3)/3) +
		"{ id }" + strings.Repeat(" } } }", (n-3)/3) + " } }"
}

// chain returns n fragments, each of which spreads the next so many times.
func chain(n, times int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "fragment F%d on Query { %s } ", i, strings.Repeat(fmt.Sprintf("...F%d ", i+1), times))
	}
	return "{ ...F0 } " + b.String() + fmt.Sprintf("fragment F%d on Query { __typename }", n)
}

// A document at a limit is accepted. One over it is refused before anything runs, with the limit, its size and what to
// change.
func TestLimitsOfDocuments(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{
		MaxTokens: 300, MaxDefinitions: 10, MaxDepth: 9, MaxRootFields: 5, MaxFields: 40, MaxAliases: 8,
		MaxDirectives: 6,
	})
	cases := map[string]struct {
		query string
		says  string // of the refusal; "" for none
	}{
		"depth at its limit": {nested(9), ""},
		"too deep":           {nested(12), "12 levels of fields, and at most 9"},
		"too deep by fragments": {
			"{ users(" + window + ") { nodes { ...A } } } fragment A on User { senders(" + window +
				") { nodes { user { ...B } } } } fragment B on User { senders(" + window +
				") { nodes { user { bounces(" + window + ") { totalCount } } } } }",
			"10 levels of fields, and at most 9",
		},
		"root fields at their limit": {"{" + repeat(5, " a%d: __typename") + "}", ""},
		"too many root fields": {
			"{" + repeat(6, " a%d: __typename") + "}", "6 fields at its root, and at most 5",
		},
		"too many root fields apart": {
			"query A {" + repeat(5, " a%d: __typename") +
				"} query B { __typename ... { __typename } ...F ...F } fragment F on Query {" +
				strings.Repeat(" __typename", 4) + "}", `the operation "B" has 6 fields at its root`,
		},
		"fields at their limit": {
			"{ bounces(" + window + ") { nodes {" + strings.Repeat(" id", 38) + "} } }", "",
		},
		"too many fields": {
			"{ bounces(" + window + ") { nodes {" + strings.Repeat(" id", 39) + "} } }",
			"41 fields, counting fragments each time they are spread, and at most 40",
		},
		"too many fields by a fragment": {
			"{ bounces(" + window + ") { nodes { ...F ...F ...F } } } fragment F on Bounce { " +
				strings.Repeat(" id", 15) + "}", "47 fields",
		},
		"aliases at their limit": {
			"{ bounces(" + window + ") { nodes {" + repeat(8, " a%d: id") + "} } }", "",
		},
		"too many aliases": {
			"{ bounces(" + window + ") { nodes {" + repeat(9, " a%d: id") + "} } }", "9 aliases, and at most 8",
		},
		"directives at their limit": {
			"{ __typename" + strings.Repeat(" ... @include(if: true) { __typename }", 3) +
				" ...F @skip(if: false) ...F } fragment F on Query { __typename @skip(if: false) }", "",
		},
		"too many directives": {
			"{ __typename" + strings.Repeat(" @include(if: true)", 7) + " }", "7 directives, and at most 6",
		},
		"definitions at their limit": {chain(8, 1), ""},
		"too many definitions":       {chain(9, 1), "11 operations and fragments, and at most 10"},
		"too many tokens": {
			"{ nodes(ids: [" + strings.Repeat("1 ", 300) + "]) { id } }", "more than 300 tokens",
		},
		"a name that is too long": {
			"{ " + strings.Repeat("a", 300) + " }", `"aaaaaaaaaaaaaaaaaaaa…", is 300 bytes long, and at most 256`,
		},
		"a fragment that spreads itself": {"{ ...F } fragment F on Query { ...F }", `"F" spreads itself`},
		"a fragment in a wide circle": {
			"{ ...A } fragment A on Query { ... { ...B } } fragment B on Query { __typename ...C } " +
				"fragment C on Query { ...A }", `"A" spreads itself, directly or through others`,
		},
		"a circle that nothing asks for": {
			"{ __typename } fragment A on Query { ...B } fragment B on Query { ...A }", `"A" spreads itself`,
		},
		"a circle below fields": {
			"{ users(" + window + ") { nodes { ...A } } } fragment A on User { senders(" + window +
				") { nodes { user { ...A } } } }", `"A" spreads itself`,
		},
		"a fragment that is not there": {"{ ...Nowhere }", `Unknown fragment "Nowhere"`},
		"a fragment that is there twice": {
			"{ ...F } fragment F on Query { __typename } fragment F on Query { __typename }",
			`only one fragment named "F"`,
		},
		"introspection is measured apart": {
			"{ __type(name: \"Bounce\") { fields { type { ofType { ofType { ofType { ofType { ofType { ofType { name " +
				"} } } } } } } } } }", "",
		},
		"introspection that is too deep": {
			"{ __type(name: \"Bounce\") { fields { type " + strings.Repeat("{ ofType ", 17) + "{ name }" +
				strings.Repeat("}", 17) + " } } }", "21 levels of fields in its introspection, and at most 20",
		},
		"one name with different fields": {"{ a: __typename a: bounceCategories { code } }", `Fields "a" conflict`},
		"one name with different argument": {
			"{ users(" + window + ") { a: totalCount } b: users(" + window + ") { nodes { senders(" + window +
				", first: 1) { totalCount } ... on Node { ... on User { senders(" + window +
				", first: 2) { totalCount } } } } } }",
			`Fields "b.nodes.senders" conflict because they have differing arguments`,
		},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			a := e.ask(t, c.query, "")
			if c.says == "" {
				if strings.Contains(a.body, "QUERY_TOO_EXPENSIVE") ||
					a.status != 200 && !strings.Contains(c.query, "query B") {
					t.Errorf("status %d: %s", a.status, a.body)
				}
				return
			}
			if _, ran := a.fields["data"]; ran || a.status != 400 || len(a.errors) == 0 ||
				!strings.Contains(a.errors[0].Message, c.says) {
				t.Fatalf("status %d: %s", a.status, a.body)
			}
			want := "BAD_USER_INPUT"
			if strings.Contains(c.says, "most") || strings.Contains(c.says, "than") ||
				strings.Contains(c.says, " fields") {
				want = "QUERY_TOO_EXPENSIVE"
			}
			if got := a.errors[0].code(); got != want {
				t.Errorf("code %s, want %s", got, want)
			}
		})
	}
}

// Fragments that double each other reach any number of fields in a few lines, so each is measured once.
func TestDoublingFragmentsAreMeasuredOnce(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	for _, n := range []int{25, 200} {
		a := e.ask(t, chain(n, 2), "")
		if len(a.errors) != 1 || a.errors[0].code() != "QUERY_TOO_EXPENSIVE" ||
			!strings.Contains(a.errors[0].Message, "fields, counting fragments each time they are spread") {
			t.Errorf("%d fragments: %s", n, a.body)
		}
	}
	// The end of these has no fields, so the limit on fields does not stop them.
	for field, on := range map[string]string{
		"__schema": "__Schema", `__type(name: "Query")`: "__Type", "viewer": "Viewer",
	} {
		query := strings.NewReplacer("{ ...F0 }", "{ "+field+" { ...F0 } }", "Query {", on+" {",
			"__typename", "...Nowhere").Replace(chain(200, 2))
		a := e.ask(t, query, "")
		if len(a.errors) == 0 || !strings.Contains(a.body, "Unknown fragment") {
			t.Errorf("fragments below %s: %.300s", field, a.body)
		}
	}
}

// The introspection queries of tools pass; queries that select the schema many times over do not.
func TestIntrospectionIsLimited(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	files, err := filepath.Glob("testdata/introspection/*.graphql")
	if err != nil || len(files) < 4 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if a := e.ask(t, string(text), ""); a.status != 200 || len(a.errors) > 0 {
			t.Errorf("%s: status %d, %v", file, a.status, a.errors)
		}
	}
	// again nests selections, with all that a field can have inside.
	again := func(part string, times int) string {
		depth := strings.Count(part, "{") * times
		return "{ " + strings.Repeat(part, times) +
			"fields { name args { name type { name kind ofType { name } } } } " + strings.Repeat("} ", depth) + "}"
	}
	const bomb = "QUERY_TOO_EXPENSIVE"
	for name, c := range map[string]struct{ query, code string }{
		"a type": {`{ __type(name: "Bounce") { name fields { name type { name } } } }`, ""},
		"a type by a variable": {
			`query($n: String!) { __type(name: $n) { name fields { name type { name } } } }`, "",
		},
		"a type that is not there": {`{ __type(name: "Nothing") { fields { name } } }`, ""},
		"two lists of types deep":  {`{ __schema { types { fields { type { interfaces { name } } } } } }`, ""},
		"three lists of types deep": {
			`{ __type(name: "Long") { fields { type { fields { type { fields { name } } } } } } }`, bomb,
		},
		"three lists of all sorts": {
			`{ __type(name: "Long") { possibleTypes { interfaces { inputFields { name } } } } }`, bomb,
		},
		"three lists by fragments": {
			`{ ...R } fragment R on Query { ... { __schema { queryType { ...A } } } } ` +
				`fragment A on __Type { fields { type { ...B } } } fragment B on ` +
				`__Type { fields { type { inputFields { name } } } }`, bomb,
		},
		"graphql-cop's circle": {
			`query cop { __schema { types { fields { type { fields { type { fields { type { fields { type { name } } ` +
				`} } } } } } } } }`, bomb,
		},
		"fields of fields": {
			`{ __schema { types ` + again("fields { args { type { ofType { inputFields { type { ofType { ", 1) + ` ` +
				`a: types ` + again("fields { type { ofType { ", 4) +
				repeat(20, " a%d: types { fields { name type { name ofType { name } } args { name } } }") + ` } }`,
			bomb,
		},
		"fields of fields of a type": {
			`query($n: String!) { __type(name: $n) ` + again("fields { type { ofType { ", 5) + ` }`, bomb,
		},
		"types again and again": {
			`{ __schema {` + repeat(200, " a%d: types { fields { name args { name type { name } } } }") + ` } }`, bomb,
		},
		"possible types of interfaces": {
			`{ __schema { types ` + again("interfaces { possibleTypes { ", 4) + ` } }`, bomb,
		},
		"the schema, at the root of roots": {
			`{ ... { ...R } } fragment R on Query { __schema { queryType ` + again("fields { type { ofType { ", 5) +
				` } }`, bomb,
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := e.ask(t, c.query, `{"n": "Query"}`)
			if c.code == "" && len(a.errors) > 0 ||
				c.code != "" && (len(a.errors) != 1 || a.errors[0].code() != c.code ||
					!strings.Contains(a.errors[0].Message, "introspection")) {
				t.Errorf("status %d: %.500s", a.status, a.body)
			}
		})
	}
}

// With a hidden schema, introspection is refused and messages have no suggestions from it. __typename still works.
func TestHiddenSchemaStaysHidden(t *testing.T) {
	t.Parallel()
	hidden, open := newEndpoint(graph.Options{HideSchema: true}), newEndpoint(graph.Options{})
	for _, q := range []string{
		"{ __schema { queryType { name } } }",
		`{ __typename ...F } fragment F on Query { ... { __type(name: "Bounce") { name } } }`,
	} {
		a := hidden.ask(t, q, "")
		if a.status != 400 || len(a.errors) != 1 || a.errors[0].code() != "FORBIDDEN" ||
			!strings.Contains(a.errors[0].Message, "does not show its schema") {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	}
	if a := hidden.ask(t, "{ __typename bounceCategories { __typename } }", ""); len(a.errors) > 0 {
		t.Error(a.body)
	}
	for query, meant := range map[string]string{
		"{ bounceCategorie { code } }":                                       "bounceCategories",
		"{ bounces(windw: {last: \"P1D\"}) { totalCount } }":                 "window",
		"{ bounces(" + window + ") }":                                        "{ ... }",
		"{ node(id: \"1\") { recipient } }":                                  "Bounce",
		"{ bounces(" + window + ", filter: {typ: HARD}) { totalCount } }":    "xHeaders",
		"{ bounces(" + window + ", filter: {type: HARDER}) { totalCount } }": "SOFT",
	} {
		for e, shown := range map[*endpoint]bool{&hidden: false, &open: true} {
			a := e.ask(t, query, "")
			said := false
			for _, err := range a.errors {
				said = said || strings.Contains(err.Message, meant)
			}
			if len(a.errors) == 0 || said != shown && !strings.Contains(query, "windw") {
				t.Errorf("%s: hidden %v: %s", query, !shown, a.body)
			}
		}
	}
}

// Overlapping fields are accepted and refused as by the library's rule, which compares all pairs.
func TestOverlappingFieldsAreJudgedAsByTheLibrary(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	schema := generated.NewExecutableSchema(resolvers.Schema()).Schema()
	row := []string{
		"id", "a: id", "a: userId", "b: userId", "a: senderId", "__typename", "b: __typename", "a: recipient",
		"a: xHeaders { name }", "a: xHeaders { name: value }", "user { id }", "user { a: id }",
		"user { a: userId ...U }", "sender { a: id }", "sender { a: address }",
	}
	leaves := map[string][]string{
		"Bounce": row, "Email": append([]string{"a: delivered", "b: delivered"}, row...),
		"BlockedEmail": append([]string{"a: reason"}, row...),
		"Sender":       {"id", "a: id", "a: address", "user { a: id }", "a: userId", "b: userId"},
		"User":         {"id", "a: userId", "...U"}, "Node": {"id", "a: id", "a: __typename"},
	}
	selection := func(t *rapid.T) string {
		b := strings.Builder{}
		b.WriteString("__typename ")
		for range rapid.IntRange(0, 3).Draw(t, "parts") {
			typ := rapid.SampledFrom([]string{"Bounce", "Email", "BlockedEmail", "Sender", "User", "Node"}).Draw(t,
				"type")
			fields := rapid.SliceOfN(rapid.SampledFrom(leaves[typ]), 1, 2).Draw(t, "fields")
			b.WriteString("... on " + typ + " { " + strings.Join(fields, " ") + " } ")
		}
		if rapid.Bool().Draw(t, "spread") {
			b.WriteString("...N ")
		}
		return b.String()
	}
	both := [2]int{}
	judge := func(rt *rapid.T) {
		query := `{ other: node(id: "3") { ...N ... on User { ...U } } node(id: "1") { ` + selection(rt) +
			` } node(id: "` + rapid.SampledFrom([]string{"1", "1", "1", "2"}).Draw(rt, "id") + `") { ` + selection(rt) +
			` } } fragment N on Node { id ` + strings.ReplaceAll(selection(rt), "...N", "") +
			` } fragment U on User { id b: userId }`
		doc, err := parser.ParseQuery(&ast.Source{Input: query})
		if err != nil {
			rt.Fatal(err)
		}
		one := rules.NewRules(rules.OverlappingFieldsCanBeMergedRule)
		want := len(validator.ValidateWithRules(schema, doc, one)) > 0
		a := e.ask(t, query, "")
		got := strings.Contains(a.body, "conflict because")
		if got != want {
			rt.Fatalf("conflict %v, want %v, in %s:\n%s", got, want, query, a.body)
		}
		both[map[bool]int{true: 1}[want]]++
	}
	rapid.Check(t, func(rt *rapid.T) {
		for range 20 { // both kinds should occur even in few cases
			judge(rt)
		}
	})
	t.Logf("documents without and with conflicts: %v", both)
	if both[0] == 0 || both[1] == 0 {
		t.Errorf("documents without and with conflicts: %v", both)
	}
}
