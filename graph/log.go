package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"deliverygraph/internal/auth/address"
	"deliverygraph/internal/telemetry"
)

// record collects what observers and the log report about one operation. It is the context that the operation runs in.
type record struct {
	context.Context
	telemetry.Operation
	began, ended time.Time // ended is when the response was made
	responses    int
	maxErrors    int
	why          error // why it ended early, unless its context says so
	observers    []func(telemetry.Operation)

	mu       sync.Mutex
	failures []failure
	kept     int            // errors of fields that the response may show
	omitted  map[string]int // the others, by code
}

// failure is an error that is not the caller's fault: the first with its code, and how often the code occurred. An
// upstream that is down fails 500 details at once, which must not become 500 log lines.
type failure struct {
	code  string
	path  string
	cause error
	times int
}

type recordKey struct{}

// begin starts the record of an operation, in the context that the observers make of its caller's.
func (r *record) begin(caller context.Context, observers []telemetry.Observer) {
	r.Context, r.began = caller, time.Now()
	for _, observe := range observers {
		next, ended := observe(r.Context)
		r.Context, r.observers = next, append(r.observers, ended)
	}
}

// Value returns the record for its key, and otherwise the value in the observers' context.
func (r *record) Value(key any) any {
	if _, own := key.(recordKey); own {
		return r
	}
	return r.Context.Value(key)
}

// identify records which operation it is.
func (r *record) identify(op *ast.OperationDefinition, of document) {
	r.Type, r.Name, r.Hash = string(op.Operation), op.Name, of.hash
}

// recordOf returns the record of the context's operation, or nil.
func recordOf(ctx context.Context) *record {
	r, _ := ctx.Value(recordKey{}).(*record)
	return r
}

// keep returns an error of a field, or nil if the response already has as many as it may show: a response can have
// millions of them.
func (r *record) keep(g *gqlerror.Error) *gqlerror.Error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.kept < r.maxErrors {
		r.kept++
		return g
	}
	if r.omitted == nil {
		r.omitted = map[string]int{}
	}
	r.omitted[fmt.Sprint(g.Extensions["code"])]++
	return nil
}

// take counts a response, and returns those of its errors that may still be shown.
func (r *record) take(resp *graphql.Response) gqlerror.List {
	shown := resp.Errors[:max(0, min(len(resp.Errors), r.maxErrors-r.Errors))]
	r.count(resp)
	return shown
}

// count counts a response.
func (r *record) count(resp *graphql.Response) {
	r.responses++
	r.NoData = r.responses == 1 && (len(resp.Data) == 0 || string(resp.Data) == "null")
	r.Bytes += len(resp.Data)
	r.Errors += len(resp.Errors)
	for _, e := range resp.Errors {
		r.fail(fmt.Sprint(e.Extensions["code"]), 1)
	}
}

// fail counts errors with a code.
func (r *record) fail(code string, times int) {
	if r.Codes == nil {
		r.Codes = map[string]int{}
	}
	r.Codes[code] += times
}

// conclude reports the result of the operation to the observers.
func (r *record) conclude(ctx context.Context, waited func(context.Context) (time.Duration, int)) {
	cause := r.why
	if r.ended.IsZero() {
		cause = cmp.Or(cause, context.Cause(ctx))
	}
	switch {
	case cause == context.Canceled:
		r.Canceled = true
	case errors.Is(cause, errStopping):
		r.Shutdown = true
	}
	for code, n := range r.omitted {
		r.Errors += n
		r.fail(code, n)
	}
	if r.ended.IsZero() {
		r.ended = time.Now()
	}
	r.Duration = r.ended.Sub(r.began)
	if waited != nil {
		r.Waited, r.Asked = waited(ctx)
	}
	for _, ended := range slices.Backward(r.observers) {
		ended(r.Operation)
	}
}

// note records an error that was presented, if the log is to show its cause.
func (r *record) note(g *gqlerror.Error, cause error) {
	code, _ := g.Extensions["code"].(string)
	switch code {
	case codeBadUserInput, codeNotFound, codeForbidden, codeUnauthenticated, codeTooExpensive, codeRateLimited,
		codeTooSlow:
		return
	}
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.failures {
		if r.failures[i].code == code {
			r.failures[i].times++
			return
		}
	}
	r.failures = append(r.failures, failure{code, g.Path.String(), cause, 1})
}

// log writes the operation's line, and one for each error code among its failures. It logs no variables and no
// documents, which may contain addresses.
func (h *handler) log(ctx context.Context, r *record) {
	if h.o.Logger.Enabled(ctx, slog.LevelInfo) {
		// Attributes that say nothing are left out, since they cost time.
		attrs := make([]slog.Attr, 0, 10)
		for _, a := range [...]slog.Attr{
			slog.String("type", r.Type), slog.String("name", excerpt(r.Name)), slog.String("hash", r.Hash),
		} {
			if a.Value.String() != "" {
				attrs = append(attrs, a)
			}
		}
		attrs = append(attrs, slog.String("outcome", r.Outcome()),
			slog.Float64("duration_ms", milliseconds(r.Duration)), slog.Int("bytes", r.Bytes))
		if r.Asked > 0 {
			attrs = append(attrs, slog.Int("asked", r.Asked), slog.Float64("waited_ms", milliseconds(r.Waited)))
		}
		if r.Errors > 0 {
			attrs = append(attrs, slog.Int("errors", r.Errors), slog.Any("codes", r.Codes))
		}
		line := slog.NewRecord(time.Now(), slog.LevelInfo, "operation", 0) // without its place in the code, likewise
		line.AddAttrs(attrs...)
		_ = h.o.Logger.Handler().Handle(ctx, line) // a Logger ignores errors, too
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.failures {
		said := one.cause.Error()
		if one.code == codeUpstreamRejected { // in the upstream's words, which may repeat an address
			said = address.Mask(said, "", "")
		}
		level, attrs := slog.LevelWarn, []any{"code", one.code, "path", one.path, "times", one.times, "error", said}
		if one.code == codeInternal {
			level = slog.LevelError
		}
		if p := new(panicked); errors.As(one.cause, &p) {
			attrs = append(attrs, "stack", string(p.stack))
		}
		h.o.Logger.Log(ctx, level, "failed", attrs...)
	}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
