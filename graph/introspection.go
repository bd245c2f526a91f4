package graph

import (
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// Introspection is answered from memory, but a schema's types refer to each other, so a short query can select the
// schema many times over. The size of the response is therefore estimated before the operation runs.

// introspection is the validation rule that limits introspection: its depth, as graphql-js does, and the size of its
// response. With HideSchema it refuses introspection.
func (d *documents) introspection(on *validator.Events, add validator.AddErrFunc) {
	tooDeep := false
	if !d.o.HideSchema {
		rules.MaxIntrospectionDepth.RuleFunc(on, func(options ...validator.ErrorOption) {
			if tooDeep { // a fragment is visited by itself and wherever it is spread
				return
			}
			tooDeep = true
			add(append(options, func(e *gqlerror.Error) {
				finish(e, codeTooExpensive,
					"the introspection is circular: it nests more than two lists of a type's parts: "+
						"query the schema once, as GraphiQL does, not types of fields of types")
			})...)
		})
	}
	on.OnOperation(func(_ *validator.Walker, op *ast.OperationDefinition) {
		size := 0.0
		for f := range fieldsOf(op.SelectionSet) {
			if !introspects(f) {
				continue
			}
			size += d.fieldsIn(f)
			switch {
			case d.o.HideSchema:
				add(func(e *gqlerror.Error) {
					placed(finish(e, codeForbidden, fmt.Sprintf("%s is disabled: this gateway does not show its schema. "+
						"Ask its operator for the schema as a file", f.Name)), f.Position)
				})
				return
			case size > float64(d.o.MaxIntrospection) && !tooDeep:
				add(func(e *gqlerror.Error) {
					placed(finish(e, codeTooExpensive,
						fmt.Sprintf("the response to the introspection has more than %d fields, the limit: "+
							"query the schema once, as GraphiQL does, not types of fields of types", d.o.MaxIntrospection)),
						f.Position)
				})
				return
			}
		}
	})
}

// fieldsIn estimates how many fields the response has at and below an introspection field. Within the limit of fields
// in a document it takes little time, although it visits a fragment each time it is spread.
func (d *documents) fieldsIn(f *ast.Field) float64 {
	var below func(ast.SelectionSet) float64
	below = func(set ast.SelectionSet) (n float64) {
		for _, s := range set {
			children := below(selectionsOf(s))
			if f, ok := s.(*ast.Field); ok {
				if elements, list := d.elements[f.Name]; list {
					children *= elements
				}
				children++
			}
			n += children
		}
		return n
	}
	return 1 + below(f.SelectionSet)
}

// elementsOf returns the average number of elements of each list in the response to introspection.
func elementsOf(schema *ast.Schema) map[string]float64 {
	sum, types := map[string]float64{}, float64(len(schema.Types))
	arguments := func(args ast.ArgumentDefinitionList) { sum["args"] += float64(len(args)) }
	for _, t := range schema.Types {
		if t.Kind == ast.InputObject {
			sum["inputFields"] += float64(len(t.Fields))
		} else {
			sum["fields"] += float64(len(t.Fields))
		}
		for _, f := range t.Fields {
			arguments(f.Arguments)
		}
		sum["interfaces"] += float64(len(t.Interfaces))
		sum["possibleTypes"] += float64(len(schema.PossibleTypes[t.Name]))
		sum["enumValues"] += float64(len(t.EnumValues))
	}
	for _, d := range schema.Directives {
		arguments(d.Arguments)
	}
	average := map[string]float64{"types": types, "directives": float64(len(schema.Directives))}
	for name, n := range sum {
		average[name] = n / types
	}
	average["args"] = sum["args"] / (sum["fields"] + average["directives"])
	return average
}
