package graph

import (
	"encoding/json"
	"fmt"
	"slices"
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
	check := func(v *ast.Value, t *ast.Type, name string) {
		if v == nil || t == nil || seen[v] {
			return
		}
		seen[v] = true
		inputChecker{d.schema, d.o.HideSchema, func(at, message string) {
			add(func(e *gqlerror.Error) {
				set(placed(finish(e, codeBadUserInput, message), positionAt(v, name, at)), "argument", excerpt(at))
			})
		}}.check(literal(v), t, name)
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

// positionAt returns the position of the value with a path, within a value with the path at. If there is none, as for a
// missing field, it returns the position of the value that lacks it.
func positionAt(v *ast.Value, at, path string) *ast.Position {
	for i, c := range v.Children {
		below := pathOf(v, at, i)
		if rest, ok := strings.CutPrefix(path, below); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
			return positionAt(c.Value, below, path)
		}
	}
	return v.Position
}

// pathOf returns the path of a value's child with the index i. The value's own path is at.
func pathOf(v *ast.Value, at string, i int) string {
	if v.Kind == ast.ListValue {
		return at + "[" + strconv.Itoa(i) + "]"
	}
	return at + "." + v.Children[i].Name
}

// variables checks the values given for an operation's variables, and adds the default values of the others. The values
// are as encoding/json decodes them, with numbers as [json.Number]. They stay so: gqlgen coerces them where it uses
// them, which includes single values for lists.
func (d *documents) variables(op *ast.OperationDefinition, given map[string]any) (
	values map[string]any, errs gqlerror.List,
) {
	defer func() {
		if v := recover(); v != nil && v != (enough{}) {
			panic(v)
		}
	}()
	c := inputChecker{d.schema, d.o.HideSchema, func(at, message string) {
		e := requestError(codeBadUserInput, message)
		set(e, "argument", excerpt(at))
		if errs = append(errs, e); len(errs) >= d.o.MaxErrors {
			panic(enough{})
		}
	}}
	for _, def := range op.VariableDefinitions {
		v, ok := given[def.Variable]
		at := "$" + def.Variable
		switch {
		case ok:
			c.check(v, def.Type, at)
		case def.DefaultValue != nil:
			if given == nil {
				given = map[string]any{}
			}
			given[def.Variable], _ = def.DefaultValue.Value(nil) // cannot fail, as [documents.literals] has checked it
		case def.Type.NonNull:
			c.wrong(at, "%s is missing: its type is %s", excerpt(at), def.Type)
		}
	}
	return given, errs
}

// inputChecker checks a value against a type. It reports each error with its path, such as "filter.xHeaders[0].name".
// Values are as encoding/json decodes them, with numbers as [json.Number], or as [literal] returns them.
type inputChecker struct {
	schema *ast.Schema
	hide   bool // do not list fields and values of the schema
	report func(at, message string)
}

// The values that documents have besides those of JSON, whose strings may stand for enum values.
type (
	variable  struct{}
	quoted    string // a string, which is no enum value
	enumValue string
)

// literal returns a value in a document as an [inputChecker] takes it.
func literal(v *ast.Value) any {
	switch v.Kind {
	case ast.Variable:
		return variable{}
	case ast.IntValue, ast.FloatValue:
		return json.Number(v.Raw)
	case ast.StringValue, ast.BlockValue:
		return quoted(v.Raw)
	case ast.EnumValue:
		return enumValue(v.Raw)
	case ast.BooleanValue:
		return v.Raw == "true"
	case ast.ListValue:
		elements := make([]any, len(v.Children))
		for i, e := range v.Children {
			elements[i] = literal(e.Value)
		}
		return elements
	case ast.ObjectValue:
		fields := map[string]any{}
		for _, f := range v.Children {
			fields[f.Name] = literal(f.Value)
		}
		return fields
	}
	return nil
}

func (c inputChecker) wrong(at, format string, args ...any) {
	c.report(at, fmt.Sprintf(format, args...))
}

func (c inputChecker) check(v any, t *ast.Type, at string) {
	elements, list := v.([]any)
	switch _, isVariable := v.(variable); {
	case isVariable: // other rules check its type
	case v == nil:
		if t.NonNull {
			c.wrong(at, "%s must not be null", excerpt(at))
		}
	case t.Elem != nil && list:
		for i, e := range elements {
			c.check(e, t.Elem, at+"["+strconv.Itoa(i)+"]")
		}
	case t.Elem != nil: // a single value stands for a list of one
		c.check(v, t.Elem, at)
	default:
		c.named(v, c.schema.Types[t.NamedType], at)
	}
}

// named checks a value that is not null against a named type.
func (c inputChecker) named(v any, t *ast.Definition, at string) {
	if t == nil {
		return // another rule refuses unknown types
	}
	switch t.Kind {
	case ast.InputObject:
		if fields, ok := v.(map[string]any); ok {
			c.object(fields, t, at)
		} else {
			c.wrong(at, "%s must be an object with fields of %s%s", excerpt(at), t.Name, c.shown(": ", t))
		}
	case ast.Enum:
		name, _ := v.(enumValue)
		if text, ok := v.(string); ok {
			name = enumValue(text)
		}
		switch {
		case t.EnumValues.ForName(string(name)) != nil:
		case c.hide:
			c.wrong(at, "%s must be a value of %s", excerpt(at), t.Name)
		default:
			c.wrong(at, "%s must be one of %s", excerpt(at), fieldNames(t))
		}
	default:
		if problem := scalarProblem(v, t.Name); problem != "" {
			c.wrong(at, "%s%s", excerpt(at), problem)
		}
	}
}

// scalarProblem returns what is wrong with a scalar value, as the end of a message that begins with its path, or "".
func scalarProblem(v any, name string) string {
	if q, ok := v.(quoted); ok {
		v = string(q)
	}
	_, isText := v.(string)
	number, isNumber := v.(json.Number)
	isWhole := isNumber && !strings.ContainsAny(string(number), ".eE")
	fits := func(bits int) bool {
		_, err := strconv.ParseInt(string(number), 10, bits)
		if !isWhole {
			_, err = strconv.ParseFloat(string(number), 64)
		}
		return err == nil
	}
	switch name {
	case "Int":
		if !isWhole || !fits(32) {
			return " must be a 32-bit integer"
		}
	case "Float":
		if !isNumber || !fits(64) {
			return " must be a 64-bit number"
		}
	case "String":
		if !isText {
			return " must be a string"
		}
	case "Boolean":
		if _, ok := v.(bool); !ok {
			return " must be true or false"
		}
	case "ID":
		if !isText && !isWhole {
			return " must be a string or an integer"
		}
		if isWhole && !fits(64) {
			return " is too large for a number: write it as a string"
		}
	default:
		read := scalars[name]
		if read == nil {
			return ""
		}
		if err := read(v); err != nil {
			return ": " + err.Error()
		}
	}
	return ""
}

// object checks an input object's fields.
func (c inputChecker) object(fields map[string]any, t *ast.Definition, at string) {
	var unknown []string
	null := false
	for name, v := range fields {
		null = null || v == nil
		if t.Fields.ForName(name) == nil {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	for _, name := range unknown {
		at := at + "." + name
		c.wrong(at, "%s is not a field of %s%s", excerpt(at), t.Name, c.shown(", which has ", t))
	}
	if t.Directives.ForName("oneOf") != nil && (len(fields) != 1 || null) {
		c.wrong(at, "%s must have exactly one of %s, and it must not be null", excerpt(at), fieldNames(t))
		return
	}
	for _, def := range t.Fields {
		v, given := fields[def.Name]
		if !given && (!def.Type.NonNull || def.DefaultValue != nil) {
			continue
		}
		at := at + "." + def.Name
		if given {
			c.check(v, def.Type, at)
		} else {
			c.wrong(at, "%s is missing", excerpt(at))
		}
	}
}

// shown returns the names of a type's fields after a text, or nothing if they are hidden.
func (c inputChecker) shown(after string, t *ast.Definition) string {
	if c.hide {
		return ""
	}
	return after + fieldNames(t)
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
