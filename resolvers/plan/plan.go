// Package plan prices an operation before it runs: how many upstream calls it makes,
// and how many rows its answer may have.
//
// A price comes from the document and its variables alone, without a call. It knows
// what the resolvers know of each field: which of them share a call (aliases, the
// senders of a page, a list and the stats over its window), and which cost one for
// each row. What it cannot know is what the answers hold, so there are two prices.
//
// Planned is what the operation costs while every page is as full as it may be, each
// of its rows is of another user and sender, nothing is cached, and totals and single
// objects are found by the fewest calls. It is exact for the operations of
// the contract (the table of docs/partners.md). Where pages are less full it is too high,
// where a total must be probed for, or a list has moved under a cursor, too low.
//
// Worst is what no operation exceeds, over an upstream that answers as the API's
// document says and whose lists lose and reorder nothing while they are read.
//
// The work is linear in the document: what a fragment or a selection costs on the same
// kind of object is worked out once, and a document that is made to have ever new
// ones is given up, as [TooMany].
//
// Start reading at [Of]; walk.go goes through the selections, field.go has what each
// field costs, and calls.go says which calls are the same.
package plan

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"deliverygraph/upstream"
)

// Operation is what is priced. The document has been validated and the variables
// coerced.
type Operation struct {
	Definition *ast.OperationDefinition
	Variables  map[string]any
	// Users is how many users the caller may see, or [Everyone]: a call for no user in
	// particular is one for each of a few.
	Users int
	// Masked says that the caller may not read recipients' addresses, so that email ids
	// which may hold one are found by looking through a second.
	Masked bool
	// Now ends relative windows.
	Now upstream.Time
}

// Everyone is the Users of a caller who may see all there are.
const Everyone = -1

// TooMany is a number of calls or rows that is past counting.
const TooMany = 1 << 40

// Plan is the price of an operation. Numbers end at [TooMany].
type Plan struct {
	Calls      int64 // planned upstream calls, each distinct one once
	WorstCalls int64 // the most upstream calls, tries of one call not counted apart
	// WorstRows is the most elements that lists of the answer have together: of
	// connections (as nodes and as edges), of series and of nodes(ids:). Catalogues and
	// headers are not counted.
	WorstRows int64

	of Operation
}

// Endpoint is the calls of one endpoint of the REST API.
type Endpoint struct {
	Endpoint   string // the path with placeholders
	Calls      int64
	WorstCalls int64
}

// Of prices an operation; a subscription by one of its events.
func Of(op Operation) Plan {
	w := walkers.Get().(*walker)
	defer w.done()
	return w.price(op)
}

// price walks an operation; the walker's charges are then its.
func (w *walker) price(op Operation) Plan {
	w.op = op
	rows := w.root(op.Definition)
	if w.steps > maxSteps {
		return Plan{Calls: TooMany, WorstCalls: TooMany, WorstRows: TooMany}
	}
	p := Plan{WorstRows: rows, of: op}
	for _, c := range w.charges {
		p.Calls, p.WorstCalls = add(p.Calls, c.planned), add(p.WorstCalls, c.worst)
	}
	return p
}

// charges are the single calls of a plan. Few ask: most plans are a number to hold
// against a limit, and are spared to keep them.
func (p Plan) charges() map[call]charge {
	w := newWalker()
	if p.of.Definition != nil {
		w.price(p.of)
	}
	return w.charges
}

// Endpoints tells the calls apart, those with most planned calls first.
func (p Plan) Endpoints() []Endpoint {
	of := map[string]Endpoint{}
	for c, price := range p.charges() {
		e := of[c.endpoint()]
		of[c.endpoint()] = Endpoint{c.endpoint(), add(e.Calls, price.planned), add(e.WorstCalls, price.worst)}
	}
	return slices.SortedFunc(maps.Values(of), func(a, b Endpoint) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(b.WorstCalls, a.WorstCalls), strings.Compare(a.Endpoint, b.Endpoint))
	})
}

// Dearest is the field with most planned calls, such as "bounces.nodes.detail", and
// how many those are; empty where none are planned.
func (p Plan) Dearest() (field string, calls int64) {
	type sum struct {
		calls int64
		first int // of its charges
	}
	of := map[string]sum{}
	for _, c := range p.charges() {
		name := c.at.String()
		s, met := of[name]
		if !met || c.order < s.first {
			s.first = c.order
		}
		of[name] = sum{add(s.calls, c.planned), s.first}
	}
	var dearest sum
	for name, s := range of {
		if s.calls > dearest.calls || s.calls == dearest.calls && s.calls > 0 && s.first < dearest.first {
			field, dearest = name, s
		}
	}
	return field, dearest.calls
}

func add(a, b int64) int64 { return min(a+b, TooMany) }

func mul(a, b int64) int64 {
	if a != 0 && b > TooMany/a {
		return TooMany
	}
	return a * b
}
