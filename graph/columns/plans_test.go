package columns

import (
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

// The plans of a document, one for each set of conditions of each list, take no more memory than it does.
func TestPlansOfADocumentAreLimited(t *testing.T) {
	t.Parallel()
	p := NewPlans("{ bounces { nodes { id recipient } } }")
	list := &ast.Field{SelectionSet: ast.SelectionSet{&ast.Field{Name: "id"}, &ast.Field{Name: "recipient"}}}
	for i := range uint64(30) {
		p.put(planKey{list, i}, nil)
	}
	if _, first := p.get(planKey{list, 0}); !first || len(p.plans) != len("{ bounces { nodes { id recipient } } }")/2 {
		t.Errorf("%d plans", len(p.plans))
	}
}
