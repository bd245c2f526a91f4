package graph

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
)

// anonymous is the rule that an operation without a name must be the only one of its document (GraphQL specification,
// "Lone Anonymous Operation"). The library's rule reports the same error for each such operation; this one reports it
// once, with all locations.
func anonymous(on *validator.Events, add validator.AddErrFunc) {
	var reported bool
	on.OnOperation(func(w *validator.Walker, op *ast.OperationDefinition) {
		all := w.Document.Operations
		if op.Name != "" || len(all) == 1 || reported {
			return
		}
		reported = true
		add(validator.Message("an operation without a name must be the only one, and this document has %d: "+
			"name each, as in query First { … }, and select one with operationName", len(all)),
			func(e *gqlerror.Error) {
				for _, o := range all {
					if o.Name == "" {
						placed(e, o.Position)
					}
				}
			})
	})
}

// sameNames is the rule that no two operations have the same name (GraphQL specification, "Operation Name Uniqueness").
// The library's rule also counts operations without a name as having the same name.
func sameNames(on *validator.Events, add validator.AddErrFunc) {
	seen := map[string]bool{}
	on.OnOperation(func(_ *validator.Walker, op *ast.OperationDefinition) {
		if op.Name == "" {
			return
		}
		if seen[op.Name] {
			add(validator.Message("There can be only one operation named %q.", excerpt(op.Name)),
				func(e *gqlerror.Error) { placed(e, op.Position) })
		}
		seen[op.Name] = true
	})
}
