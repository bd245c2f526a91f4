package graph

import (
	"bytes"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/go-json-experiment/json/jsontext"
	"github.com/vektah/gqlparser/v2/ast"

	"deliverygraph/graph/generated"
)

// deferredFields says which fields of the first part of a response arrive in later parts. gqlgen writes null for them.
// Clients such as Apollo Client would take that for the value, and null is not a valid value of many fields.
type deferredFields struct {
	pending map[string]bool            // by response name
	below   map[string]*deferredFields // by response name, for fields with pending fields further down
}

// deferredFieldsOf returns the deferred fields of a selection on a type, or nil if nothing in it is pending.
func deferredFieldsOf(oc *graphql.OperationContext, schema *ast.Schema, set ast.SelectionSet,
	on *ast.Definition) *deferredFields {
	s := &deferredFields{pending: map[string]bool{}, below: map[string]*deferredFields{}}
	var satisfied []string // empty matches all types: the type of an interface's object is unknown here
	if on.Kind == ast.Object {
		satisfied = append(slices.Clone(on.Interfaces), on.Name)
	}
	for _, f := range graphql.CollectFields(oc, set, satisfied) {
		of := f.ObjectDefinition
		if of == nil || f.Definition == nil {
			continue
		}
		if f.IsDeferred() && of != schema.Query && generated.Concurrent[of.Name+"."+f.Name] {
			s.pending[f.Alias] = true
			continue
		}
		if below := deferredFieldsOf(oc, schema, f.Selections, schema.Types[f.Definition.Type.Name()]); below != nil {
			s.below[f.Alias] = below
		}
	}
	if len(s.pending)+len(s.below) == 0 {
		return nil
	}
	return s
}

// without returns the data without its pending fields.
func (s *deferredFields) without(data []byte) []byte {
	if s == nil || len(data) == 0 {
		return data
	}
	var out bytes.Buffer
	from, to := jsontext.NewDecoder(bytes.NewReader(data)), jsontext.NewEncoder(&out)
	if s.copy(from, to) != nil { // cannot happen, as the data is valid JSON
		return data
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n"))
}

// copy copies a value without its pending fields.
func (s *deferredFields) copy(from *jsontext.Decoder, to *jsontext.Encoder) error {
	kind := from.PeekKind()
	if s == nil || kind != '{' && kind != '[' {
		v, err := from.ReadValue()
		if err == nil {
			err = to.WriteValue(v)
		}
		return err
	}
	t, err := from.ReadToken()
	if err != nil {
		return err
	}
	if err := to.WriteToken(t); err != nil {
		return err
	}
	for from.PeekKind() != kind+2 { // until the closing bracket
		of := s
		if kind == '{' {
			name, err := from.ReadToken()
			if err != nil {
				return err
			}
			key := name.String()
			if s.pending[key] && from.PeekKind() == 'n' {
				if err := from.SkipValue(); err != nil {
					return err
				}
				continue
			}
			if err := to.WriteToken(jsontext.String(key)); err != nil {
				return err
			}
			of = s.below[key]
		}
		if err := of.copy(from, to); err != nil {
			return err
		}
	}
	t, err = from.ReadToken()
	if err != nil {
		return err
	}
	return to.WriteToken(t)
}
