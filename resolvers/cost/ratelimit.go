package cost

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"deliverygraph/graph"
	"deliverygraph/internal/auth"
	"deliverygraph/internal/ratelimit"
	"deliverygraph/resolvers/operation"
)

// RateLimit charges operations. It is an extension of the endpoint (see graph/engine.go), and must come after
// [Extension], whose plans determine the charges.
type RateLimit struct{ *rates }

type rates struct {
	limiter *ratelimit.Limiter
	limit   int
	refused func(reason string)
}

var _ interface {
	graph.Preparer
	graph.Finisher
} = RateLimit{}

// NewRateLimit returns the extension. The endpoint must call [RateLimit.Admit] first. The limit is in units per minute,
// for callers without their own; 0 means none. refused is called with [UsedUp] or [TooDear] for each operation refused.
func NewRateLimit(l *ratelimit.Limiter, limit int, refused func(reason string)) RateLimit {
	return RateLimit{&rates{l, limit, refused}}
}

// Reasons for refusing an operation.
const (
	UsedUp  = "used-up"  // the caller has no units left for now
	TooDear = "too-dear" // the operation plans more units than its caller gets in a minute
)

// costKey is the report's key in extensions.
const costKey = "cost"

// bill is the charge for an operation.
type bill struct {
	limiter   *ratelimit.Limiter
	account   string
	limit     int // 0 means none
	requested int
	refused   bool
	explained bool
}

type billKey struct{}

func billOf(ctx context.Context) *bill {
	b, _ := ctx.Value(billKey{}).(*bill)
	return b
}

// of returns the name of the account that the context's caller uses, and its limit; 0 means none.
func (e RateLimit) of(ctx context.Context) (name string, limit int) {
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
	return "address " + ratelimit.Address(ctx), limit
}

// Status returns what the context's caller may still use. It reports false if the caller has no limit.
func (e RateLimit) Status(ctx context.Context) (ratelimit.Status, bool) {
	name, limit := e.of(ctx)
	if limit == 0 {
		return ratelimit.Status{}, false
	}
	return e.limiter.Status(name, limit), true
}

// Admit charges the context's caller the unit that every operation costs, so that invalid documents are not
// free either. The error may be shown to the caller.
func (e RateLimit) Admit(ctx context.Context) error {
	name, limit := e.of(ctx)
	if limit == 0 {
		return nil
	}
	if ok, wait := e.limiter.Admit(name, limit); !ok {
		e.refused(UsedUp)
		return rateLimited(wait, "you have used your limit of %d units per minute", limit)
	}
	return nil
}

// rateLimited returns the error for a caller who may try again after wait. Its message rounds the wait up, because
// callers who try earlier are refused again.
func rateLimited(wait time.Duration, format string, args ...any) *gqlerror.Error {
	const step = 100 * time.Millisecond
	return &gqlerror.Error{
		Message: fmt.Sprintf(format, args...) + fmt.Sprintf(": try again in %v", (wait+step-1).Truncate(step)),
		Extensions: map[string]any{
			"code": "RATE_LIMITED", "retryable": true, "retryAfterMs": (wait + time.Millisecond - 1).Milliseconds(),
		},
	}
}

// Prepare implements [graph.Preparer]. It charges the calls that the operation plans.
func (e RateLimit) Prepare(ctx context.Context, oc *graphql.OperationContext) (context.Context, *gqlerror.Error) {
	priced, explained := Asks(ctx)
	name, limit := e.of(ctx)
	if limit == 0 && !explained { // nothing to charge or report
		return ctx, nil
	}
	b := &bill{limiter: e.limiter, account: name, limit: limit, requested: 1, explained: explained}
	if p, ok := PlanOf(ctx); ok && !priced && oc.Operation.Operation != ast.Subscription {
		b.requested += int(p.Calls)
	}
	ctx = context.WithValue(ctx, billKey{}, b)
	if limit == 0 {
		return ctx, nil
	}
	var ok bool
	var wait time.Duration // 0 means never
	if b.requested <= limit {
		if ok, wait = e.limiter.Charge(ctx, name, limit, b.requested-1); ok {
			return ctx, nil
		}
		wait += ratelimit.RestoreTime(limit, 1) // the unit of Admit comes on top
	}
	b.refused = true
	if wait == 0 {
		e.refused(TooDear)
		return ctx, &gqlerror.Error{
			Message: fmt.Sprintf("this operation may cost %d units (1, plus 1 for each planned upstream call), "+
				"and your limit is %d per minute: ask for fewer rows at once (first), or for fewer fields of each row",
				b.requested, limit),
			Extensions: map[string]any{"code": "QUERY_TOO_EXPENSIVE", "retryable": false},
		}
	}
	e.refused(UsedUp)
	return ctx, rateLimited(wait, "this operation may cost %d units (1, plus 1 for each planned upstream call), "+
		"and you have %d of %d units per minute left",
		b.requested, max(0, e.limiter.Status(name, limit).Remaining), limit)
}

// RateLimitStatus returns what the caller of an operation may still use. It reports false if the caller has no limit.
func RateLimitStatus(ctx context.Context) (ratelimit.Status, bool) {
	b := billOf(ctx)
	if b == nil || b.limit == 0 {
		return ratelimit.Status{}, false
	}
	return b.limiter.Status(b.account, b.limit), true
}

// Finish implements [graph.Finisher]. With the last response it settles the bill, and reports it if there
// is a limit or the operation is explained.
func (e RateLimit) Finish(ctx context.Context, resp *graphql.Response) {
	b := billOf(ctx)
	if b == nil || resp.HasNext != nil && *resp.HasNext {
		return
	}
	r := costReport{Requested: b.requested, Actual: 1}
	if !b.refused {
		r.Actual = b.settle(ctx)
	}
	if s, limited := RateLimitStatus(ctx); limited {
		r.Throttle = &throttle{Limit: s.Limit, Remaining: max(0, s.Remaining), ResetAfterMs: s.Reset.Milliseconds()}
	}
	if resp.Extensions == nil {
		resp.Extensions = map[string]any{}
	}
	resp.Extensions[costKey] = r
}

// settle refunds what was not used, and returns what was. Each event of a subscription is charged its actual cost.
func (b *bill) settle(ctx context.Context) int {
	actual, paid := 1, b.requested
	if l := operation.From(ctx); l != nil {
		actual += l.Summary().Sent
	}
	if graphql.GetOperationContext(ctx).Operation.Operation == ast.Subscription {
		paid = 1
	}
	if b.limit > 0 && paid != actual {
		b.limiter.Settle(b.account, b.limit, paid-actual)
	}
	return actual
}

// costReport is extensions.cost of a response.
type costReport struct {
	Requested int       `json:"requested"` // charged before the operation ran
	Actual    int       `json:"actual"`    // after the refund
	Throttle  *throttle `json:"throttle,omitempty"`
}

type throttle struct {
	Limit        int   `json:"limit"` // per minute
	Remaining    int   `json:"remaining"`
	ResetAfterMs int64 `json:"resetAfterMs"` // until Remaining equals Limit
}

// Headers sets the headers that report the limit of the context's caller, as defined by
// draft-ietf-httpapi-ratelimit-headers-10. RateLimit-Policy gives the units (q) per window of seconds (w).
// RateLimit gives the remaining units (r) and the seconds until all units are available again (t).
func (e RateLimit) Headers(ctx context.Context, h http.Header) {
	s, limited := e.Status(ctx)
	if !limited {
		return
	}
	h.Set("RateLimit-Policy", fmt.Sprintf(`"cost";q=%d;w=60`, s.Limit))
	h.Set("RateLimit", fmt.Sprintf(`"cost";r=%d;t=%d`, max(0, s.Remaining), int(s.Reset.Seconds()+0.999)))
}
