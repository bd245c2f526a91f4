package cost

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"deliverygraph/internal/auth"
	"deliverygraph/internal/ratelimit"
	"deliverygraph/resolvers/operation"
)

// Reasons for refusing an operation.
const (
	UsedUp  = "used-up"  // the caller has no units left for now
	TooDear = "too-dear" // the operation plans more units than its caller gets in a minute
)

// bill is the charge for an operation.
type bill struct {
	account   string
	limit     int // 0 means none
	requested int // 0 means that the operation was refused before it was charged
	unpaid    bool
}

// account returns the name of the account that the context's caller uses, and its limit; 0 means none.
func (e Extension) account(ctx context.Context) (name string, limit int) {
	c := auth.FromContext(ctx)
	limit = cmp.Or(c.Limits.CostPerMinute, e.o.CostPerMinute)
	switch {
	case limit == 0:
		return "", 0
	case c.Name != "" && !c.MayBeMadeUp():
		return "caller " + c.Name, limit
	}
	return "address " + ratelimit.Address(ctx), limit
}

// Admit charges the context's caller the unit that every operation costs, so that invalid documents are not
// free either. The error may be shown to the caller.
func (e Extension) Admit(ctx context.Context) error {
	name, limit := e.account(ctx)
	if limit == 0 {
		return nil
	}
	if ok, wait := e.o.Limiter.Admit(name, limit); !ok {
		e.o.Refused(UsedUp)
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

// charge charges the calls that the operation plans.
func (e Extension) charge(ctx context.Context, oc *graphql.OperationContext, op *request) *gqlerror.Error {
	b := &op.bill
	b.account, b.limit = e.account(ctx)
	b.requested = 1
	if op.asked != askedPrice && oc.Operation.Operation != ast.Subscription {
		b.requested += int(op.plan.Calls)
	}
	if b.limit == 0 {
		return nil
	}
	var ok bool
	var wait time.Duration // 0 means never
	if b.requested <= b.limit {
		if ok, wait = e.o.Limiter.Charge(ctx, b.account, b.limit, b.requested-1); ok {
			return nil
		}
		wait += ratelimit.RestoreTime(b.limit, 1) // the unit of Admit comes on top
	}
	b.unpaid = true
	if wait == 0 {
		e.o.Refused(TooDear)
		return refuse("QUERY_TOO_EXPENSIVE", fmt.Sprintf(
			"this operation may cost %d units (1, plus 1 for each planned upstream call), "+
				"and your limit is %d per minute: ask for fewer rows at once (first), or for fewer fields of each row",
			b.requested, b.limit))
	}
	e.o.Refused(UsedUp)
	return rateLimited(wait, "this operation may cost %d units (1, plus 1 for each planned upstream call), "+
		"and you have %d of %d units per minute left",
		b.requested, max(0, e.o.Limiter.Status(b.account, b.limit).Remaining), b.limit)
}

// RateLimitStatus returns what the caller of an operation may still use. It reports false if the caller has no limit.
func RateLimitStatus(ctx context.Context) (ratelimit.Status, bool) {
	op := noted(ctx)
	if op == nil || op.bill.limit == 0 {
		return ratelimit.Status{}, false
	}
	return op.limiter.Status(op.bill.account, op.bill.limit), true
}

// settledCost refunds what an operation that has ended did not use, and returns its report. Each event of a
// subscription is charged its actual cost.
func settledCost(ctx context.Context, op *request) costReport {
	b := &op.bill
	r := costReport{Requested: b.requested, Actual: 1}
	if !b.unpaid {
		paid := b.requested
		if op.stream != nil {
			calls := op.stream.Summary().Sent
			paid, r.Actual, op.paid = 1, r.Actual+calls-op.paid, calls
		}
		if l := operation.From(ctx); l != nil {
			r.Actual += l.Summary().Sent
		}
		if b.limit > 0 && paid != r.Actual {
			op.limiter.Settle(b.account, b.limit, paid-r.Actual)
		}
	}
	if s, limited := RateLimitStatus(ctx); limited {
		r.Throttle = &throttle{Limit: s.Limit, Remaining: max(0, s.Remaining), ResetAfterMs: s.Reset.Milliseconds()}
	}
	return r
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
func (e Extension) Headers(ctx context.Context, h http.Header) {
	name, limit := e.account(ctx)
	if limit == 0 {
		return
	}
	s := e.o.Limiter.Status(name, limit)
	h.Set("RateLimit-Policy", fmt.Sprintf(`"cost";q=%d;w=60`, s.Limit))
	h.Set("RateLimit", fmt.Sprintf(`"cost";r=%d;t=%d`, max(0, s.Remaining), int(s.Reset.Seconds()+0.999)))
}
