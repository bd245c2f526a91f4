package graph

import (
	"context"
	"errors"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// A variable with a default value may appear where null is not allowed, although its value may still be null (GraphQL
// specification, 5.8.5). If it is, execution of the field fails (6.4.1). gqlgen does not implement this: it reads null
// as the argument's zero value, and panics over @skip and @include.

// nullPlaces holds the places of a document where a variable may pass null although null is not allowed, by the field
// or directive that has the argument.
type nullPlaces struct {
	fields     map[*ast.Field][]nullPlace
	directives map[*ast.Directive][]nullPlace
}

type nullPlace struct {
	variable string
	argument string // may have a path, such as "window.between.start"
}

// nullPlacesOf returns the places of a valid document. It also removes the definitions from the variables in the
// document: gqlparser leaves those of the last operation there, but several operations may use a fragment, and the
// variables of a running operation already have their default values.
func nullPlacesOf(doc *ast.QueryDocument) nullPlaces {
	n := nullPlaces{map[*ast.Field][]nullPlace{}, map[*ast.Directive][]nullPlace{}}
	nullable := map[string]bool{}
	for _, op := range doc.Operations {
		for _, v := range op.VariableDefinitions {
			nullable[v.Variable] = nullable[v.Variable] || !v.Type.NonNull
		}
	}
	walk(func(s ast.Selection, directives *ast.DirectiveList, _ ast.SelectionSet) bool {
		if f, ok := s.(*ast.Field); ok {
			if places := placesIn(f.Arguments, nullable); places != nil {
				n.fields[f] = places
			}
		}
		for _, d := range *directives {
			if places := placesIn(d.Arguments, nullable); places != nil {
				n.directives[d] = places
			}
		}
		return true
	}, selectionsOf(doc)...)
	return n
}

func placesIn(args ast.ArgumentList, nullable map[string]bool) (places []nullPlace) {
	var look func(v *ast.Value, at string)
	look = func(v *ast.Value, at string) {
		if v.Kind == ast.Variable {
			v.VariableDefinition = nil
			if nullable[v.Raw] && v.ExpectedType != nil && v.ExpectedType.NonNull {
				places = append(places, nullPlace{v.Raw, at})
			}
		}
		for i, c := range v.Children {
			look(c.Value, pathOf(v, at, i))
		}
	}
	for _, a := range args {
		look(a.Value, a.Name)
	}
	return places
}

// null returns the first of the places whose variable is null, or nil.
func null(places []nullPlace, variables map[string]any) *nullPlace {
	for i, p := range places {
		if v, ok := variables[p.variable]; ok && v == nil {
			return &places[i]
		}
	}
	return nil
}

// error returns the error for a null. Messages call the argument argument.
func (p *nullPlace) error(argument string, where *ast.Position) *gqlerror.Error {
	e := requestError(codeBadUserInput, fmt.Sprintf("%s must not be null, but the variable $%s is",
		excerpt(argument), excerpt(p.variable)))
	set(e, "argument", excerpt(p.argument))
	return placed(e, where)
}

// refusedFields returns the fields that fail when executed with these variables; nil for none.
func (n nullPlaces) refusedFields(variables map[string]any) (refused map[*ast.Field]*nullPlace) {
	for f, places := range n.fields {
		if p := null(places, variables); p != nil {
			if refused == nil {
				refused = map[*ast.Field]*nullPlace{}
			}
			refused[f] = p
		}
	}
	return refused
}

// refusedDirective returns an error if a null decides through @skip, @include or @defer whether a part of an operation
// is selected.
func (n nullPlaces) refusedDirective(op *ast.OperationDefinition, variables map[string]any) (err *gqlerror.Error) {
	if len(n.directives) == 0 {
		return nil
	}
	walk(func(_ ast.Selection, directives *ast.DirectiveList, _ ast.SelectionSet) bool {
		excluded := false
		for _, d := range *directives {
			if p := null(n.directives[d], variables); p != nil && err == nil {
				err = p.error(fmt.Sprintf("@%s(%s:)", d.Name, p.argument), d.Position)
			}
			excluded = excluded || excludes(d, variables)
		}
		return !excluded && err == nil
	}, op.SelectionSet)
	return err
}

// excludes reports whether a directive excludes its selection.
func excludes(d *ast.Directive, variables map[string]any) bool {
	if d.Name != "skip" && d.Name != "include" {
		return false
	}
	on, err := d.Arguments.ForName("if").Value.Value(variables)
	return err == nil && on == (d.Name == "skip")
}

var errNull = errors.New("null where it is not allowed")

// refuseNull wraps all fields of the operation and fails those that get a null.
func (x *execution) refuseNull(ctx context.Context, next graphql.Resolver) (any, error) {
	if x.refused[graphql.GetFieldContext(ctx).Field.Field] != nil {
		return nil, errNull
	}
	return next(ctx)
}

// presenter returns the function that presents the operation's errors, as many as are shown.
func (x *execution) presenter() graphql.ErrorPresenterFunc {
	return func(ctx context.Context, err error) *gqlerror.Error { return x.record.keep(x.present(ctx, err)) }
}

// present is like the function [present], but gives fields that get a null their own error: gqlgen may have refused the
// field's arguments first, with another message.
func (x *execution) present(ctx context.Context, err error) *gqlerror.Error {
	if fc := graphql.GetFieldContext(ctx); fc != nil {
		if p := x.refused[fc.Field.Field]; p != nil {
			e := p.error(p.argument, fc.Field.Position)
			e.Path = fc.Path()
			return e
		}
	}
	return present(ctx, err)
}
