package ratelimit

import (
	"context"
	"fmt"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"deliverygraph/graph/operation"
	"deliverygraph/resolvers/auth"
	"deliverygraph/resolvers/explain"
	"deliverygraph/upstream/ledger"
)

// Extension charges operations: an extension of the endpoint (package operation) that
// comes behind [explain.Extension], whose plans it charges by.
type Extension struct{ *rates }

type rates struct {
	limiter *Limiter
	limit   int
	refused func(reason string)
}

var _ interface {
	graphql.HandlerExtension
	operation.Preparer
	operation.Beginner
	operation.Finisher
} = Extension{}

// New makes the extension. The endpoint asks [Extension.Admit] first. The limit is in
// units a minute, for callers without one of their own; 0 is none. refused is told why
// an operation is: [UsedUp] or [TooDear].
func New(l *Limiter, limit int, refused func(reason string)) Extension {
	return Extension{&rates{l, limit, refused}}
}

// Why operations are refused.
const (
	UsedUp  = "used-up"  // the caller has used up what it may for now
	TooDear = "too-dear" // the operation plans more than its caller may have in any minute
)

// ExtensionName implements graphql.HandlerExtension.
func (Extension) ExtensionName() string { return "RateLimit" }

// Validate implements graphql.HandlerExtension.
func (Extension) Validate(graphql.ExecutableSchema) error { return nil }

// key of the report in extensions.
const key = "cost"

// bill is what an operation has been charged.
type bill struct {
	requested int
	refused   bool
	explained bool
}

type billKey struct{}

func billOf(ctx context.Context) *bill {
	b, _ := ctx.Value(billKey{}).(*bill)
	return b
}

// of gives whose allowance the context's caller uses, and its limit; 0 is none.
func (e Extension) of(ctx context.Context) (name string, limit int) {
	c := auth.FromContext(ctx)
	limit = e.limit
	if c.Limits.CostPerMinute > 0 {
		limit = c.Limits.CostPerMinute
	}
	if limit == 0 {
		return "", 0
	}
	if c.Name != "" {
		return "caller " + c.Name, limit
	}
	address, _ := ctx.Value(addressKey{}).(string)
	return "address " + address, limit
}

// Status tells what the context's caller may still use, and false where there is no
// limit.
func (e Extension) Status(ctx context.Context) (Status, bool) {
	name, limit := e.of(ctx)
	if limit == 0 {
		return Status{}, false
	}
	return e.limiter.Status(name, limit), true
}

// Admit charges the context's caller the unit that every operation costs, so that to have
// bad documents looked at is not free either. Its error is for the caller.
func (e Extension) Admit(ctx context.Context) error {
	name, limit := e.of(ctx)
	if limit == 0 {
		return nil
	}
	if ok, wait := e.limiter.Charge(name, limit, 1); !ok {
		e.refused(UsedUp)
		return rateLimited(wait, "you have used all of your %d units a minute: try again in %v", limit, wait.Round(100*time.Millisecond))
	}
	return nil
}

func rateLimited(wait time.Duration, format string, args ...any) *gqlerror.Error {
	return &gqlerror.Error{
		Message:    fmt.Sprintf(format, args...),
		Extensions: map[string]any{"code": "RATE_LIMITED", "retryable": true, "retryAfterMs": (wait + time.Millisecond - 1).Milliseconds()},
	}
}

// Prepare implements [operation.Preparer]: it charges the calls that the operation plans.
func (e Extension) Prepare(ctx context.Context, oc *graphql.OperationContext) (context.Context, *gqlerror.Error) {
	priced, explained := explain.Asks(ctx)
	name, limit := e.of(ctx)
	if limit == 0 && !explained { // nobody is to know
		return ctx, nil
	}
	b := &bill{requested: 1, explained: explained}
	if p, ok := explain.PlanOf(ctx); ok && !priced && oc.Operation.Operation != ast.Subscription {
		b.requested += int(p.Calls)
	}
	ctx = context.WithValue(ctx, billKey{}, b)
	if limit == 0 {
		return ctx, nil
	}
	var ok bool
	var wait time.Duration // 0 is for ever
	if b.requested <= limit {
		if ok, wait = e.limiter.Charge(name, limit, b.requested-1); ok {
			return ctx, nil
		}
		wait += cost(limit, 1) // to be admitted again
	}
	b.refused = true
	if wait == 0 {
		e.refused(TooDear)
		return ctx, &gqlerror.Error{
			Message:    fmt.Sprintf("this operation may cost %d units (1, and 1 for each upstream call that it plans), and your limit is %d a minute: ask for fewer rows at once (first), or for less of each row", b.requested, limit),
			Extensions: map[string]any{"code": "QUERY_TOO_EXPENSIVE", "retryable": false},
		}
	}
	e.refused(UsedUp)
	return ctx, rateLimited(wait, "this operation may cost %d units (1, and 1 for each upstream call that it plans), of your %d a minute %d are left: try again in %v",
		b.requested, limit, max(0, e.limiter.Status(name, limit).Remaining), wait.Round(100*time.Millisecond))
}

type extensionKey struct{}

// Begin implements [operation.Beginner].
func (e Extension) Begin(ctx context.Context, _ *graphql.OperationContext) (context.Context, *graphql.Response) {
	return context.WithValue(ctx, extensionKey{}, e), nil
}

// StatusOf tells what the caller of an operation may still use, and false where it has
// no limit.
func StatusOf(ctx context.Context) (Status, bool) {
	e, ok := ctx.Value(extensionKey{}).(Extension)
	if !ok {
		return Status{}, false
	}
	return e.Status(ctx)
}

// Finish implements [operation.Finisher]: it settles the bill with the last response, and
// shows it where there is a limit or the operation is explained.
func (e Extension) Finish(ctx context.Context, resp *graphql.Response) {
	b := billOf(ctx)
	if b == nil || resp.HasNext != nil && *resp.HasNext {
		return
	}
	name, limit := e.of(ctx)
	actual := 1
	if !b.refused {
		actual = e.settle(ctx, b, name, limit)
	}
	if limit == 0 && !b.explained {
		return
	}
	r := report{Requested: b.requested, Actual: actual}
	if limit > 0 {
		r.Throttle = throttleOf(e.limiter.Status(name, limit))
	}
	if resp.Extensions == nil {
		resp.Extensions = map[string]any{}
	}
	resp.Extensions[key] = r
}

// settle gives back what was not used, and tells what was. Each event of a
// subscription is charged what it cost.
func (e Extension) settle(ctx context.Context, b *bill, name string, limit int) int {
	actual, paid := 1, b.requested
	if l := ledger.From(ctx); l != nil {
		actual += l.Summary().Sent
	}
	if graphql.GetOperationContext(ctx).Operation.Operation == ast.Subscription {
		paid = 1
	}
	if limit > 0 && paid != actual {
		e.limiter.Settle(name, limit, paid-actual)
	}
	return actual
}

// report is extensions.cost of a response.
type report struct {
	Requested int       `json:"requested"` // charged before it ran
	Actual    int       `json:"actual"`    // after what was not used was given back
	Throttle  *throttle `json:"throttle,omitempty"`
}

type throttle struct {
	Limit        int   `json:"limit"` // a minute
	Remaining    int   `json:"remaining"`
	ResetAfterMs int64 `json:"resetAfterMs"` // until all of them are at hand
}

func throttleOf(s Status) *throttle {
	return &throttle{Limit: s.Limit, Remaining: max(0, s.Remaining), ResetAfterMs: s.Reset.Milliseconds()}
}
