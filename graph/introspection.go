package graph

import (
	"context"
	"fmt"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/introspection"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// Introspection is answered from memory, but a schema's types refer to each other, so a short query can select the
// schema many times over. The fields of the response are therefore counted on the schema itself, up to the limit. The
// count is exact, so no pattern of abuse needs to be known.

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
		c := &schemaCounter{schema: d.schema, most: d.o.MaxIntrospection}
		if first := c.root(op.SelectionSet); first != nil && d.o.HideSchema {
			add(func(e *gqlerror.Error) {
				placed(finish(e, codeForbidden, fmt.Sprintf("%s is disabled: this gateway does not show its schema. "+
					"Ask its operator for the schema as a file", first.Name)), first.Position)
			})
		} else if c.n > c.most && !tooDeep {
			add(func(e *gqlerror.Error) {
				placed(finish(e, codeTooExpensive,
					fmt.Sprintf("the response to the introspection has more than %d fields, the limit: "+
						"query the schema once, as GraphiQL does, not types of fields of types", c.most)),
					first.Position)
			})
		}
	})
}

// asksForSchema reports whether an operation of a document selects __schema or __type.
func asksForSchema(doc *ast.QueryDocument) bool {
	return slices.ContainsFunc(doc.Operations, func(op *ast.OperationDefinition) bool {
		return slices.ContainsFunc(fieldsOf(op.SelectionSet), introspects)
	})
}

// kindsWith lists the kinds of types that have each field of __Type; for others it is null (GraphQL specification,
// 4.2.2).
var kindsWith = map[string][]string{
	"fields":        {"OBJECT", "INTERFACE"},
	"interfaces":    {"OBJECT", "INTERFACE"},
	"possibleTypes": {"INTERFACE", "UNION"},
	"enumValues":    {"ENUM"},
	"inputFields":   {"INPUT_OBJECT"},
	"isOneOf":       {"INPUT_OBJECT"},
}

// typeFields resolves fields of __Type that do not apply to a type's kind to null. gqlgen returns [] or false for them
// (https://github.com/99designs/gqlgen/issues/1867). It wraps all fields of the operation.
func typeFields(ctx context.Context, next graphql.Resolver) (any, error) {
	if fc := graphql.GetFieldContext(ctx); fc.Object == "__Type" {
		kinds := kindsWith[fc.Field.Name]
		if t, ok := fc.Parent.Result.(*introspection.Type); ok && kinds != nil && !slices.Contains(kinds, t.Kind()) {
			return nil, nil
		}
	}
	return next(ctx)
}

// schemaCounter counts the fields in the response to introspection, by the values that gqlgen responds with.
type schemaCounter struct {
	schema  *ast.Schema
	most, n int
}

// root counts what the introspection fields at a query's root select, and returns the first of them.
func (c *schemaCounter) root(set ast.SelectionSet) (first *ast.Field) {
	for _, f := range fieldsOf(set) {
		switch {
		case !introspects(f):
			continue
		case first == nil:
			first = f
		}
		c.n++
		if f.Name == "__schema" {
			c.count(f.SelectionSet, introspection.WrapSchema(c.schema))
		} else {
			c.typed(f, introspection.WrapTypeFromDef(c.schema, c.named(f)))
		}
	}
	return first
}

// named returns the type that __type selects. If a variable names it, that is the type with the most fields.
func (c *schemaCounter) named(f *ast.Field) *ast.Definition {
	name := f.Arguments.ForName("name")
	if name != nil && name.Value.Kind != ast.Variable {
		return c.schema.Types[name.Value.Raw]
	}
	var most *ast.Definition
	for _, t := range c.schema.Types {
		if most == nil || len(t.Fields) > len(most.Fields) {
			most = t
		}
	}
	return most
}

// count counts the fields of a selection on a part of the schema. A spread of no fragment, which another rule refuses,
// counts as a field: fragments that double each other may reach any number of them.
func (c *schemaCounter) count(set ast.SelectionSet, of any) {
	for _, s := range set {
		if c.n > c.most {
			return
		}
		switch s := s.(type) {
		case *ast.Field:
			c.n++
			if len(s.SelectionSet) > 0 {
				c.field(s, of)
			}
		case *ast.InlineFragment:
			c.count(s.SelectionSet, of)
		case *ast.FragmentSpread:
			if s.Definition == nil {
				c.n++
				continue
			}
			c.count(s.Definition.SelectionSet, of)
		}
	}
}

// each counts the fields below a field for each of its parts.
func each[T any](c *schemaCounter, f *ast.Field, parts []T) {
	for i := range parts {
		c.count(f.SelectionSet, &parts[i])
	}
}

// typed counts the fields below a field that returns a type, or null.
func (c *schemaCounter) typed(f *ast.Field, t *introspection.Type) {
	if t != nil {
		c.count(f.SelectionSet, t)
	}
}

// field counts the fields below a field of a part of the schema.
func (c *schemaCounter) field(f *ast.Field, of any) {
	switch of := of.(type) {
	case *introspection.Schema:
		switch f.Name {
		case "types":
			each(c, f, of.Types())
		case "directives":
			each(c, f, of.Directives())
		case "queryType":
			c.typed(f, of.QueryType())
		case "mutationType":
			c.typed(f, of.MutationType())
		case "subscriptionType":
			c.typed(f, of.SubscriptionType())
		}
	case *introspection.Type:
		switch f.Name {
		case "fields":
			each(c, f, of.Fields(true))
		case "inputFields":
			each(c, f, of.InputFields())
		case "interfaces":
			each(c, f, of.Interfaces())
		case "possibleTypes":
			each(c, f, of.PossibleTypes())
		case "enumValues":
			each(c, f, of.EnumValues(true))
		case "ofType":
			c.typed(f, of.OfType())
		}
	case *introspection.Field:
		if f.Name == "args" {
			each(c, f, of.Args)
		} else {
			c.typed(f, of.Type)
		}
	case *introspection.InputValue:
		c.typed(f, of.Type)
	case *introspection.Directive:
		each(c, f, of.Args)
	}
}
