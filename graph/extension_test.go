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

// An extension may refuse an operation with a message and code of its own; a refusal without a code is an internal
// error.
func TestExtensionsMayRefuseOperations(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		extensions    map[string]any
		code, message string
	}{
		"with a code":    {map[string]any{"code": "QUERY_TOO_EXPENSIVE"}, "QUERY_TOO_EXPENSIVE", "too dear"},
		"without a code": {nil, "INTERNAL", "internal error"},
	} {
		t.Run(name, func(t *testing.T) {
			h := graph.NewHandler(generated.NewExecutableSchema(resolvers.Schema()), graph.Options{
				Extensions: []graph.Extension{
					refusal{gqlerror.Error{Message: "too dear", Extensions: c.extensions}},
				},
			})
			a := endpoint{Handler: h}.ask(t, `{ __typename }`, "")
			if _, ok := a.fields["data"]; ok || a.status != 400 || len(a.errors) != 1 || a.errors[0].code() != c.code ||
				a.errors[0].Message != c.message || a.errors[0].Extensions["retryable"] != false {
				t.Error(a.body)
			}
		})
	}
}

type refusal struct{ err gqlerror.Error }

func (r refusal) Prepare(ctx context.Context, _ *graphql.OperationContext) (context.Context, *gqlerror.Error) {
	err := r.err
	return ctx, &err
}

// A panic in the handler itself is answered with an internal error.
func TestPanicsInTheHandlerAreAnswered(t *testing.T) {
	t.Parallel()
	h := graph.NewHandler(generated.NewExecutableSchema(resolvers.Schema()),
		graph.Options{Extensions: []graph.Extension{broken{}}})
	a := endpoint{Handler: h}.ask(t, `{ __typename }`, "")
	if _, ok := a.fields["data"]; ok || a.status != 500 || len(a.errors) != 1 || a.errors[0].code() != "INTERNAL" ||
		strings.Contains(a.body, "secret") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

type broken struct{}

func (broken) Prepare(context.Context, *graphql.OperationContext) (context.Context, *gqlerror.Error) {
	panic("secret")
}
