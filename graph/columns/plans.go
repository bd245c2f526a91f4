package columns

import (
	"context"
	"slices"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
)

// Plans holds the compiled lists of one document. Keep it with the document, for later operations. It is safe for
// concurrent use.
type Plans struct {
	mu         sync.RWMutex
	conditions map[*ast.Field][]string // variables that a field's plan depends on
	plans      map[planKey]any         // *plan[T], or nil if the generated code answers the list
	fields     int                     // of all plans
	most       int                     // limit of fields
}

// planKey identifies a list field and the values of its conditions, as bits.
type planKey struct {
	field  *ast.Field
	values uint64
}

// maxPlans limits the plans of a document: one per list and set of conditions.
const maxPlans = 64

// NewPlans returns an empty set of plans for a document with that text. They take about as much memory as the document
// at most: a field takes about eight bytes of it, so there is room for eight plans of every list.
func NewPlans(text string) *Plans {
	return &Plans{conditions: map[*ast.Field][]string{}, plans: map[planKey]any{}, most: len(text)}
}

// Meter limits the memory of a response. It is safe for concurrent use.
type Meter interface {
	// Take counts memory of the response: bytes of a list as they are written or, if the generated code is going to
	// write the list, an estimate before. Its error takes the place of the list.
	Take(bytes int) error
}

// operation is the context of an operation whose lists are answered by columns.
type operation struct {
	context.Context
	plans *Plans
	meter Meter
}

type operationKey struct{}

// With returns a context whose operation uses the plans in p, and counts its lists by m. If p is nil, the generated
// code answers all lists.
func With(ctx context.Context, p *Plans, m Meter) context.Context { return &operation{ctx, p, m} }

// Value implements [context.Context].
func (o *operation) Value(k any) any {
	if _, ok := k.(operationKey); ok {
		return o
	}
	return o.Context.Value(k)
}

// planned returns the plan of a list field.
func planned[T any](plans *Plans, t *Type[T], s selected) (*plan[T], bool) {
	f := s.field.Field
	// If several fields with the same name were merged, the selection belongs to none of them.
	if len(f.Selections) != len(f.SelectionSet) {
		return compile(t, s.oc, f.Selections)
	}
	key, ok := plans.key(f.Field, s.oc.Variables)
	if !ok {
		return compile(t, s.oc, f.Selections)
	}
	if kept, found := plans.get(key); found {
		p, _ := kept.(*plan[T])
		return p, p != nil
	}
	p, ok := compile(t, s.oc, f.Selections)
	if !ok {
		p = nil
	}
	plans.put(key, p)
	return p, ok
}

// key returns the key of a field's plan. It returns false if the conditions cannot be expressed as bits.
func (p *Plans) key(f *ast.Field, variables map[string]any) (planKey, bool) {
	p.mu.RLock()
	names, found := p.conditions[f]
	p.mu.RUnlock()
	if !found {
		names = conditions(f.SelectionSet)
		p.mu.Lock()
		if len(p.conditions) < maxPlans {
			p.conditions[f] = names
		}
		p.mu.Unlock()
	}
	key := planKey{field: f}
	for i, name := range names {
		v, ok := variables[name].(bool)
		if !ok || i >= 64 {
			return key, false
		}
		if v {
			key.values |= 1 << i
		}
	}
	return key, true
}

func (p *Plans) get(key planKey) (any, bool) {
	p.mu.RLock()
	defer p.mu.RUnlock()
	v, found := p.plans[key]
	return v, found
}

func (p *Plans) put(key planKey, plan any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	fields := fieldsOf(key.field.SelectionSet)
	if len(p.plans) < maxPlans && p.fields+fields <= p.most {
		p.plans[key] = plan
		p.fields += fields
	}
}

// conditions returns the variables that decide which parts of a selection are included or deferred.
func conditions(sel ast.SelectionSet) (names []string) {
	seen := map[*ast.FragmentDefinition]bool{}
	var walk func(ast.SelectionSet)
	of := func(list ast.DirectiveList) {
		for _, d := range list {
			for _, a := range d.Arguments {
				if a.Name == "if" && a.Value.Kind == ast.Variable && !slices.Contains(names, a.Value.Raw) {
					names = append(names, a.Value.Raw)
				}
			}
		}
	}
	walk = func(sel ast.SelectionSet) {
		for _, s := range sel {
			switch s := s.(type) {
			case *ast.Field:
				of(s.Directives)
				walk(s.SelectionSet)
			case *ast.InlineFragment:
				of(s.Directives)
				walk(s.SelectionSet)
			case *ast.FragmentSpread:
				of(s.Directives)
				if !seen[s.Definition] {
					seen[s.Definition] = true
					walk(s.Definition.SelectionSet)
				}
			}
		}
	}
	walk(sel)
	return names
}
