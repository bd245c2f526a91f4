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

// failures are what went wrong in one operation without its caller's fault: the
// first of each code and how many there were, since an upstream that is down fails
// 500 details at once.
type failures struct {
	mu   sync.Mutex
	seen []failure
}

type failure struct {
	code  string
	path  string
	cause error
	times int
}

type failuresKey struct{}

func withFailures(ctx context.Context) (context.Context, *failures) {
	f := &failures{}
	return context.WithValue(ctx, failuresKey{}, f), f
}

// failuresOf gives the failures of the context's operation, or nil.
func failuresOf(ctx context.Context) *failures {
	f, _ := ctx.Value(failuresKey{}).(*failures)
	return f
}

// note remembers an error that has been presented, if the log is to tell its cause.
func (f *failures) note(g *gqlerror.Error, cause error) {
	code, _ := g.Extensions["code"].(string)
	if f == nil || code == codeBadUserInput || code == codeNotFound || code == codeForbidden {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.seen {
		if f.seen[i].code == code {
			f.seen[i].times++
			return
		}
	}
	f.seen = append(f.seen, failure{code, g.Path.String(), cause, 1})
}

// log writes the operation's line, and one for each code of its failures: no
// variables and no texts, which may hold addresses.
func (h *handler) log(ctx context.Context, name string, f *failures, resp *graphql.Response) {
	codes := map[string]int{}
	for _, e := range resp.Errors {
		codes[fmt.Sprint(e.Extensions["code"])]++
	}
	took := graphql.Now().Sub(graphql.GetStartTime(ctx))
	h.o.Logger.InfoContext(ctx, "operation", "name", excerpt(name), "duration_ms", float64(took.Microseconds())/1000,
		"bytes", len(resp.Data), "errors", len(resp.Errors), "codes", codes)
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.seen {
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
