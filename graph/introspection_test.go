package graph_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"deliverygraph/graph"
)

// Fields of a type that do not apply to its kind are null (GraphQL specification, 4.2.2).
func TestIntrospectionIsNullWhereAKindHasNoSuchField(t *testing.T) {
	t.Parallel()
	e := newEndpoint(graph.Options{})
	a := e.ask(t, `query($deprecated: Boolean) {
		__schema { types {
			...T
			fields { ...Arguments type { ...T ofType { ...T ofType { ...T ofType { ...T } } } } }
			inputFields { type { ...T ofType { ...T } } }
		} }
	}
	fragment Arguments on __Field { args { type { ...T ofType { ...T } } } }
	fragment T on __Type {
		kind f: fields(includeDeprecated: $deprecated) { name } interfaces { name } possibleTypes { name }
		enumValues { name } i: inputFields { name } isOneOf
	}`, "")
	if len(a.errors) > 0 {
		t.Fatal(a.body)
	}
	want := map[string]string{
		"SCALAR":       "",
		"OBJECT":       "f interfaces",
		"INTERFACE":    "f interfaces possibleTypes",
		"ENUM":         "enumValues",
		"INPUT_OBJECT": "i isOneOf",
		"LIST":         "",
		"NON_NULL":     "",
	}
	seen := map[string]bool{}
	var check func(any)
	check = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, e := range v {
				check(e)
			}
		case map[string]any:
			if kind, ok := v["kind"].(string); ok {
				var has []string
				for _, name := range []string{"f", "interfaces", "possibleTypes", "enumValues", "i", "isOneOf"} {
					if v[name] != nil {
						has = append(has, name)
					}
				}
				if got := strings.Join(has, " "); got != want[kind] {
					t.Errorf("a %s has %q, want %q", kind, got, want[kind])
				}
				seen[kind] = true
			}
			for _, e := range v {
				check(e)
			}
		}
	}
	check(a.data)
	if len(seen) != len(want) {
		t.Errorf("only the kinds %v were seen", slices.Sorted(maps.Keys(seen)))
	}
	a = e.ask(t,
		`{ query: __type(name: "Query") { interfaces { name } } window: __type(name: "Window") { isOneOf } `+
			`filter: __type(name: "EmailFilter") { isOneOf } }`, "")
	if got := fmt.Sprint(a.data); got != "map[filter:map[isOneOf:false] query:map[interfaces:[]] "+
		"window:map[isOneOf:true]]" {
		t.Error(got)
	}
}
