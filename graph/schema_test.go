package graph_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vektah/gqlparser/v2/ast"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/resolvers"
)

// People who explore the API depend on the descriptions.
func TestEverythingInTheSchemaHasADescription(t *testing.T) {
	t.Parallel()
	described := func(what, description string) {
		if len(strings.TrimSpace(description)) < 8 {
			t.Errorf("%s has no description", what)
		}
	}
	arguments := func(owner string, args ast.ArgumentDefinitionList) {
		for _, a := range args {
			described(owner+"("+a.Name+":)", a.Description)
		}
	}
	schema := generated.NewExecutableSchema(resolvers.Schema()).Schema()
	seen := 0
	for _, d := range schema.Types {
		if d.BuiltIn {
			continue
		}
		seen++
		described(d.Name, d.Description)
		for _, f := range d.Fields {
			if strings.HasPrefix(f.Name, "__") {
				continue
			}
			described(d.Name+"."+f.Name, f.Description)
			arguments(d.Name+"."+f.Name, f.Arguments)
		}
		for _, v := range d.EnumValues {
			described(d.Name+"."+v.Name, v.Description)
		}
	}
	for _, d := range schema.Directives {
		if d.Position != nil && d.Position.Src != nil && !d.Position.Src.BuiltIn {
			described("@"+d.Name, d.Description)
			arguments("@"+d.Name, d.Arguments)
		}
	}
	for _, idea := range []string{
		"**Windows.**", "**Connections.**", "**Cost.**", "**Errors.**", "](https://relay.dev/graphql/connections.htm)",
	} {
		if !strings.Contains(schema.Description, idea) {
			t.Errorf("the schema's own description lacks %q", idea)
		}
	}
	a := newEndpoint(graph.Options{}).ask(t, `{ __schema { description } }`, "")
	if want := map[string]any{
		"__schema": map[string]any{"description": schema.Description},
	}; !cmp.Equal(a.data, any(want)) {
		t.Errorf("introspection: %s", a.body)
	}
	if seen < 30 {
		t.Errorf("only %d types of ours were seen", seen)
	}
}
