package columns

import (
	"context"
	"slices"
	"sync"

	"github.com/vektah/gqlparser/v2/ast"
)

// Plans are what the lists of one document were compiled to, kept for its next operations:
// keep them with the document. They are safe for concurrent use.
type Plans struct {
	mu         sync.RWMutex
	conditions map[*ast.Field][]string // the variables that a field's plan depends on
	plans      map[planKey]any         // a *plan[T], nil where it is the generated code's
}

// planKey is a field that gives a list, and the values of its conditions as bits.
type planKey struct {
	field  *ast.Field
	values uint64
}

// maxPlans bounds the plans of a document: one for each list, and each set of conditions.
const maxPlans = 64

// NewPlans makes the plans of a document, of which there are none yet.
func NewPlans() *Plans {
	return &Plans{conditions: map[*ast.Field][]string{}, plans: map[planKey]any{}}
}

type plansKey struct{}

// With tells the operation of a context where the plans of its document are kept. Without
// it the generated code answers all lists.
func With(ctx context.Context, p *Plans) context.Context {
	return context.WithValue(ctx, plansKey{}, p)
}

// planned gives the plan of a list's field.
func planned[T any](t *Type[T], s selected) (*plan[T], bool) {
	f := s.field.Field
	plans, _ := s.ctx.Value(plansKey{}).(*Plans)
	if plans == nil {
		return nil, false
	}
	// What several fields of one name select together is no field's own.
	if len(f.Selections) != len(f.SelectionSet) {
		return compile(t, s.oc, f.Selections)
	}
	key, ok := plans.key(f.Field, s.oc.Variables)
	if !ok {
		return compile(t, s.oc, f.Selections)
	}
	if kept, met := plans.get(key); met {
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

// key gives the key of a field's plan, and false where its conditions are not to be told
// by bits.
func (p *Plans) key(f *ast.Field, variables map[string]any) (planKey, bool) {
	p.mu.RLock()
	names, met := p.conditions[f]
	p.mu.RUnlock()
	if !met {
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
	v, met := p.plans[key]
	return v, met
}

func (p *Plans) put(key planKey, plan any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.plans) < maxPlans {
		p.plans[key] = plan
	}
}

// conditions are the variables that say what of a selection is taken, and what is put off.
func conditions(sel ast.SelectionSet) (names []string) {
	met := map[*ast.FragmentDefinition]bool{}
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
				if !met[s.Definition] {
					met[s.Definition] = true
					walk(s.Definition.SelectionSet)
				}
			}
		}
	}
	walk(sel)
	return names
}
