package graph

import (
	"fmt"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// A document is measured as soon as it is parsed, before the library's validation rules see it, as some of those take
// quadratic time. Measuring takes time proportional to the document's length: each fragment is measured once, however
// often it is spread.

// introspectionDepth limits the levels of introspection. The queries of GraphiQL and code generators have 15.
const introspectionDepth = 20

// measures is the size of an operation, a fragment or a selection set, where a fragment counts each time it is spread.
type measures struct {
	depth, fields, aliases, directives int
	introspectionDepth                 int
}

// manyTimes is where counting stops: fragments that double each other would overflow any integer.
const manyTimes = 1 << 30

func (m *measures) add(o measures) {
	m.depth = max(m.depth, o.depth)
	m.introspectionDepth = max(m.introspectionDepth, o.introspectionDepth)
	m.fields = min(m.fields+o.fields, manyTimes)
	m.aliases = min(m.aliases+o.aliases, manyTimes)
	m.directives = min(m.directives+o.directives, manyTimes)
}

// meter measures the selections of a document.
type meter struct {
	fragments map[string]*ast.FragmentDefinition
	measured  map[string]*measures // of fragments; nil while one is being measured
	circle    *gqlerror.Error      // a fragment that spreads itself
}

func newMeter(doc *ast.QueryDocument) *meter {
	m := &meter{fragments: map[string]*ast.FragmentDefinition{}, measured: map[string]*measures{}}
	for _, f := range doc.Fragments {
		if m.fragments[f.Name] == nil {
			m.fragments[f.Name] = f
		}
	}
	return m
}

// limit returns an error if the document exceeds a limit or a fragment spreads itself, and nil otherwise.
func (o *Options) limit(doc *ast.QueryDocument) *gqlerror.Error {
	if n := len(doc.Operations) + len(doc.Fragments); n > o.MaxDefinitions {
		return tooMuch("the document", "operations and fragments", n, o.MaxDefinitions,
			"send only those that are needed")
	}
	m := newMeter(doc)
	of := make([]measures, len(doc.Operations))
	for i, op := range doc.Operations {
		of[i] = m.operation(op)
	}
	for _, f := range doc.Fragments { // including those that no operation spreads
		m.fragment(f.Name, f.Position)
	}
	if m.circle != nil {
		return m.circle
	}
	for i, op := range doc.Operations {
		if err := o.limitOperation(op, of[i]); err != nil {
			return placed(err, op.Position)
		}
	}
	return nil
}

func (o *Options) limitOperation(op *ast.OperationDefinition, of measures) *gqlerror.Error {
	what := "the operation"
	if op.Name != "" {
		what = fmt.Sprintf("the operation %q", op.Name)
	}
	const split = "select less, or split it into several operations"
	switch {
	case of.depth > o.MaxDepth:
		return tooMuch(what, "levels of fields", of.depth, o.MaxDepth, "fetch what is deeper with another operation")
	case of.introspectionDepth > introspectionDepth:
		return tooMuch(what, "levels of fields in its introspection", of.introspectionDepth, introspectionDepth,
			"leave out some levels of ofType")
	case of.fields > o.MaxFields:
		return tooMuch(what, "fields, counting fragments each time they are spread", of.fields, o.MaxFields, split)
	case of.aliases > o.MaxAliases:
		return tooMuch(what, "aliases", of.aliases, o.MaxAliases, split)
	case of.directives > o.MaxDirectives:
		return tooMuch(what, "directives", of.directives, o.MaxDirectives, split)
	}
	if n := len(fieldsOf(op.SelectionSet)); n > o.MaxRootFields {
		return tooMuch(what, "fields at its root", n, o.MaxRootFields, split)
	}
	return nil
}

// tooMuch returns the error for an exceeded limit: the size found, the limit, and what to change.
func tooMuch(what, of string, found, most int, instead string) *gqlerror.Error {
	more := ""
	if found >= manyTimes {
		more = "more than "
	}
	return requestError(codeTooExpensive,
		fmt.Sprintf("%s has %s%d %s, and at most %d are allowed: %s", excerpt(what), more, found, of, most, instead))
}

// placed adds a location in the document to an error.
func placed(e *gqlerror.Error, where *ast.Position) *gqlerror.Error {
	if where != nil {
		e.Locations = append(e.Locations, gqlerror.Location{Line: where.Line, Column: where.Column})
	}
	return e
}

func (m *meter) operation(op *ast.OperationDefinition) measures {
	of := measures{directives: len(op.Directives)}
	for _, v := range op.VariableDefinitions {
		of.directives += len(v.Directives)
	}
	of.add(m.selections(op.SelectionSet, true))
	return of
}

// fragment measures a fragment, once.
func (m *meter) fragment(name string, spread *ast.Position) measures {
	f := m.fragments[name]
	if f == nil {
		return measures{} // a validation rule refuses it
	}
	switch known, ok := m.measured[name]; {
	case ok && known == nil:
		if m.circle == nil {
			m.circle = placed(requestError(codeBadUserInput, fmt.Sprintf(
				"the fragment %q spreads itself, directly or through others: its result would be infinite",
				excerpt(name))), spread)
		}
		return measures{}
	case ok:
		return *known
	}
	m.measured[name] = nil
	of := measures{directives: len(f.Directives)}
	of.add(m.selections(f.SelectionSet, f.TypeCondition == "Query"))
	m.measured[name] = &of
	return of
}

// selections measures a selection set, and links its spreads to their fragments. At the root of a query, introspection
// is counted separately.
func (m *meter) selections(set ast.SelectionSet, root bool) (of measures) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			child := m.selections(s.SelectionSet, false)
			child.depth++
			if root && introspects(s) {
				child.introspectionDepth, child.depth = child.depth, 0
			}
			child.fields++
			if s.Alias != s.Name {
				child.aliases++
			}
			child.directives += len(s.Directives)
			of.add(child)
		case *ast.InlineFragment:
			of.directives += len(s.Directives)
			of.add(m.selections(s.SelectionSet, root))
		case *ast.FragmentSpread:
			of.directives += len(s.Directives)
			s.Definition = m.fragments[s.Name]
			of.add(m.fragment(s.Name, s.Position))
		}
	}
	return of
}

// introspects reports whether a root field selects the schema itself.
func introspects(f *ast.Field) bool { return f.Name == "__schema" || f.Name == "__type" }
