// Package cost prices operations, enforces their budgets and explains what they did. [Extension] refuses operations
// that plan too many upstream calls, charges callers for their calls, and reports in extensions.upstream on request.
//
// A price is computed from the document and its variables, without a call. It accounts for what the resolvers
// do: some fields share a call (aliases, the senders of a page, a list and the stats over its window), others
// cost a call for each row. It cannot know the answers, so there are two prices.
//
// The planned price assumes that every page is full, that each row has another user and sender, that nothing is
// cached, and that totals and single objects are found by the fewest calls. It is exact for the operations in
// the table of docs/partners.md. It is too high if pages are not full. It is too low if a total must be probed
// for, or if a list has moved since a cursor was made.
//
// The worst price is never exceeded, given an upstream that follows the API's document and whose lists neither
// lose nor reorder rows while they are read. Prices are those without a cache, which may split a call for counts of a
// window that ends now.
//
// The work is linear in the size of the document: the price of a fragment's selections on a kind of object is computed
// only once. A document that keeps producing new ones gets the price [TooMany].
//
// Start reading at [Of]. walk.go visits the selections, field.go prices each field, and calls.go defines which calls
// are the same. extension.go prices an operation before it runs, and refuse.go has the errors for those that are too
// expensive. report.go has the form of extensions.upstream, ratelimit.go charges callers, and cache_control.go says how
// long answers may be kept.
package cost

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/vektah/gqlparser/v2/ast"

	"deliverygraph/upstream"
)

// Operation is the operation to price. The document must be validated and the variables coerced.
type Operation struct {
	Definition *ast.OperationDefinition
	Variables  map[string]any
	// Users is the number of users that the caller may see, or [Everyone]. For a few users, a call without a
	// user becomes one call for each of them.
	Users int
	// Masked says that the caller may not read recipients' addresses. Email ids that may contain an address are
	// then found by searching the second of the bounce.
	Masked bool
	// Now is the end of relative windows.
	Now upstream.Time
}

// Everyone as Operation.Users means that the caller may see all users.
const Everyone = -1

// TooMany is the highest number of calls or rows that is counted.
const TooMany = 1 << 40

// Plan is the price of an operation. Its numbers do not exceed [TooMany].
type Plan struct {
	Calls      int64 `json:"calls"`      // planned number of distinct upstream calls
	WorstCalls int64 `json:"worstCalls"` // maximum number of upstream calls, not counting retries
	// WorstRows is the maximum number of elements in the lists of the answer: of connections (as nodes and as
	// edges), of series and of nodes(ids:). Catalogues and headers are not counted.
	WorstRows int64 `json:"worstRows"`

	of Operation
}

// Endpoint is the price of the calls of one endpoint of the REST API.
type Endpoint struct {
	Endpoint   string `json:"path"` // with placeholders
	Calls      int64  `json:"calls"`
	WorstCalls int64  `json:"worstCalls"`
}

// Of returns the price of an operation. For a subscription it is the price of one event.
func Of(op Operation) Plan {
	w := walkers.Get().(*walker)
	defer w.done()
	return w.price(op)
}

// price prices an operation and leaves its calls in w.charges.
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

// again prices the operation once more, and returns the walker with its calls. Few callers need them: most plans are
// only compared with a limit, so a plan does not keep its calls.
func (p Plan) again() *walker {
	w := newWalker()
	if p.of.Definition != nil {
		w.price(p.of)
	}
	return w
}

// Endpoints returns the price by endpoint, in descending order of planned calls.
func (p Plan) Endpoints() []Endpoint {
	of := map[string]Endpoint{}
	for _, c := range p.again().charges {
		e := of[c.endpoint()]
		of[c.endpoint()] = Endpoint{c.endpoint(), add(e.Calls, c.planned), add(e.WorstCalls, c.worst)}
	}
	return slices.SortedFunc(maps.Values(of), func(a, b Endpoint) int {
		return cmp.Or(cmp.Compare(b.Calls, a.Calls), cmp.Compare(b.WorstCalls, a.WorstCalls),
			strings.Compare(a.Endpoint, b.Endpoint))
	})
}

// Dearest returns the field with the most planned calls, such as "bounces.nodes.detail", and their number. The
// field is empty if no calls are planned.
func (p Plan) Dearest() (field string, calls int64) {
	charges, of := p.again().charges, map[string]int64{}
	for _, c := range charges {
		of[c.at.String()] = add(of[c.at.String()], c.planned)
	}
	for _, c := range charges {
		if name := c.at.String(); of[name] > calls {
			field, calls = name, of[name]
		}
	}
	return field, calls
}

func add(a, b int64) int64 { return min(a+b, TooMany) }

func mul(a, b int64) int64 {
	if a != 0 && b > TooMany/a {
		return TooMany
	}
	return a * b
}
