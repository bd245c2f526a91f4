package graph

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"deliverygraph/graph/columns"

	"github.com/maypok86/otter/v2"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"
	"github.com/vektah/gqlparser/v2/validator"
	"github.com/vektah/gqlparser/v2/validator/rules"
)

// documents parses and validates documents and caches the valid ones by their text. The cache is bounded in bytes: with
// a bound on entries, 1,000 large documents could hold hundreds of megabytes.
type documents struct {
	schema *ast.Schema
	rules  []validator.Rule
	o      *Options
	sound  *otter.Cache[string, document]
}

// document is a valid document and what follows from its text alone.
type document struct {
	*ast.QueryDocument
	hash        string // see [HashDocument]
	known       []byte // the data of every response to it; nil if it has to run
	plans       *columns.Plans
	nulls       nullPlaces
	introspects bool // one of its operations selects __schema or __type
}

// knownData returns the data of every response to a document that selects only __typename of the query type, as health
// checks do, and nil for all other documents.
func knownData(doc *ast.QueryDocument, schema *ast.Schema) []byte {
	if len(doc.Operations) != 1 || doc.Operations[0].Operation != ast.Query {
		return nil
	}
	data, answered := []byte("{"), map[string]bool{}
	for _, s := range doc.Operations[0].SelectionSet {
		f, ok := s.(*ast.Field)
		if !ok || f.Name != "__typename" || len(f.Directives) > 0 {
			return nil
		}
		if answered[f.Alias] {
			continue
		}
		answered[f.Alias] = true
		if len(data) > 1 {
			data = append(data, ',')
		}
		data = fmt.Appendf(data, `"%s":"%s"`, f.Alias, schema.Query.Name) // names need no escapes
	}
	return append(data, '}')
}

// docBytesPerByte is the estimated memory of a parsed document per byte of its text: 30 to 370 were measured over small
// and large documents, and about 30 for each set of plans.
const docBytesPerByte = 200

func newDocuments(schema *ast.Schema, o *Options) *documents {
	d := &documents{schema: schema, o: o}
	d.rules = d.allRules()
	d.sound = otter.Must(&otter.Options[string, document]{
		MaximumWeight: uint64(o.QueryCacheBytes),
		Weigher: func(text string, _ document) uint32 {
			return uint32(min(len(text)*docBytesPerByte, math.MaxUint32))
		},
	})
	return d
}

// allRules returns the library's rules, some of them replaced by ours.
func (d *documents) allRules() []validator.Rule {
	all := rules.NewDefaultRules()
	all.ReplaceRule(rules.ValuesOfCorrectTypeRule.Name, d.literals)
	all.ReplaceRule(rules.OverlappingFieldsCanBeMergedRule.Name, d.overlaps)
	all.ReplaceRule(rules.MaxIntrospectionDepth.Name, d.introspection)
	all.ReplaceRule(rules.LoneAnonymousOperationRule.Name, anonymous)
	all.ReplaceRule(rules.UniqueOperationNamesRule.Name, sameNames)
	all.ReplaceRule(rules.SingleFieldSubscriptionsRule.Name, singleField)
	if d.o.HideSchema { // suggestions of similar names would reveal the schema
		all.ReplaceRule(rules.FieldsOnCorrectTypeRule.Name, rules.FieldsOnCorrectTypeRuleWithoutSuggestions.RuleFunc)
		all.ReplaceRule(rules.KnownArgumentNamesRule.Name, rules.KnownArgumentNamesRuleWithoutSuggestions.RuleFunc)
		all.ReplaceRule(rules.KnownTypeNamesRule.Name, rules.KnownTypeNamesRuleWithoutSuggestions.RuleFunc)
		all.ReplaceRule(rules.ScalarLeafsRule.Name, rules.ScalarLeafsRuleWithoutSuggestions.RuleFunc)
	}
	of := all.GetInner()
	var list []validator.Rule
	for _, name := range slices.Sorted(maps.Keys(of)) {
		list = append(list, validator.Rule{Name: name, RuleFunc: of[name]})
	}
	return list
}

// read returns the document with that text, or all errors in it.
func (d *documents) read(text string) (document, gqlerror.List) {
	if doc, ok := d.sound.GetIfPresent(text); ok {
		return doc, nil
	}
	doc, source, err := d.parse(text)
	if err != nil {
		return document{}, gqlerror.List{err}
	}
	if len(doc.Operations) == 0 {
		return document{}, gqlerror.List{requestError(codeBadUserInput, "the document has no operation")}
	}
	if err := d.o.limit(doc); err != nil {
		return document{}, gqlerror.List{err}
	}
	if errs := d.validate(doc); len(errs) > 0 {
		for _, e := range errs {
			if e.Extensions["code"] == nil {
				finish(e, codeBadUserInput, e.Message)
			}
		}
		placeStrings(source, errs)
		return document{}, errs
	}
	if mayDefer(text) {
		flatten(doc)
	}
	sound := document{
		QueryDocument: doc,
		hash:          HashDocument(text),
		known:         knownData(doc, d.schema),
		plans:         columns.NewPlans(text),
		nulls:         nullPlacesOf(doc),
		introspects:   asksForSchema(doc),
	}
	d.sound.Set(text, sound)
	return sound, nil
}

// parse parses a document. It also returns the text that positions in the document refer to.
func (d *documents) parse(text string) (*ast.QueryDocument, string, *gqlerror.Error) {
	source, problem := readable(text)
	doc, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: source}, d.o.MaxTokens)
	if err != nil {
		e := d.unparsable(err)
		placeStrings(source, gqlerror.List{e})
		if problem == nil || before(e, problem) {
			problem = e
		}
	}
	return doc, source, problem
}

// enough is the panic that stops a check once it has found as many errors as are shown.
type enough struct{}

// validate checks a document against all rules. It stops after MaxErrors errors, as more would not be shown.
func (d *documents) validate(doc *ast.QueryDocument) (errs gqlerror.List) {
	defer func() {
		if v := recover(); v != nil && v != (enough{}) {
			panic(v)
		}
	}()
	events := &validator.Events{}
	for _, rule := range d.rules {
		rule.RuleFunc(events, func(options ...validator.ErrorOption) {
			e := &gqlerror.Error{Rule: rule.Name}
			for _, o := range options {
				o(e)
			}
			if errs = append(errs, e); len(errs) >= d.o.MaxErrors {
				panic(enough{})
			}
		})
	}
	validator.Walk(d.schema, doc, events)
	return errs
}

// unparsable presents an error of the parser: a syntax error or an exceeded limit.
func (d *documents) unparsable(err error) *gqlerror.Error {
	e, ok := err.(*gqlerror.Error)
	if !ok {
		return requestError(codeBadUserInput, "the document cannot be parsed")
	}
	switch {
	case strings.HasPrefix(e.Message, "exceeded token limit"):
		return finish(e, codeTooExpensive, fmt.Sprintf("the document has more than %d tokens, the limit: "+
			"select less, or pass values as variables", d.o.MaxTokens))
	case strings.HasPrefix(e.Message, "exceeded maximum nesting depth"):
		return finish(e, codeTooExpensive,
			fmt.Sprintf("the document is nested more than %d levels deep, the parser's limit; "+
				"fields may be nested %d levels: fetch what is deeper with another operation", parser.MaxNestingDepth,
				d.o.MaxDepth))
	case strings.Contains(e.Message, "<Invalid>"): // the library does not say which of these it found
		return finish(e, codeBadUserInput, "the document cannot be parsed from here: there is an unterminated string, "+
			"an invalid escape sequence, or a character that GraphQL does not allow")
	}
	return finish(e, codeBadUserInput, e.Message)
}

// walk visits the selections of some sets, and those below each selection for which visit returns true. It passes visit
// the selection's directives and what it selects; of a spread, that is the fragment's. It walks through each fragment
// once, however often that is spread.
func walk(visit func(s ast.Selection, d *ast.DirectiveList, below ast.SelectionSet) bool, sets ...ast.SelectionSet) {
	walked := map[*ast.FragmentDefinition]bool{nil: true} // another rule refuses spreads of no fragment
	var each func(ast.SelectionSet)
	each = func(set ast.SelectionSet) {
		for _, s := range set {
			switch s := s.(type) {
			case *ast.Field:
				if visit(s, &s.Directives, s.SelectionSet) {
					each(s.SelectionSet)
				}
			case *ast.InlineFragment:
				if visit(s, &s.Directives, s.SelectionSet) {
					each(s.SelectionSet)
				}
			case *ast.FragmentSpread:
				var below ast.SelectionSet
				if s.Definition != nil {
					below = s.Definition.SelectionSet
				}
				if visit(s, &s.Directives, below) && !walked[s.Definition] {
					walked[s.Definition] = true
					each(below)
				}
			}
		}
	}
	for _, set := range sets {
		each(set)
	}
}

// fieldsOf returns the fields of selection sets that are merged into one, and of the fragments in them.
func fieldsOf(sets ...ast.SelectionSet) (fields []*ast.Field) {
	walk(func(s ast.Selection, _ *ast.DirectiveList, _ ast.SelectionSet) bool {
		f, isField := s.(*ast.Field)
		if isField {
			fields = append(fields, f)
		}
		return !isField
	}, sets...)
	return fields
}

// selectionsOf returns the selection sets of all operations of a document. Between them, they spread every fragment.
func selectionsOf(doc *ast.QueryDocument) (sets []ast.SelectionSet) {
	for _, op := range doc.Operations {
		sets = append(sets, op.SelectionSet)
	}
	return sets
}

// operationOf returns the operation with that name, or the only operation if name is empty.
func operationOf(doc *ast.QueryDocument, name string) (*ast.OperationDefinition, *gqlerror.Error) {
	if op := doc.Operations.ForName(name); op != nil {
		return op, nil
	}
	if name == "" {
		return nil, requestError(codeBadUserInput,
			"the document has several operations: name the one to run in operationName")
	}
	return nil, requestError(codeBadUserInput,
		fmt.Sprintf("the document has no operation named %q (operationName)", name))
}
