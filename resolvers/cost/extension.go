package cost

import (
	"context"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"deliverygraph/graph"
	"deliverygraph/graph/model"
	"deliverygraph/internal/auth"
	"deliverygraph/internal/ratelimit"
	"deliverygraph/resolvers/loaders"
	"deliverygraph/resolvers/operation"
	"deliverygraph/upstream"
)

// Options configure an [Extension].
type Options struct {
	// MaxCalls is how many upstream calls an operation may make; 0 means no limit. An operation that plans more is
	// refused with QUERY_TOO_EXPENSIVE.
	MaxCalls int
	// MaxRows is how many elements the lists of an answer may have together, for the reports; 0 leaves it out.
	MaxRows int64
	// Allowed says whether callers may have their operations explained.
	Allowed bool
	// Shared is how long operations share the end of their relative windows: see [loaders.Now].
	Shared time.Duration
	// Groups returns how many calls a breakdown takes of a server that cannot group events, or at most if that is not
	// exact. It may make calls to find out, and is used only if an operation's price is asked for. Nil means that a
	// breakdown takes the calls that are planned for it.
	Groups func(ctx context.Context, q upstream.Question) (calls int, exact bool, err error)
	// Now is the clock.
	Now func() time.Time
	// Observe, if not nil, is called with the number of upstream calls that each operation plans, and whether it was
	// refused because that is more than MaxCalls. The operation waits for it.
	Observe func(calls int64, refused bool)
	// Limiter charges callers for their operations. CostPerMinute is the limit, in units, of those without a limit of
	// their own; 0 means none. Refused is called with [UsedUp] or [TooDear] for each operation refused.
	Limiter       *ratelimit.Limiter
	CostPerMinute int
	Refused       func(reason string)
}

// Extension prices each operation before it runs, refuses it if it plans too many calls or more than its caller can
// pay, and makes its [operation.Operation], which records what it does. It is an extension of the endpoint (see
// graph/engine.go), and must come before those whose work is recorded. The endpoint must call [Extension.Admit] first.
//
// A request that sends X-Explain: 1 (or extensions: {"explain": true}) gets a report in extensions.upstream: every
// upstream call, what was joined, cached or stale, and the batches of loaders. Callers who may not see all of an answer
// do not learn its size or how its call went. X-Explain: plan (or {"explain": "plan"}) prices the operation without
// running it. Stale parts of an answer are always reported.
type Extension struct {
	o Options
	n *atomic.Int64 // of operations
}

var _ interface {
	graph.Preparer
	graph.Beginner
	graph.Finisher
} = Extension{}

// New returns the extension.
func New(o Options) Extension { return Extension{o, new(atomic.Int64)} }

// Header is the request header that asks for an explanation: 1 or plan.
const Header = "X-Explain"

// asked is the explanation that a request asks for.
type asked uint8

const (
	nothing asked = iota
	calls
	askedPrice
)

// request is what is known about an operation before it runs, and the context that it is prepared and run in.
type request struct {
	context.Context

	asked   asked
	refused bool // it asked for an explanation that its caller may not have
	plan    Plan
	bill    bill
	limiter *ratelimit.Limiter

	// Of a subscription, besides its events: it makes calls to find the events that a reader has missed.
	stream *operation.Operation
	paid   int // calls of stream that were charged
}

// extensionKey and costKey are the keys of the reports in the extensions of a response.
const extensionKey, costKey = "upstream", "cost"

type requestKey struct{}

// Value returns the request for its key, and otherwise the value in the context.
func (op *request) Value(key any) any {
	if _, own := key.(requestKey); own {
		return op
	}
	return op.Context.Value(key)
}

func noted(ctx context.Context) *request {
	op, _ := ctx.Value(requestKey{}).(*request)
	return op
}

// Rows returns how many rows the answer to the context's operation may have.
func (Extension) Rows(ctx context.Context) int64 {
	op := noted(ctx)
	if op == nil || op.asked == askedPrice {
		return 0
	}
	return op.plan.WorstRows
}

// Prepare implements [graph.Preparer]. It prices and charges the operation, or refuses it.
func (e Extension) Prepare(ctx context.Context, oc *graphql.OperationContext) (context.Context, *gqlerror.Error) {
	op := &request{Context: ctx, limiter: e.o.Limiter}
	var problem *gqlerror.Error
	if op.asked, problem = wish(oc); problem != nil {
		return ctx, problem
	}
	op.refused = op.asked != nothing && !e.o.Allowed
	if op.refused && op.asked == askedPrice {
		return ctx, refuse("FORBIDDEN", notAllowed+"; this one was not run, as its price alone was asked for")
	}
	caller := auth.FromContext(ctx)
	users := caller.Users.Len()
	now, _ := loaders.Now(e.o.Now(), e.o.Shared)
	op.plan = Of(Operation{
		Definition: oc.Operation, Variables: oc.Variables,
		Users: users, Masked: !caller.Scopes.Has(auth.RecipientsRead), Now: now,
	})
	tooMany := op.asked != askedPrice && e.o.MaxCalls > 0 && op.plan.Calls > int64(e.o.MaxCalls)
	if e.o.Observe != nil {
		e.o.Observe(op.plan.Calls, tooMany)
	}
	if tooMany {
		return op, tooExpensive(op.plan, e.o.MaxCalls, users)
	}
	return op, e.charge(op, oc, op)
}

const notAllowed = "operations are not explained here: that takes a gateway that was started with --explain on"

// wish returns the explanation that a request asks for.
func wish(oc *graphql.OperationContext) (asked, *gqlerror.Error) {
	switch v := oc.Headers.Get(Header); v {
	case "":
	case "1", "true":
		return calls, nil
	case "plan":
		return askedPrice, nil
	case "0", "false":
		return nothing, nil
	default:
		return nothing, refuse("BAD_USER_INPUT", `the header X-Explain must be 1 or plan`)
	}
	switch oc.Extensions["explain"] {
	case nil, false:
		return nothing, nil
	case true:
		return calls, nil
	case "plan":
		return askedPrice, nil
	}
	return nothing, refuse("BAD_USER_INPUT", `the request's extensions.explain must be true or "plan"`)
}

// Begin implements [graph.Beginner]. It makes the [operation.Operation].
func (e Extension) Begin(ctx context.Context, oc *graphql.OperationContext) (context.Context, *graphql.Response) {
	op := noted(ctx)
	if op.asked == askedPrice {
		price := report{Plan: e.o.planned(op.plan)}
		if e.o.Groups != nil {
			e.priceGroups(operation.New(ctx, operation.Options{MaxCalls: e.o.MaxCalls}), op.plan, price.Plan)
		}
		return ctx, &graphql.Response{Extensions: map[string]any{extensionKey: price}}
	}
	var digits [20]byte
	id := string(strconv.AppendInt(append(digits[:0], '#'), e.n.Add(1), 10))
	caller := auth.FromContext(ctx)
	o := operation.Options{
		Name: id, Caller: caller.Name, MaxCalls: e.o.MaxCalls, Planned: int(op.plan.Calls), Explain: op.explains(),
	}
	if oc.Operation.Name != "" {
		o.Name = model.Excerpt(oc.Operation.Name) + " " + id
	}
	if o.Caller == "" { // if callers have no names, operations take turns at the server
		o.Caller = id
	}
	if o.Explain {
		o.Sees = caller.Sees
	}
	made := operation.New(ctx, o)
	if oc.Operation.Operation == ast.Subscription {
		op.stream = made
	}
	return made, nil
}

func (op *request) explains() bool { return op.asked == calls && !op.refused }

// Finish implements [graph.Finisher]. It adds the reports. If an answer comes in parts, the last one has them.
func (e Extension) Finish(ctx context.Context, resp *graphql.Response) {
	op := noted(ctx)
	if op == nil || resp.HasNext != nil && *resp.HasNext {
		return
	}
	add := func(key string, report any) {
		if resp.Extensions == nil {
			resp.Extensions = map[string]any{}
		}
		resp.Extensions[key] = report
	}
	if op.bill.requested > 0 && (op.bill.limit > 0 || op.explains()) {
		add(costKey, settledCost(ctx, op))
	}
	l := operation.From(ctx)
	if l == nil {
		return
	}
	sum := l.Summary()
	if op.asked == nothing && sum.Stale == 0 {
		return
	}
	r := report{Stale: staleness(sum)}
	switch {
	case op.refused:
		r.Message = notAllowed
	case op.asked == calls:
		notes, batches := l.Notes()
		caller := auth.FromContext(ctx)
		r.Plan = e.o.planned(op.plan)
		r.Batches = &batchReport{sum.Asked, sum.Distinct, batches}
		r.Calls, r.Totals = callReports(notes, caller), totals(sum, len(notes), caller)
	}
	add(extensionKey, r)
}
