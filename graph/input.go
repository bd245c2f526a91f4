package graph

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"

	"deliverygraph/graph/model"
)

// Input is checked as the GraphQL specification requires, literals during validation and variables before anything
// runs, so that no field ever gets a value of the wrong type. gqlgen and gqlparser leave gaps (numbers that overflow,
// objects for scalars, @oneOf in variables, strings for numbers and numbers for strings), and their messages use Go's
// terms.

// scalars maps the schema's custom scalars to functions that return what is wrong with a value.
var scalars = map[string]func(any) error{
	"DateTime": reads(model.UnmarshalDateTime),
	"Duration": reads(model.UnmarshalDuration),
	"Long":     reads(model.UnmarshalLong),
}

func reads[T any](read func(any) (T, error)) func(any) error {
	return func(v any) error { _, err := read(v); return err }
}

// literals is the validation rule for values in documents: of arguments, of directives, and defaults of variables.
func (d *documents) literals(on *validator.Events, add validator.AddErrFunc) {
	seen := map[*ast.Value]bool{} // fragments are walked once for each operation
	check := func(v *ast.Value, t *ast.Type, at string) {
		if v == nil || t == nil || seen[v] {
			return
		}
		seen[v] = true
		inputChecker{d.schema, d.o.HideSchema, func(in any, at, message string) {
			var where *ast.Position
			if v, ok := in.(*ast.Value); ok {
				where = v.Position
			}
			add(func(e *gqlerror.Error) {
				if where != nil {
					e.Locations = append(e.Locations, gqlerror.Location{Line: where.Line, Column: where.Column})
				}
				finish(e, codeBadUserInput, message)
				set(e, "argument", excerpt(at))
			})
		}}.check(v, t, at)
	}
	arguments := func(args ast.ArgumentList, defs ast.ArgumentDefinitionList) {
		for _, a := range args {
			if def := defs.ForName(a.Name); def != nil {
				check(a.Value, def.Type, a.Name)
			}
		}
	}
	on.OnField(func(_ *validator.Walker, f *ast.Field) {
		if f.Definition != nil {
			arguments(f.Arguments, f.Definition.Arguments)
		}
	})
	on.OnDirective(func(_ *validator.Walker, d *ast.Directive) {
		if d.Definition != nil {
			arguments(d.Arguments, d.Definition.Arguments)
		}
	})
	on.OnVariable(func(_ *validator.Walker, v *ast.VariableDefinition) {
		check(v.DefaultValue, v.Type, "$"+v.Variable)
	})
}

// variables checks and coerces the values of an operation's variables. The values are as encoding/json decodes them,
// with numbers as [json.Number].
func (d *documents) variables(op *ast.OperationDefinition, given map[string]any) (map[string]any, gqlerror.List) {
	if len(op.VariableDefinitions) == 0 {
		return nil, nil
	}
	if errs := d.checkVariables(op, given); errs != nil {
		return nil, errs
	}
	values, err := validator.VariableValues(d.schema, op, given)
	if err != nil { // cannot happen, as they have been checked
		return nil, gqlerror.List{requestError(codeBadUserInput, "the variables do not have the right types")}
	}
	return values, nil
}

func (d *documents) checkVariables(op *ast.OperationDefinition, given map[string]any) (errs gqlerror.List) {
	defer func() {
		if v := recover(); v != nil && v != (enough{}) {
			panic(v)
		}
	}()
	c := inputChecker{d.schema, d.o.HideSchema, func(_ any, at, message string) {
		e := requestError(codeBadUserInput, message)
		set(e, "argument", excerpt(at))
		if errs = append(errs, e); len(errs) >= d.o.MaxErrors {
			panic(enough{})
		}
	}}
	for _, def := range op.VariableDefinitions {
		at := "$" + def.Variable
		v, ok := given[def.Variable]
		switch {
		case ok:
			c.check(v, def.Type, at)
		case def.DefaultValue == nil && def.Type.NonNull:
			c.wrong(nil, at, "%s is missing: its type is %s", excerpt(at), def.Type)
		}
	}
	return errs
}

// inputChecker checks a value, an [*ast.Value] or one decoded by encoding/json, against a type. It reports each error
// with its path, such as "filter.xHeaders[0].name".
type inputChecker struct {
	schema *ast.Schema
	hide   bool // do not list fields and values of the schema
	report func(in any, at, message string)
}

func (c inputChecker) wrong(in any, at, format string, args ...any) {
	c.report(in, at, fmt.Sprintf(format, args...))
}

func (c inputChecker) check(in any, t *ast.Type, at string) {
	v := inputOf(in)
	switch {
	case v.kind == ofVariable: // other rules check its type
	case v.kind == ofNull:
		if t.NonNull {
			c.wrong(in, at, "%s must not be null", excerpt(at))
		}
	case t.Elem != nil && v.kind == ofList:
		for i, e := range v.elements {
			c.check(e, t.Elem, at+"["+strconv.Itoa(i)+"]")
		}
	case t.Elem != nil: // a single value stands for a list of one
		c.check(in, t.Elem, at)
	default:
		c.named(in, v, c.schema.Types[t.NamedType], at)
	}
}

// named checks a value that is not null against a named type.
func (c inputChecker) named(in any, v input, t *ast.Definition, at string) {
	switch {
	case t == nil: // another rule refuses unknown types
	case t.Kind == ast.InputObject && v.kind == ofObject:
		c.object(in, v, t, at)
	case t.Kind == ast.InputObject && c.hide:
		c.wrong(in, at, "%s must be an object with fields of %s", excerpt(at), t.Name)
	case t.Kind == ast.InputObject:
		c.wrong(in, at, "%s must be an object with fields of %s: %s", excerpt(at), t.Name, fieldNames(t))
	case t.Kind == ast.Enum:
		switch {
		case (v.kind == ofEnum || v.kind == ofEither) && t.EnumValues.ForName(v.text) != nil:
		case c.hide:
			c.wrong(in, at, "%s must be a value of %s", excerpt(at), t.Name)
		default:
			c.wrong(in, at, "%s must be one of %s", excerpt(at), fieldNames(t))
		}
	default:
		if problem := c.scalar(v, t.Name); problem != "" {
			c.wrong(in, at, "%s%s", excerpt(at), problem)
		}
	}
}

// scalar returns what is wrong with a scalar value, as the end of a message that begins with its path, or "".
func (c inputChecker) scalar(v input, name string) string {
	text := v.kind == ofText || v.kind == ofEither
	switch name {
	case "Int":
		if _, err := strconv.ParseInt(v.text, 10, 32); v.kind != ofWhole || err != nil {
			return " must be a 32-bit integer"
		}
	case "Float":
		if v.kind != ofWhole && v.kind != ofNumber || !v.fits() {
			return " must be a 64-bit number"
		}
	case "String":
		if !text {
			return " must be a string"
		}
	case "Boolean":
		if v.kind != ofFlag {
			return " must be true or false"
		}
	case "ID":
		if !text && v.kind != ofWhole {
			return " must be a string or an integer"
		}
		if v.kind == ofWhole && !v.fits() {
			return " is too large for a number: write it as a string"
		}
	default:
		read := scalars[name]
		if read == nil {
			return ""
		}
		if err := read(v.plain()); err != nil {
			return ": " + err.Error()
		}
	}
	return ""
}

// object checks an input object's fields.
func (c inputChecker) object(in any, v input, t *ast.Definition, at string) {
	for _, f := range v.fields {
		switch at := at + "." + f.name; {
		case t.Fields.ForName(f.name) != nil:
		case c.hide:
			c.wrong(f.value, at, "%s is not a field of %s", excerpt(at), t.Name)
		default:
			c.wrong(f.value, at, "%s is not a field of %s, which has %s", excerpt(at), t.Name, fieldNames(t))
		}
	}
	if t.Directives.ForName("oneOf") != nil && (len(v.fields) != 1 || inputOf(v.fields[0].value).kind == ofNull) {
		c.wrong(in, at, "%s must have exactly one of %s, and it must not be null", excerpt(at), fieldNames(t))
		return
	}
	for _, def := range t.Fields {
		at := at + "." + def.Name
		f, ok := v.field(def.Name)
		switch {
		case ok:
			c.check(f, def.Type, at)
		case def.Type.NonNull && def.DefaultValue == nil:
			c.wrong(in, at, "%s is missing", excerpt(at))
		}
	}
}

func fieldNames(t *ast.Definition) string {
	var names []string
	for _, f := range t.Fields {
		names = append(names, f.Name)
	}
	for _, v := range t.EnumValues {
		names = append(names, v.Name)
	}
	return strings.Join(names, ", ")
}

// input is a value that a caller sent, as a literal or as JSON.
type input struct {
	kind     inputKind
	text     string // of a string, an enum value or a number
	elements []any
	fields   []inputField
}

type inputField struct {
	name  string
	value any
}

type inputKind uint8

const (
	ofNull inputKind = iota
	ofVariable
	ofWhole  // a number without fraction or exponent
	ofNumber // any other number
	ofText
	ofEnum
	ofEither // JSON strings stand for strings and enum values
	ofFlag
	ofList
	ofObject
)

func inputOf(in any) input {
	switch v := in.(type) {
	case *ast.Value:
		return literalInput(v)
	case json.Number:
		if strings.ContainsAny(string(v), ".eE") {
			return input{kind: ofNumber, text: string(v)}
		}
		return input{kind: ofWhole, text: string(v)}
	case string:
		return input{kind: ofEither, text: v}
	case bool:
		return input{kind: ofFlag, text: strconv.FormatBool(v)}
	case []any:
		return input{kind: ofList, elements: v}
	case map[string]any:
		o := input{kind: ofObject}
		for name, f := range v {
			o.fields = append(o.fields, inputField{name, f})
		}
		return o
	}
	return input{}
}

func literalInput(v *ast.Value) input {
	switch v.Kind {
	case ast.Variable:
		return input{kind: ofVariable}
	case ast.IntValue:
		return input{kind: ofWhole, text: v.Raw}
	case ast.FloatValue:
		return input{kind: ofNumber, text: v.Raw}
	case ast.StringValue, ast.BlockValue:
		return input{kind: ofText, text: v.Raw}
	case ast.EnumValue:
		return input{kind: ofEnum, text: v.Raw}
	case ast.BooleanValue:
		return input{kind: ofFlag, text: v.Raw}
	case ast.ListValue:
		l := input{kind: ofList}
		for _, e := range v.Children {
			l.elements = append(l.elements, e.Value)
		}
		return l
	case ast.ObjectValue:
		o := input{kind: ofObject}
		for _, f := range v.Children {
			o.fields = append(o.fields, inputField{f.Name, f.Value})
		}
		return o
	}
	return input{}
}

func (v input) field(name string) (any, bool) {
	for _, f := range v.fields {
		if f.name == name {
			return f.value, true
		}
	}
	return nil, false
}

// fits reports whether a number fits 64 bits.
func (v input) fits() bool {
	if v.kind == ofWhole {
		_, err := strconv.ParseInt(v.text, 10, 64)
		return err == nil
	}
	_, err := strconv.ParseFloat(v.text, 64)
	return err == nil
}

// plain returns the value as a custom scalar's reader takes it. No scalar of this schema is a list or an object.
func (v input) plain() any {
	switch v.kind {
	case ofText, ofEither:
		return v.text
	case ofWhole, ofNumber:
		return json.Number(v.text)
	}
	return nil
}
