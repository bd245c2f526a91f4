package playground

import (
	"encoding/json"
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/parser"
)

// Tab is an example: a query that the page opens with. The name of the query's first operation is the tab's name.
type Tab struct {
	// Description says in a sentence or two what the query answers. It stands above the query as a comment, and in
	// the list of examples.
	Description string

	// Query is a GraphQL document with at least one operation. All its operations are named.
	Query string

	// Variables is a JSON object, or empty.
	Variables string
}

// example is a tab as the page's script reads it.
type example struct {
	Name        string `json:"name"`
	Description string `json:"description"`
	Query       string `json:"query"`
	Variables   string `json:"variables"`
}

// newExamples checks the tabs, so that a typing error in one stops the start and not a visitor.
func newExamples(tabs []Tab) ([]example, error) {
	examples := make([]example, 0, len(tabs))
	seen := map[string]bool{}
	for i, t := range tabs {
		name, err := operationName(t.Query)
		if err != nil {
			return nil, fmt.Errorf("playground: tab %d: %w", i+1, err)
		}
		if seen[name] {
			return nil, fmt.Errorf("playground: tab %d: a tab before it is called %s too: give each query its own name",
				i+1, name)
		}
		seen[name] = true
		if t.Variables != "" {
			var object map[string]any
			if err := json.Unmarshal([]byte(t.Variables), &object); err != nil || object == nil {
				return nil,
					fmt.Errorf("playground: tab %s: variables: want a JSON object such as {\"first\": 10}, got %.60q",
						name, t.Variables)
			}
		}
		examples = append(examples, example{
			Name: name, Description: t.Description, Query: t.Query, Variables: t.Variables,
		})
	}
	return examples, nil
}

// operationName returns the name of the document's first operation. GraphiQL names a tab by it, and asks which one to
// run by name where there are several.
func operationName(query string) (string, error) {
	document, err := parser.ParseQuery(&ast.Source{Input: query})
	if err != nil {
		return "", fmt.Errorf("query: %w", err)
	}
	for _, operation := range document.Operations {
		if operation.Name == "" {
			return "", fmt.Errorf("query: an operation has no name: write \"query SomeName {…}\"")
		}
	}
	if len(document.Operations) == 0 {
		return "", fmt.Errorf("query: want an operation such as \"query SomeName {…}\", found none")
	}
	return document.Operations[0].Name, nil
}
