package graph

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
)

// overlaps is the rule that fields with the same response name must be mergeable (GraphQL specification, "Field
// Selection Merging"). The library's rule compares each pair of fields with a name, which takes seconds for a document
// with 10,000 of them. This rule groups the fields and compares each with the first of its group, since equality is
// transitive.
func (d *documents) overlaps(on *validator.Events, add validator.AddErrFunc) {
	arguments := map[*ast.Field]string{}
	on.OnOperation(func(_ *validator.Walker, op *ast.OperationDefinition) {
		m := &merger{schema: d.schema, most: d.o.MaxFields * maxTypesCompared, add: add, arguments: arguments}
		m.merge("", []ast.SelectionSet{op.SelectionSet}, true)
	})
}

// merger merges the selections of an operation as its execution would.
type merger struct {
	schema *ast.Schema
	most   int // limit of seen
	seen   int // fields visited so far; a field counts again for each type that it is compared for
	add    validator.AddErrFunc

	arguments map[*ast.Field]string // see [merger.written]
}

// maxTypesCompared limits for how many types a field may be compared on average. Selections on interfaces could
// otherwise multiply at each level.
const maxTypesCompared = 50

// merge checks selection sets that are merged into one, at a path of the response. If alike is false, only the types
// must agree: the fields then belong to objects of different types, which are never the same object.
func (m *merger) merge(path string, sets []ast.SelectionSet, alike bool) {
	names, groups := collectFields(sets)
	for _, name := range names {
		group := groups[name]
		at := strings.TrimPrefix(path+"."+name, ".")
		if m.seen += len(group); m.seen > m.most {
			m.tooMany()
			return
		}
		if problem, f := m.typesDiffer(group); problem != "" {
			m.conflict(at, problem, f)
			continue
		}
		parts := [][]*ast.Field{group}
		if alike {
			parts = byType(group)
		}
		if len(parts) > 1 {
			m.merge(at, selections(group), false)
		}
		for _, part := range parts {
			if alike {
				if problem, f := m.fieldsDiffer(part); problem != "" {
					m.conflict(at, problem, f)
					continue
				}
			}
			m.merge(at, selections(part), alike)
		}
	}
}

// collectFields groups the fields of the selection sets by their response names. A fragment spread again adds none.
func collectFields(sets []ast.SelectionSet) (names []string, groups map[string][]*ast.Field) {
	groups = map[string][]*ast.Field{}
	for _, f := range fieldsOf(sets...) {
		if f.Definition == nil { // another rule refuses it
			continue
		}
		name := cmp.Or(f.Alias, f.Name)
		if groups[name] == nil {
			names = append(names, name)
		}
		groups[name] = append(groups[name], f)
	}
	return names, groups
}

func selections(fields []*ast.Field) (sets []ast.SelectionSet) {
	for _, f := range fields {
		if len(f.SelectionSet) > 0 {
			sets = append(sets, f.SelectionSet)
		}
	}
	return sets
}

// byType groups fields by the object type that they belong to. A field of an interface belongs to every group.
func byType(fields []*ast.Field) (parts [][]*ast.Field) {
	var types []string
	of := map[string][]*ast.Field{}
	var ofAny []*ast.Field
	for _, f := range fields {
		switch t := f.ObjectDefinition; {
		case t == nil || t.IsAbstractType():
			ofAny = append(ofAny, f)
		default:
			if of[t.Name] == nil {
				types = append(types, t.Name)
			}
			of[t.Name] = append(of[t.Name], f)
		}
	}
	if len(types) == 0 {
		return [][]*ast.Field{ofAny}
	}
	for _, t := range types {
		parts = append(parts, append(slices.Clone(ofAny), of[t]...))
	}
	return parts
}

// typesDiffer returns why the types of the fields cannot be merged, and the field that differs from the first.
func (m *merger) typesDiffer(fields []*ast.Field) (string, *ast.Field) {
	first := fields[0].Definition.Type
	for _, f := range fields[1:] {
		if f.Definition != fields[0].Definition && !m.alikeTypes(first, f.Definition.Type) {
			return fmt.Sprintf("they return conflicting types %q and %q", first, f.Definition.Type), f
		}
	}
	return "", nil
}

func (m *merger) alikeTypes(a, b *ast.Type) bool {
	if a.NonNull != b.NonNull || (a.Elem == nil) != (b.Elem == nil) {
		return false
	}
	if a.Elem != nil {
		return m.alikeTypes(a.Elem, b.Elem)
	}
	leaf := func(t *ast.Type) bool { d := m.schema.Types[t.NamedType]; return d != nil && d.IsLeafType() }
	return a.NamedType == b.NamedType || !leaf(a) && !leaf(b)
}

// fieldsDiffer returns why fields of one object cannot be merged, and the field that differs from the first.
func (m *merger) fieldsDiffer(fields []*ast.Field) (string, *ast.Field) {
	if len(fields) < 2 {
		return "", nil
	}
	first, args := fields[0], m.written(fields[0])
	for _, f := range fields[1:] {
		if f.Name != first.Name {
			return fmt.Sprintf("%q and %q are different fields", first.Name, f.Name), f
		}
		if m.written(f) != args {
			return "they have differing arguments", f
		}
	}
	return "", nil
}

// written returns a text that is equal for equal arguments, in whatever order they are written. It makes it once for
// each field: long arguments in a fragment may be compared wherever that is spread.
func (m *merger) written(f *ast.Field) string {
	text, known := m.arguments[f]
	if !known && len(f.Arguments) > 0 {
		var parts []string
		for _, a := range f.Arguments {
			parts = append(parts, a.Name+":"+writtenValue(a.Value))
		}
		slices.Sort(parts)
		text = strings.Join(parts, ",")
		m.arguments[f] = text
	}
	return text
}

func writtenValue(v *ast.Value) string {
	switch v.Kind {
	case ast.ListValue, ast.ObjectValue:
		parts := make([]string, len(v.Children))
		for i, c := range v.Children {
			parts[i] = c.Name + ":" + writtenValue(c.Value)
		}
		if v.Kind == ast.ListValue {
			return "[" + strings.Join(parts, ",") + "]"
		}
		slices.Sort(parts)
		return "{" + strings.Join(parts, ",") + "}"
	case ast.StringValue, ast.BlockValue:
		return fmt.Sprintf("%d%q", v.Kind, v.Raw)
	}
	return fmt.Sprintf("%d%s", v.Kind, v.Raw)
}

func (m *merger) conflict(at, problem string, f *ast.Field) {
	m.add(validator.Message("Fields %q conflict because %s. "+
		"Use different aliases on the fields to fetch both if this was intentional.", excerpt(at), problem),
		func(e *gqlerror.Error) { placed(e, f.Position) })
}

func (m *merger) tooMany() {
	if m.seen <= 2*m.most { // report it once
		m.seen = 2*m.most + 1
		m.add(func(e *gqlerror.Error) {
			finish(e, codeTooExpensive,
				fmt.Sprintf("the operation's fields can be merged in more than %d ways, the limit: "+
					"give fields on interfaces different aliases", m.most))
		})
	}
}

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
