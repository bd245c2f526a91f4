package graph

import (
	"fmt"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// A document is measured as soon as it is parsed, before the library's validation rules see it, as some of those take
// quadratic time. Measuring takes time proportional to the document's length: each fragment is measured once, however
// often it is spread.

// Limits of documents that no caller needs to change.
const (
	maxName            = 256 // bytes; names appear in messages and are compared with the schema's
	introspectionDepth = 20  // the queries of GraphiQL and code generators have 15 levels
)

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
	doc       *ast.QueryDocument
	fragments map[string]*ast.FragmentDefinition
	measured  map[string]*measures // of fragments; nil while one is being measured
	circle    *gqlerror.Error      // a fragment that spreads itself
	longName  *gqlerror.Error      // the first name that is too long
}

func newMeter(doc *ast.QueryDocument) *meter {
	m := &meter{doc: doc, fragments: map[string]*ast.FragmentDefinition{}, measured: map[string]*measures{}}
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
	switch {
	case m.longName != nil:
		return m.longName
	case m.circle != nil:
		return m.circle
	}
	for i, op := range doc.Operations {
		if err := o.limitOperation(m, op, of[i]); err != nil {
			return placed(err, op.Position)
		}
	}
	return nil
}

func (o *Options) limitOperation(m *meter, op *ast.OperationDefinition, of measures) *gqlerror.Error {
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
	if n := m.rootFields(op); n > o.MaxRootFields {
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
	m.name(op.Name, op.Position)
	of := measures{directives: m.directives(op.Directives)}
	for _, v := range op.VariableDefinitions {
		m.name(v.Variable, v.Position)
		m.name(v.Type.Name(), v.Position)
		of.directives += m.directives(v.Directives)
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
	m.name(name, f.Position)
	m.name(f.TypeCondition, f.Position)
	of := measures{directives: m.directives(f.Directives)}
	of.add(m.selections(f.SelectionSet, f.TypeCondition == "Query"))
	m.measured[name] = &of
	return of
}

// selections measures a selection set. At the root of a query, introspection is counted separately.
func (m *meter) selections(set ast.SelectionSet, root bool) (of measures) {
	for _, s := range set {
		switch s := s.(type) {
		case *ast.Field:
			m.name(s.Name, s.Position)
			m.arguments(s.Arguments)
			child := m.selections(s.SelectionSet, false)
			child.depth++
			if root && introspects(s) {
				child.introspectionDepth, child.depth = child.depth, 0
			}
			child.fields++
			if s.Alias != s.Name {
				m.name(s.Alias, s.Position)
				child.aliases++
			}
			child.directives += m.directives(s.Directives)
			of.add(child)
		case *ast.InlineFragment:
			m.name(s.TypeCondition, s.Position)
			of.directives += m.directives(s.Directives)
			of.add(m.selections(s.SelectionSet, root))
		case *ast.FragmentSpread:
			of.directives += m.directives(s.Directives)
			of.add(m.fragment(s.Name, s.Position))
		}
	}
	return of
}

// introspects reports whether a root field selects the schema itself.
func introspects(f *ast.Field) bool { return f.Name == "__schema" || f.Name == "__type" }

// rootFields counts the fields at an operation's root. It runs only on operations within the other limits, so the walk
// is short.
func (m *meter) rootFields(op *ast.OperationDefinition) int {
	spread := map[string]bool{}
	var count func(ast.SelectionSet) int
	count = func(set ast.SelectionSet) (n int) {
		for _, s := range set {
			switch s := s.(type) {
			case *ast.Field:
				n++
			case *ast.InlineFragment:
				n += count(s.SelectionSet)
			case *ast.FragmentSpread: // a fragment spread again adds nothing
				if f := m.fragments[s.Name]; f != nil && !spread[s.Name] {
					spread[s.Name] = true
					n += count(f.SelectionSet)
				}
			}
		}
		return n
	}
	return count(op.SelectionSet)
}

func (m *meter) directives(all ast.DirectiveList) int {
	for _, d := range all {
		m.name(d.Name, d.Position)
		m.arguments(d.Arguments)
	}
	return len(all)
}

func (m *meter) arguments(all ast.ArgumentList) {
	for _, a := range all {
		m.name(a.Name, a.Position)
	}
}

func (m *meter) name(name string, where *ast.Position) {
	if len(name) > maxName && m.longName == nil {
		m.longName = placed(requestError(codeTooExpensive, fmt.Sprintf(
			"a name in the document, %q, is %d bytes long, and at most %d are allowed: shorten it",
			strings.ToValidUTF8(name[:20], "")+"…", len(name), maxName)), where)
	}
}
