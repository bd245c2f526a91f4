package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// record is what the log tells of one operation.
type record struct {
	name      string
	responses int
	bytes     int // of data
	errors    int
	codes     map[string]int // of the errors

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

func newRecord(ctx context.Context, name string) (context.Context, *record) {
	r := &record{name: name, codes: map[string]int{}}
	return context.WithValue(ctx, recordKey{}, r), r
}

// recordOf gives the record of the context's operation, or nil.
func recordOf(ctx context.Context) *record {
	r, _ := ctx.Value(recordKey{}).(*record)
	return r
}

// take adds a response, and gives those of its errors that the operation may still
// show.
func (r *record) take(resp *graphql.Response, maxErrors int) gqlerror.List {
	shown := resp.Errors[:max(0, min(len(resp.Errors), maxErrors-r.errors))]
	r.responses++
	r.bytes += len(resp.Data)
	r.errors += len(resp.Errors)
	for _, e := range resp.Errors {
		r.codes[fmt.Sprint(e.Extensions["code"])]++
	}
	return shown
}

// note remembers an error that has been presented, if the log is to tell its cause.
func (r *record) note(g *gqlerror.Error, cause error) {
	code, _ := g.Extensions["code"].(string)
	switch code {
	case codeBadUserInput, codeNotFound, codeForbidden, codeUnauthenticated, codeTooExpensive:
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
	took := graphql.Now().Sub(graphql.GetStartTime(ctx))
	h.o.Logger.InfoContext(ctx, "operation", "name", excerpt(r.name), "duration_ms", float64(took.Microseconds())/1000,
		"bytes", r.bytes, "errors", r.errors, "codes", r.codes)
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
