package graph

import (
	"cmp"
	"context"
	"errors"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/validator"
)

// singleField is the rule that every subscription of a document selects exactly one field, which no variable decides
// (GraphQL specification of September 2025, 5.2.4.1). The library's rule ignores @skip and @include, and takes two
// aliases of one field for one.
func singleField(on *validator.Events, add validator.AddErrFunc) {
	on.OnOperation(func(_ *validator.Walker, op *ast.OperationDefinition) {
		if op.Operation != ast.Subscription {
			return
		}
		refuse := func(where *ast.Position, format string, args ...any) {
			add(validator.Message(format, args...), func(e *gqlerror.Error) { placed(e, where) })
		}
		name := ""
		walk(func(s ast.Selection, directives *ast.DirectiveList, _ ast.SelectionSet) bool {
			for _, d := range *directives {
				if d.Name == "skip" || d.Name == "include" {
					refuse(d.Position,
						"@%s is not allowed at the root of a subscription, which must select exactly one field", d.Name)
				}
			}
			f, isField := s.(*ast.Field)
			if !isField {
				return true
			}
			if strings.HasPrefix(f.Name, "__") {
				refuse(f.Position, "a subscription must select a field of Subscription, not %s", excerpt(f.Name))
			}
			if name = cmp.Or(name, f.Alias); f.Alias != name {
				refuse(f.Position, "a subscription must select exactly one field, and %q is a second one besides %q",
					excerpt(f.Alias), excerpt(name))
			}
			return false
		}, op.SelectionSet)
	})
}

// subscribe prepares a subscription. It has no deadline, but each of its events does.
// It ends when its caller leaves or the gateway stops.
func (x *execution) subscribe(caller context.Context) *refusal {
	streams := x.h.o.Streams
	if err := streams.begin(); err != nil {
		return x.h.noRoom(err)
	}
	x.close = streams.end
	x.field = graphql.CollectFields(&x.oc, x.operation.SelectionSet, []string{"Subscription"})[0] // see singleField
	x.cancel()
	ctx, stop := context.WithCancelCause(context.WithoutCancel(x.ctx))
	gone := context.AfterFunc(caller, func() { stop(context.Cause(caller)) })
	stopping := context.AfterFunc(streams.closing, func() { stop(errStopping) })
	x.stop = stop
	x.cancel = func() { gone(); stopping(); stop(nil) }
	x.ctx = context.WithValue(ctx, streamEndKey{}, &x.ending)
	inner := x.oc.ResolverMiddleware
	x.oc.ResolverMiddleware = func(ctx context.Context, next graphql.Resolver) (any, error) {
		return inner(x.within(ctx), next)
	}
	return nil
}

// nextEvent returns the response to the next event of a subscription, or nil at its end.
func (x *execution) nextEvent() *graphql.Response {
	// gqlgen resolves an event outside its subscription field; without this context the paths of errors would lack the
	// field.
	x.event = &eventTime{}
	x.made.Store(0)
	x.elements.Store(0)
	x.record.kept = 0 // MaxErrors applies to each response
	resp := x.respond(x.atField())
	x.event.end()
	if resp == nil {
		return nil
	}
	x.record.count(resp)
	if x.full.Load() || !x.room.resize(int64(len(resp.Data)), 0) {
		x.shed = true
		x.fail(x.h.overloaded().response.Errors[0])
		return nil
	}
	return resp
}

// atField returns the context of the subscription's field.
func (x *execution) atField() context.Context {
	return graphql.WithFieldContext(x.ctx, &graphql.FieldContext{Object: "Subscription", Field: x.field})
}

// fail ends a subscription with an error, which its caller gets.
func (x *execution) fail(err error) {
	FailStream(x.ctx, err)
	x.stop(err)
}

// failure returns the last response of a subscription that ended with an error, or nil.
func (x *execution) failure() *graphql.Response {
	err := x.ending.Load()
	if err == nil {
		return nil
	}
	ctx := x.atField()
	resp := &graphql.Response{Errors: gqlerror.List{present(ctx, graphql.ErrorOnPath(ctx, *err))}}
	x.record.count(resp)
	return resp
}

// stopped reports whether a subscription was cut off because the gateway stops: it is not complete, and its client
// should reconnect.
func (x *execution) stopped() bool { return errors.Is(context.Cause(x.ctx), errStopping) }
