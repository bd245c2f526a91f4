package graph_test

import (
	"context"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"deliverygraph/graph"
	"deliverygraph/graph/generated"
	"deliverygraph/resolvers"
)

// hooked is an extension with all hooks, which records its calls.
type hooked struct {
	name string
	by   *[]string
	no   string // if not empty, refuses operations with this message
}

// keptBy is the context key of an extension with this name.
type keptBy string

func (e hooked) tell(ctx context.Context, hook string) context.Context {
	*e.by = append(*e.by, hook+" "+e.name)
	if hook == "finish" && ctx.Value(keptBy(e.name)) != "kept" {
		*e.by = append(*e.by, "lost what it kept")
	}
	return context.WithValue(ctx, keptBy(e.name), "kept")
}

func (e hooked) Prepare(ctx context.Context, oc *graphql.OperationContext) (context.Context, *gqlerror.Error) {
	ctx = e.tell(ctx, "prepare")
	if e.no != "" {
		return ctx, &gqlerror.Error{Message: e.no, Extensions: map[string]any{"code": "FORBIDDEN"}}
	}
	if oc != graphql.GetOperationContext(ctx) {
		*e.by = append(*e.by, "another operation")
	}
	return ctx, nil
}
func (e hooked) Begin(ctx context.Context, _ *graphql.OperationContext) (context.Context, *graphql.Response) {
	return e.tell(ctx, "begin"), nil
}
func (e hooked) BeginEvent(ctx context.Context) context.Context { return e.tell(ctx, "event") }
func (e hooked) InterceptField(ctx context.Context, next graphql.Resolver) (any, error) {
	return next(e.tell(ctx, "field"))
}
func (e hooked) Finish(ctx context.Context, _ *graphql.Response) { e.tell(ctx, "finish") }

// idle has no hook that is called: gqlgen's hooks around a whole response are not.
type idle struct{}

func (idle) InterceptResponse(ctx context.Context, next graphql.ResponseHandler) *graphql.Response {
	return next(ctx)
}

// Extensions are called in order; the first is the outermost around fields, and the last finishes first.
func TestExtensionsAreCalledInOrder(t *testing.T) {
	t.Parallel()
	var by []string
	ask := func(no string) answer {
		by = nil
		h := graph.NewHandler(generated.NewExecutableSchema(resolvers.Schema()),
			graph.Options{Extensions: []graph.Extension{
				hooked{"a", &by, ""}, hooked{"b", &by, no},
			}})
		return endpoint{Handler: h}.ask(t, `{ __schema { queryType { name } } }`, "")
	}
	if a := ask(""); a.status != 200 || strings.Join(by, ", ") != "prepare a, prepare b, begin a, begin b, "+
		strings.Repeat("field a, field b, ", 3)+"finish b, finish a" {
		t.Errorf("%d %s: %q", a.status, a.body, by)
	}
	if a := ask("not now"); len(a.errors) != 1 || a.errors[0].code() != "FORBIDDEN" ||
		strings.Join(by, ", ") != "prepare a, prepare b, finish b, finish a" {
		t.Errorf("%d %s: %q", a.status, a.body, by)
	}
}

// An extension that would never be called is a programming error.
func TestExtensionsWithoutHooksPanic(t *testing.T) {
	t.Parallel()
	defer func() {
		if recover() == nil {
			t.Error("it is accepted")
		}
	}()
	graph.NewHandler(generated.NewExecutableSchema(resolvers.Schema()),
		graph.Options{Extensions: []graph.Extension{idle{}}})
}
