package playground_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"

	"deliverygraph/graph/model"
	"deliverygraph/graph/playground"
)

func loadSchema(t *testing.T) *ast.Schema {
	t.Helper()
	files, err := filepath.Glob("../../schema/*.graphql")
	if err != nil || len(files) == 0 {
		t.Fatalf("no schema: %v", err)
	}
	var sources []*ast.Source
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		sources = append(sources, &ast.Source{Name: file, Input: string(text)})
	}
	schema, err := gqlparser.LoadSchema(sources...)
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

func TestExamplesFitTheSchemaAndCoverItsTypes(t *testing.T) {
	t.Parallel()
	schema := loadSchema(t)
	seen := map[string]bool{}
	for _, tab := range playground.Examples() {
		document, err := gqlparser.LoadQueryWithRules(schema, tab.Query, rules.NewDefaultRules())
		if err != nil {
			t.Errorf("%s\n%v", tab.Query, err)
			continue
		}
		operation := document.Operations[0]
		if tab.Description == "" {
			t.Errorf("%s has no description", operation.Name)
		}
		var variables map[string]any
		if tab.Variables != "" {
			if err := json.Unmarshal([]byte(tab.Variables), &variables); err != nil {
				t.Errorf("%s: %v", operation.Name, err)
			}
		}
		if _, err := validator.VariableValues(schema, operation, variables); err != nil {
			t.Errorf("%s: %v", operation.Name, err)
		}
		collectTypes(operation.SelectionSet, seen)
	}
	for name, definition := range schema.Types {
		isFrame := strings.HasSuffix(name, "Edge") || strings.HasPrefix(name, "__") || name == "Query" ||
			name == "Subscription"
		if strings.HasPrefix(name, "Message") { // found only by email ids, which differ in demo data of each day
			continue
		}
		if definition.Kind == ast.Object && !isFrame && !seen[name] {
			t.Errorf("no example selects a field of %s", name)
		}
	}
}

// collectTypes records the types whose fields are selected.
func collectTypes(selections ast.SelectionSet, seen map[string]bool) {
	for _, selection := range selections {
		switch s := selection.(type) {
		case *ast.Field:
			seen[s.ObjectDefinition.Name] = true
			collectTypes(s.SelectionSet, seen)
		case *ast.InlineFragment:
			collectTypes(s.SelectionSet, seen)
		case *ast.FragmentSpread:
			collectTypes(s.Definition.SelectionSet, seen)
		}
	}
}

// The id in the example with a node is that of the user that its description names.
func TestTheExamplesIdIsThatOfUser21(t *testing.T) {
	t.Parallel()
	want := model.NodeID{Type: model.UserNode, UserID: 21}.String()
	for _, tab := range playground.Examples() {
		if strings.Contains(tab.Query, "node(id:") && !strings.Contains(tab.Variables, `"`+want+`"`) {
			t.Errorf("the example requests %s, want the id of user 21, %q", tab.Variables, want)
		}
	}
}
