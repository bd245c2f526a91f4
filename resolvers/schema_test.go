package resolvers_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"

	"deliverygraph/graph/generated"
	"deliverygraph/resolvers"
	"deliverygraph/upstream/upstreamtest"
)

// With data for all types, every field of every type is answered, and __typename is right. The operation is
// built from the schema, so that no field is forgotten.
func TestEveryFieldOfTheSchemaIsAnswered(t *testing.T) {
	t.Parallel()
	g := newGateway(t, upstreamtest.Sample())
	g.limit = 1_000
	g.serve(g.client)
	schema := generated.NewExecutableSchema(resolvers.Schema()).Schema()
	bounce := upstreamtest.Sample().Bounces[1010]
	id := get(g.data(`{ senders(`+today+`, userId: 20) { nodes { id } } }`, nil), "senders", "nodes", 0, "id")
	args := map[string]string{
		"address": fmt.Sprintf("address: %q", bounce.EmailAddress),
		"window":  today, "first": "first: 2", "interval": "interval: DAY", "id": fmt.Sprintf("id: %q", id),
		"ids":       fmt.Sprintf("ids: [%q]", id),
		"by":        "by: [SENDER]",
		"bouncedAt": fmt.Sprintf("bouncedAt: %d", bounce.BounceTime),
		"emailId":   fmt.Sprintf("emailId: %q", bounce.EmailID),
	}
	bounceArgs := fmt.Sprintf(`userId: "%d", senderId: "%d", %s, %s`, bounce.UserID, bounce.SenderID, args["bouncedAt"],
		args["emailId"])
	selected := map[string]bool{}
	whole := map[string]bool{}
	var selection func(d *ast.Definition) string
	selection = func(d *ast.Definition) string {
		switch {
		case d.IsLeafType():
			return ""
		case d.Name == "DeliveryEvent": // its fields are those that all rows have
		case d.IsAbstractType():
			selected[d.Name+".id"] = true
			return " { __typename ... on Sender { senderId } ... on Node { id } }"
		case whole[d.Name]:
			return " { __typename }"
		}
		whole[d.Name] = true
		var b strings.Builder
		b.WriteString(" { __typename")
		for _, f := range d.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			selected[d.Name+"."+f.Name] = true
			b.WriteString(" " + f.Name)
			var given []string
			for _, a := range f.Arguments {
				if text := args[a.Name]; text != "" {
					given = append(given, text)
				}
			}
			if d.Name == "Query" && f.Name == "bounce" {
				given = []string{bounceArgs}
			}
			if len(given) > 0 {
				b.WriteString("(" + strings.Join(given, ", ") + ")")
			}
			b.WriteString(selection(schema.Types[f.Type.Name()]))
		}
		return b.String() + " }"
	}
	data := g.data("query"+selection(schema.Query), nil)
	for _, d := range schema.Types {
		if d.BuiltIn || d.Kind != ast.Object || ofSubscriptions[d.Name] {
			continue
		}
		for _, f := range d.Fields {
			if !strings.HasPrefix(f.Name, "__") && !selected[d.Name+"."+f.Name] {
				t.Errorf("%s.%s was not selected", d.Name, f.Name)
			}
		}
	}
	names := map[string]bool{}
	nullable := []string{"postbackAt", "address", "xHeaders", "rate", "label", "bounce", "blocked", "at"}
	var walk func(v any, at string)
	walk = func(v any, at string) {
		switch v := v.(type) {
		case map[string]any:
			if v["__typename"] == nil {
				t.Errorf("%s has no type", at)
			}
			names[fmt.Sprint(v["__typename"])] = true
			for k, x := range v {
				if x == nil && at != "data.viewer" && !strings.HasSuffix(at, ".rule") &&
					!slices.Contains(nullable, k) {
					t.Errorf("%s.%s is null", at, k)
				}
				walk(x, at+"."+k)
			}
		case []any:
			if len(v) == 0 {
				t.Errorf("%s is empty", at)
			}
			for i, x := range v {
				walk(x, fmt.Sprintf("%s[%d]", at, i))
			}
		}
	}
	walk(data, "data")
	for _, d := range schema.Types {
		if !d.BuiltIn && d.Kind == ast.Object && !names[d.Name] && !ofSubscriptions[d.Name] {
			t.Errorf("no object of type %s", d.Name)
		}
	}
}

// The playground and code generators start with introspection.
func TestSchemaIntrospection(t *testing.T) {
	t.Parallel()
	g := newGateway(t, upstreamtest.Rows{})
	data := g.data(introspection, nil)
	types := map[string]any{}
	for _, d := range list(data, "__schema", "types") {
		types[get(d, "name").(string)] = d
	}
	for _, name := range []string{
		"Query", "User", "Sender", "Bounce", "BounceDetail", "Email", "BlockedEmail", "Stats", "StatsPoint", "Node",
		"PageInfo", "Window", "DateTime", "Duration", "Long", "BounceType", "Interval",
	} {
		if types[name] == nil {
			t.Errorf("there is no %s", name)
		}
	}
	if get(types["Window"], "isOneOf") != true {
		t.Errorf("Window is not a @oneOf: %v", types["Window"])
	}
	if n := len(list(types["Node"], "possibleTypes")); n != 5 {
		t.Errorf("%d types are nodes", n)
	}
	if n := len(list(data, "__type", "fields")); n < 10 {
		t.Errorf("a bounce has %d fields", n)
	}
	if calls := g.called(); len(calls) > 0 {
		t.Errorf("calls: %q", calls)
	}
}

const introspection = `query IntrospectionQuery {
	__schema {
		description queryType { name kind } mutationType { name } subscriptionType { name }
		types { ...FullType }
		directives { name description isRepeatable locations args(includeDeprecated: true) { ...InputValue } }
	}
	__type(name: "Bounce") { fields { name } }
}
fragment FullType on __Type {
	kind name description specifiedByURL isOneOf
	fields(includeDeprecated: true) {
		name description args(includeDeprecated: true) { ...InputValue } type { ...TypeRef }
		isDeprecated deprecationReason
	}
	inputFields(includeDeprecated: true) { ...InputValue }
	interfaces { ...TypeRef }
	enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
	possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue { name description type { ...TypeRef } defaultValue isDeprecated deprecationReason }
fragment TypeRef on __Type {
	kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } }
}
`

// Fragments, aliases and directives do not change the calls or the answer.
func TestFragmentsDoNotChangeCallsOrAnswer(t *testing.T) {
	t.Parallel()
	g := newGateway(t, rowsOfDay(24))
	const plainly = `{ bounces(` + today + `, first: 2) { totalCount nodes { detail { ruleName } } } stats(` + today +
		`) { series(interval: DAY) { sent blocked } } }`
	want := g.data(plainly, nil)
	calls := g.called()
	for name, query := range map[string]string{
		"named fragments": `{ ...Q } fragment Q on Query { bounces(` + today + `, first: 2) { ...C } stats(` +
			today + `) { ...S } } fragment C on BounceConnection { totalCount nodes { ...B } } ` +
			`fragment B on Bounce { detail { ...D } } fragment D on BounceDetail { ruleName } ` +
			`fragment S on Stats { series(interval: DAY) { ...P } } fragment P on StatsPoint { sent blocked }`,
		"inline fragments": `{ ... { bounces(` + today +
			`, first: 2) { ... on BounceConnection { totalCount nodes { ... on Node { ... on Bounce { detail { ... ` +
			`on BounceDetail { ruleName } } } } } } } stats(` + today +
			`) { ... @include(if: true) { series(interval: DAY) { ... on StatsPoint { sent blocked } } } } } }`,
		"fields that merge": `{ bounces(` + today + `, first: 2) { totalCount } bounces(` + today +
			`, first: 2) { nodes { detail { ruleName } } } stats(` + today +
			`) { series(interval: DAY) { sent } } stats(` + today + `) { series(interval: DAY) { blocked } } }`,
		"skipped fields": `query($no: Boolean = false) { bounces(` + today +
			`, first: 2) { totalCount nodes { detail { ruleName fullContent @include(if: $no) } ` +
			`sender @skip(if: true) { address } } } stats(` + today +
			`) { series(interval: DAY) { sent blocked bounced @include(if: false) } } }`,
		"variables and names": `query A($w: Window!, $n: Int) { bounces(window: $w, ` +
			`first: $n) { totalCount nodes { detail { ruleName } } } stats(window: $w) { series(interval: DAY) { ` +
			`sent blocked } } }`,
	} {
		t.Run(name, func(t *testing.T) {
			got := g.data(query, map[string]any{
				"w": map[string]any{
					"between": map[string]any{"start": "2016-11-22T00:00:00Z", "end": "2016-11-23T00:00:00Z"},
				}, "n": 2,
			})
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%v, want %v", got, want)
			}
			if now := g.called(); !slices.Equal(now, calls) {
				t.Errorf("calls %q, want %q", now, calls)
			}
		})
	}
}

// ofSubscriptions are types that no query returns. TestSubscriptionDeliversEachBounceOnce selects them.
var ofSubscriptions = map[string]bool{"Subscription": true, "BounceEvent": true}
