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

	"deliverygraph/internal/telemetry"
	"deliverygraph/upstream/timed"
)

// record is what observers and the log are told of one operation.
type record struct {
	telemetry.Operation
	began, ended time.Time // the latter when the answer was made
	responses    int
	clock        timed.Clock
	why          error                       // it has ended, if its context does not say so
	observers    []func(telemetry.Operation) // the last first

	mu       sync.Mutex
	failures []failure
}

// failure is what went wrong in an operation without its caller's fault: the first of
// its code and how many there were, since an upstream that is down fails 500 details
// at once.
type failure struct {
	code  string
	path  string
	cause error
	times int
}

type recordKey struct{}

// begin begins the record of an operation, in a context as the observers make it.
func (r *record) begin(ctx context.Context, observers []telemetry.Observer) context.Context {
	r.began = time.Now()
	for _, observe := range observers {
		next, ended := observe(ctx)
		ctx, r.observers = next, slices.Insert(r.observers, 0, ended)
	}
	return ctx
}

// identify notes which operation it is.
func (r *record) identify(op *ast.OperationDefinition, of document) {
	r.Type, r.Name, r.Hash = string(op.Operation), op.Name, of.hash
}

// recordOf gives the record of the context's operation, or nil.
func recordOf(ctx context.Context) *record {
	r, _ := ctx.Value(recordKey{}).(*record)
	return r
}

// take adds a response, and gives those of its errors that the operation may still
// show.
func (r *record) take(resp *graphql.Response, maxErrors int) gqlerror.List {
	shown := resp.Errors[:max(0, min(len(resp.Errors), maxErrors-r.Errors))]
	r.count(resp)
	return shown
}

// count adds a response.
func (r *record) count(resp *graphql.Response) {
	r.responses++
	r.NoData = r.responses == 1 && (len(resp.Data) == 0 || string(resp.Data) == "null")
	r.Bytes += len(resp.Data)
	r.Errors += len(resp.Errors)
	for _, e := range resp.Errors {
		if r.Codes == nil {
			r.Codes = map[string]int{}
		}
		r.Codes[fmt.Sprint(e.Extensions["code"])]++
	}
}

// conclude tells the observers how the operation has ended.
func (r *record) conclude(ctx context.Context) {
	switch cause := cmp.Or(r.why, context.Cause(ctx)); {
	case cause == context.Canceled:
		r.Canceled = true
	case errors.Is(cause, errStopping):
		r.Shutdown = true
	}
	if r.ended.IsZero() {
		r.ended = time.Now()
	}
	r.Duration = r.ended.Sub(r.began)
	r.Waited, r.Asked = r.clock.Read()
	for _, ended := range r.observers {
		ended(r.Operation)
	}
}

// note remembers an error that has been presented, if the log is to tell its cause.
func (r *record) note(g *gqlerror.Error, cause error) {
	code, _ := g.Extensions["code"].(string)
	switch code {
	case codeBadUserInput, codeNotFound, codeForbidden, codeUnauthenticated, codeTooExpensive, codeRateLimited, codeTooSlow:
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

// log writes the operation's line, and one for each code of its failures: no
// variables and no texts, which may hold addresses.
func (h *handler) log(ctx context.Context, r *record) {
	h.o.Logger.LogAttrs(ctx, slog.LevelInfo, "operation",
		slog.String("type", r.Type), slog.String("name", excerpt(r.Name)), slog.String("hash", r.Hash), slog.String("outcome", r.Outcome()),
		slog.Float64("duration_ms", milliseconds(r.Duration)), slog.Float64("waited_ms", milliseconds(r.Waited)), slog.Int("asked", r.Asked),
		slog.Int("bytes", r.Bytes), slog.Int("errors", r.Errors), slog.Any("codes", r.Codes))
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, one := range r.failures {
		level, attrs := slog.LevelWarn, []any{"code", one.code, "path", one.path, "times", one.times, "error", one.cause}
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
