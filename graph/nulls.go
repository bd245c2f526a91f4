package graph

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// A variable with a default value may stand where null is not allowed, although its value may still be null (GraphQL
// specification, 5.8.5). If it is, a field whose argument it is in fails when it is executed (6.4.1). gqlgen knows
// nothing of this: it reads null as the zero value of the argument, and panics over @skip and @include.

// nullPlaces are the places of a document where null is not allowed and a variable may give it, by what they are an
// argument of.
type nullPlaces struct {
	fields     map[*ast.Field][]nullPlace
	directives map[*ast.Directive][]nullPlace
}

type nullPlace struct {
	variable string
	argument string // or a part of it, such as "window.between.start"
}

// nullPlacesOf gives the places of a valid document. It also makes variables in the document forget their definitions:
// gqlparser leaves those of the last operation there, but a fragment may be used by several, and the variables of an
// operation that runs hold their default values.
func nullPlacesOf(doc *ast.QueryDocument) nullPlaces {
	n := nullPlaces{map[*ast.Field][]nullPlace{}, map[*ast.Directive][]nullPlace{}}
	nullable := map[string]bool{}
	for _, op := range doc.Operations {
		for _, v := range op.VariableDefinitions {
			nullable[v.Variable] = nullable[v.Variable] || !v.Type.NonNull
		}
	}
	for _, op := range doc.Operations {
		n.collect(op.SelectionSet, nullable)
	}
	for _, f := range doc.Fragments {
		n.collect(f.SelectionSet, nullable)
	}
	return n
}

func (n nullPlaces) collect(set ast.SelectionSet, nullable map[string]bool) {
	for _, s := range set {
		directives, below := partsOf(s)
		if f, ok := s.(*ast.Field); ok {
			if places := placesIn(f.Arguments, nullable); places != nil {
				n.fields[f] = places
			}
		}
		for _, d := range directives {
			if places := placesIn(d.Arguments, nullable); places != nil {
				n.directives[d] = places
			}
		}
		if _, ok := s.(*ast.FragmentSpread); !ok {
			n.collect(below, nullable)
		}
	}
}

func placesIn(args ast.ArgumentList, nullable map[string]bool) (places []nullPlace) {
	var look func(v *ast.Value, at func() string)
	look = func(v *ast.Value, at func() string) {
		if v.Kind == ast.Variable {
			v.VariableDefinition = nil
			if nullable[v.Raw] && v.ExpectedType != nil && v.ExpectedType.NonNull {
				places = append(places, nullPlace{v.Raw, at()})
			}
		}
		for i, c := range v.Children {
			look(c.Value, func() string {
				if v.Kind == ast.ListValue {
					return at() + "[" + strconv.Itoa(i) + "]"
				}
				return at() + "." + c.Name
			})
		}
	}
	for _, a := range args {
		look(a.Value, func() string { return a.Name })
	}
	return places
}

// null gives the first of some places where a variable gives null.
func null(places []nullPlace, variables map[string]any) *nullPlace {
	for i, p := range places {
		if v, ok := variables[p.variable]; ok && v == nil {
			return &places[i]
		}
	}
	return nil
}

// error is the error of a null. Argument is what messages call the argument.
func (p *nullPlace) error(argument string, where *ast.Position) *gqlerror.Error {
	e := requestError(codeBadUserInput, fmt.Sprintf("%s must not be null, but the variable $%s is",
		excerpt(argument), excerpt(p.variable)))
	set(e, "argument", excerpt(p.argument))
	return placed(e, where)
}

// refusedFields gives the fields that fail if they are executed with these variables; nil is none.
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

// refusedDirective gives an error if a null decides, by @skip, @include or @defer, whether something of an operation is
// selected.
func (n nullPlaces) refusedDirective(op *ast.OperationDefinition, variables map[string]any) *gqlerror.Error {
	if len(n.directives) == 0 {
		return nil
	}
	spread := map[*ast.FragmentDefinition]bool{}
	var look func(ast.SelectionSet) *gqlerror.Error
	look = func(set ast.SelectionSet) *gqlerror.Error {
		for _, s := range set {
			directives, below := partsOf(s)
			excluded := false
			for _, d := range directives {
				if p := null(n.directives[d], variables); p != nil {
					return p.error(fmt.Sprintf("@%s(%s:)", d.Name, p.argument), d.Position)
				}
				excluded = excluded || excludes(d, variables)
			}
			if f, ok := s.(*ast.FragmentSpread); ok && !excluded {
				excluded, spread[f.Definition] = spread[f.Definition], true
			}
			if excluded {
				continue
			}
			if err := look(below); err != nil {
				return err
			}
		}
		return nil
	}
	return look(op.SelectionSet)
}

// excludes says whether a directive excludes what it is on.
func excludes(d *ast.Directive, variables map[string]any) bool {
	if d.Name != "skip" && d.Name != "include" {
		return false
	}
	on, err := d.Arguments.ForName("if").Value.Value(variables)
	return err == nil && on == (d.Name == "skip")
}

var errNull = errors.New("null where it is not allowed")

// refuseNull fails the fields that a null is given to: around all fields of the operation.
func (x *execution) refuseNull(ctx context.Context, next graphql.Resolver) (any, error) {
	if x.refused[graphql.GetFieldContext(ctx).Field.Field] != nil {
		return nil, errNull
	}
	return next(ctx)
}

// presenter gives what presents the errors of the operation.
func (x *execution) presenter() graphql.ErrorPresenterFunc {
	if x.refused == nil {
		return present
	}
	return x.present
}

// present is [present] for this operation. Where null is given to a field, its arguments may have been refused before
// the field, in other words.
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
