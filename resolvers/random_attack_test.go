package resolvers_test

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
)

// attacker writes random operations on the whole schema, as an attacker might: with ids, cursors, numbers and
// texts of all users as arguments.
type attacker struct {
	schema *ast.Schema
	random *rand.Rand
	words  map[string][]string // literals by the name of the argument or input field
	ids    []string            // ids of objects, returned to any caller
	found  map[string][]string // cursors by list, returned to any caller
	lists  map[string]string   // lists by alias
}

// operation writes a query of one to three root fields.
func (f *attacker) operation() string {
	f.lists = map[string]string{}
	var b strings.Builder
	b.WriteString("{")
	for range 1 + f.random.IntN(3) {
		fields := f.schema.Query.Fields
		field := fields[f.random.IntN(len(fields))]
		if strings.HasPrefix(field.Name, "__") {
			continue
		}
		b.WriteString(" " + f.field(field, 0))
	}
	b.WriteString(" __typename }")
	return b.String()
}

// field writes a field with its arguments and selection. Its alias is derived from all of them, so that equal
// aliases merge.
func (f *attacker) field(d *ast.FieldDefinition, depth int) string {
	list, paging := d.Name+"(", ""
	for _, a := range d.Arguments {
		if !a.Type.NonNull && f.random.IntN(2) == 0 {
			continue
		}
		switch a.Name {
		case "first", "last":
			if !strings.Contains(paging, "st:") {
				paging += fmt.Sprintf("%s: %d ", a.Name, f.random.IntN(30))
			}
		case "after", "before": // below, once the list is known
		default:
			list += a.Name + ": " + f.value(a.Name, a.Type) + " "
		}
	}
	if d.Arguments.ForName("after") != nil {
		if cursors := f.found[list]; len(cursors) > 0 && f.random.IntN(3) > 0 {
			paging += fmt.Sprintf("%s: %q ", []string{"after", "before"}[f.random.IntN(2)],
				cursors[f.random.IntN(len(cursors))])
		}
	}
	text := d.Name
	if args := list[len(d.Name)+1:] + paging; args != "" {
		text += "(" + args + ")"
	}
	if t := f.schema.Types[d.Type.Name()]; t.IsCompositeType() {
		text += " " + f.selection(t, depth+1)
	}
	sum := fnv.New64a()
	_, _ = sum.Write([]byte(text))
	alias := fmt.Sprintf("%s_%x", d.Name, sum.Sum64())
	f.lists[alias] = list
	return alias + ": " + text
}

func (f *attacker) selection(t *ast.Definition, depth int) string {
	if t.Kind == ast.Interface {
		var b strings.Builder
		for _, of := range f.schema.GetPossibleTypes(t) {
			b.WriteString(" ... on " + of.Name + " " + f.selection(of, depth))
		}
		return "{ __typename id" + b.String() + " }"
	}
	var b strings.Builder
	b.WriteString("{ __typename")
	for _, d := range t.Fields {
		of := f.schema.Types[d.Type.Name()]
		often := 2
		switch {
		case strings.HasPrefix(d.Name, "__"):
			continue
		case strings.HasSuffix(of.Name, "Connection"):
			if depth > 4 || f.random.IntN(4) > 0 {
				continue
			}
		case of.IsCompositeType() && depth > 6:
			continue
		case of.IsCompositeType():
			often = 3
		}
		if f.random.IntN(often) > 0 && d.Name != "cursor" && d.Name != "edges" && d.Name != "nodes" {
			continue
		}
		b.WriteString(" " + f.field(d, depth))
	}
	return b.String() + " }"
}

// value writes a literal of a type.
func (f *attacker) value(name string, t *ast.Type) string {
	if t.Elem != nil {
		var all []string
		for range 1 + f.random.IntN(3) {
			all = append(all, f.value(name, t.Elem))
		}
		return "[" + strings.Join(all, ", ") + "]"
	}
	if name == "id" || name == "ids" {
		if len(f.ids) == 0 {
			return `"AVUq"`
		}
		return `"` + f.ids[f.random.IntN(len(f.ids))] + `"`
	}
	if words := f.words[name]; len(words) > 0 {
		return words[f.random.IntN(len(words))]
	}
	of := f.schema.Types[t.Name()]
	switch of.Kind {
	case ast.Enum:
		return of.EnumValues[f.random.IntN(len(of.EnumValues))].Name
	case ast.InputObject:
		var b strings.Builder
		for _, d := range of.Fields {
			if d.Type.NonNull || f.random.IntN(4) == 0 {
				b.WriteString(" " + d.Name + ": " + f.value(d.Name, d.Type))
			}
		}
		return "{" + b.String() + " }"
	}
	if of.Name == "Boolean" {
		return fmt.Sprint(f.random.IntN(2) == 0)
	}
	panic("a value of " + of.Name + " for " + name)
}

// keep collects the ids and cursors of an answer.
func (f *attacker) keep(data any) {
	switch v := data.(type) {
	case []any:
		for _, e := range v {
			f.keep(e)
		}
	case map[string]any:
		for alias, e := range v {
			name, _, _ := strings.Cut(alias, "_")
			if text, ok := e.(string); ok && name == "id" {
				f.ids = append(f.ids, text)
			}
			if list := f.lists[alias]; strings.Contains(list, "window") {
				f.keepCursors(list, e)
			}
			f.keep(e)
		}
	}
}

func (f *attacker) keepCursors(list string, connection any) {
	fields, _ := connection.(map[string]any)
	for alias, edges := range fields {
		if all, ok := edges.([]any); ok && strings.HasPrefix(alias, "edges") {
			for _, edge := range all {
				for alias, cursor := range edge.(map[string]any) {
					if strings.HasPrefix(alias, "cursor") && len(f.found[list]) < 100 {
						f.found[list] = append(f.found[list], cursor.(string))
					}
				}
			}
		}
	}
}
