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

// documents parses and validates documents, and keeps the sound ones by their
// text, bounded in bytes: a bound in entries lets 1,000 large documents keep
// hundreds of megabytes.
type documents struct {
	schema *ast.Schema
	rules  []validator.Rule
	o      *Options
	sound  *otter.Cache[string, document]
}

// document is a sound document, and what follows from its text alone.
type document struct {
	*ast.QueryDocument
	hash        string // as [HashDocument] has it
	known       []byte // the data of every answer to it; nil where it takes running
	plans       *columns.Plans
	nulls       nullPlaces
	introspects bool // an operation of it asks for the schema
}

// knownData is the data of every answer to a document, if there is any: that of a query
// which asks what it is itself and no more, as health checks do.
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

// docBytesPerByte is what a parsed document holds for each byte of its text:
// measured 30 to 370 over small and large documents, and some 30 for each set of plans.
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

// allRules are the library's, but those that ours are in place of.
func (d *documents) allRules() []validator.Rule {
	all := rules.NewDefaultRules()
	all.ReplaceRule(rules.ValuesOfCorrectTypeRule.Name, d.literals)
	all.ReplaceRule(rules.OverlappingFieldsCanBeMergedRule.Name, d.overlaps)
	all.ReplaceRule(rules.MaxIntrospectionDepth.Name, d.introspection)
	all.ReplaceRule(rules.LoneAnonymousOperationRule.Name, anonymous)
	all.ReplaceRule(rules.UniqueOperationNamesRule.Name, sameNames)
	all.ReplaceRule(rules.SingleFieldSubscriptionsRule.Name, singleField)
	if d.o.HideSchema { // what is near to a name tells of the schema too
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

// read gives the document of a text, or all that is wrong with it.
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
		plans:         columns.NewPlans(),
		nulls:         nullPlacesOf(doc),
		introspects:   asksForSchema(doc, d.schema),
	}
	d.sound.Set(text, sound)
	return sound, nil
}

// parse parses a document, and gives the text that the positions in it refer to.
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

// enough ends a validation that has found as many errors as are shown.
type enough struct{}

// validate holds a document against all rules, up to the last error that is shown:
// to find and word a document's thousandth error is work for nobody.
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

// unparsable presents an error of the parser: a mistake, or a limit.
func (d *documents) unparsable(err error) *gqlerror.Error {
	e, ok := err.(*gqlerror.Error)
	if !ok {
		return requestError(codeBadUserInput, "the document cannot be parsed")
	}
	switch {
	case strings.HasPrefix(e.Message, "exceeded token limit"):
		return finish(e, codeTooExpensive, fmt.Sprintf("the document has more than %d tokens, the most that is taken: ask for less, or give values by variables", d.o.MaxTokens))
	case strings.HasPrefix(e.Message, "exceeded maximum nesting depth"):
		return finish(e, codeTooExpensive, fmt.Sprintf("the document nests deeper than %d levels, the most that is read; fields may have at most %d: ask for what is deeper by an operation of its own", parser.MaxNestingDepth, d.o.MaxDepth))
	case strings.Contains(e.Message, "<Invalid>"): // the library knows more, and keeps it to itself
		return finish(e, codeBadUserInput, "the document cannot be read on from here: there is a string without its end, an escape that is none, or a character that GraphQL has no use for")
	}
	return finish(e, codeBadUserInput, e.Message)
}

// partsOf gives the directives of a selection, and what is selected below it.
func partsOf(s ast.Selection) (ast.DirectiveList, ast.SelectionSet) {
	switch s := s.(type) {
	case *ast.Field:
		return s.Directives, s.SelectionSet
	case *ast.InlineFragment:
		return s.Directives, s.SelectionSet
	case *ast.FragmentSpread:
		if s.Definition != nil { // else a rule refuses it
			return s.Directives, s.Definition.SelectionSet
		}
		return s.Directives, nil
	}
	return nil, nil
}

// operationOf gives the operation of that name, or the only one for no name.
func operationOf(doc *ast.QueryDocument, name string) (*ast.OperationDefinition, *gqlerror.Error) {
	if op := doc.Operations.ForName(name); op != nil {
		return op, nil
	}
	if name == "" {
		return nil, requestError(codeBadUserInput, "the document has several operations: give the name of the one to run as operationName")
	}
	return nil, requestError(codeBadUserInput, fmt.Sprintf("the document has no operation named %q, as operationName asks", name))
}
