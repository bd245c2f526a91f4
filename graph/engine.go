package graph

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// engine runs operations with the code that gqlgen generates. It replaces gqlgen's executor, of which little is needed
// here: [documents] parses and validates, and extensions are called one after another, where the
// executor would nest closures and contexts for every operation.
type engine struct {
	schema    graphql.ExecutableSchema
	preparers []Preparer
	beginners []Beginner
	events    []EventBeginner
	finishers []Finisher // in the order of their calls
	fields    graphql.FieldMiddleware
}

// newEngine makes the engine. It panics if an extension has no hook, which is a programming error.
func newEngine(schema graphql.ExecutableSchema, extensions []Extension) *engine {
	e := &engine{schema: schema}
	for _, x := range extensions {
		uses := also(&e.preparers, x)
		uses = also(&e.beginners, x) || uses
		uses = also(&e.events, x) || uses
		uses = also(&e.finishers, x) || uses
		if f, ok := x.(graphql.FieldInterceptor); ok {
			uses = true
			e.fields = within(e.fields, f.InterceptField)
		}
		if !uses {
			panic(fmt.Sprintf("the extension %T has no hook", x))
		}
	}
	slices.Reverse(e.finishers)
	if e.fields == nil {
		e.fields = func(ctx context.Context, next graphql.Resolver) (any, error) { return next(ctx) }
	}
	return e
}

// also appends the extension to the list of those with a hook, and reports whether it has the hook.
func also[Hook any](to *[]Hook, x Extension) bool {
	h, ok := x.(Hook)
	if ok {
		*to = append(*to, h)
	}
	return ok
}

// within nests one middleware in another. The outer one may be nil.
func within(outer, inner graphql.FieldMiddleware) graphql.FieldMiddleware {
	if outer == nil {
		return inner
	}
	return func(ctx context.Context, next graphql.Resolver) (any, error) {
		return outer(ctx, func(ctx context.Context) (any, error) { return inner(ctx, next) })
	}
}

// prepareOperation makes gqlgen's operation context and calls the extensions' Prepare, each of which may refuse the
// operation.
func (x *execution) prepareOperation(params *graphql.RawParams, doc document) *refusal {
	e, oc := x.h.engine, &x.oc
	oc.RawQuery, oc.OperationName = params.Query, params.OperationName
	oc.Doc, oc.Operation = doc.QueryDocument, x.operation
	oc.Extensions, oc.Headers = params.Extensions, params.Headers
	oc.RecoverFunc, oc.ResolverMiddleware, oc.RootResolverMiddleware = recovered, e.fields, aroundRoots
	oc.Stats.Read, oc.Stats.OperationStart = params.ReadTime, x.record.began
	x.ctx = graphql.WithOperationContext(x.ctx, oc)
	if doc.introspects {
		oc.ResolverMiddleware = within(typeFields, oc.ResolverMiddleware)
	}
	if x.refused = doc.nulls.refusedFields(oc.Variables); x.refused != nil {
		oc.ResolverMiddleware = within(x.refuseNull, oc.ResolverMiddleware)
	}
	for _, p := range e.preparers {
		var err *gqlerror.Error
		if x.ctx, err = p.Prepare(x.ctx, oc); err != nil {
			no := refuseOver(present(x.ctx, err))
			x.finish(x.ctx, no.response)
			return no
		}
	}
	return nil
}

func aroundRoots(ctx context.Context, next graphql.RootResolver) graphql.Marshaler { return next(ctx) }

// begin starts the operation. For a subscription it resolves the one field, which opens the stream of events.
func (x *execution) begin() {
	e := x.h.engine
	for _, b := range e.beginners {
		var resp *graphql.Response
		if x.ctx, resp = b.Begin(x.ctx, &x.oc); resp != nil {
			x.only, x.results = true, graphql.OneShot(resp)
			return
		}
	}
	switch {
	case x.known != nil:
		return
	case x.operation.Operation != ast.Subscription:
		x.results = e.schema.Exec(x.ctx)
		return
	}
	ctx := graphql.WithResponseContext(x.ctx, x.presenter(), recovered)
	x.results = e.schema.Exec(ctx)
	if errs := graphql.GetErrors(ctx); errs != nil {
		x.only, x.results = true, graphql.OneShot(&graphql.Response{Errors: errs})
	}
}

// respond returns the next response, or nil at the end.
func (x *execution) respond(ctx context.Context) *graphql.Response {
	switch {
	case x.only:
		return x.results(ctx)
	case ctx.Err() != nil:
		return nil
	case x.known != nil:
		resp := &graphql.Response{Data: bytes.Clone(x.known)}
		x.finish(ctx, resp)
		return resp
	}
	ctx = graphql.WithResponseContext(ctx, x.presenter(), recovered)
	if x.streams {
		for _, e := range x.h.engine.events {
			ctx = e.BeginEvent(ctx)
		}
	}
	resp := x.results(ctx)
	if resp == nil {
		return nil
	}
	resp.Errors = append(resp.Errors, graphql.GetErrors(ctx)...)
	x.finish(ctx, resp)
	return resp
}

// finish passes a response to the extensions' Finish.
func (x *execution) finish(ctx context.Context, resp *graphql.Response) {
	for _, f := range x.h.engine.finishers {
		f.Finish(ctx, resp)
	}
}

// Extension takes part in every operation of the endpoint. It implements some of the interfaces below, or gqlgen's
// [graphql.FieldInterceptor]. gqlgen's hooks that wrap a whole operation or response are not supported: each would add
// nested closures to every operation, where calls in sequence do the same.
type Extension any

// Preparer is called before an operation runs, in the order of the extensions. An error refuses the operation. The
// returned context becomes the operation's, even if the operation is refused.
type Preparer interface {
	Prepare(ctx context.Context, oc *graphql.OperationContext) (context.Context, *gqlerror.Error)
}

// Beginner is called when an operation begins, in the order of the extensions. It returns the context that the
// operation runs in, or a response to send instead of running it.
type Beginner interface {
	Begin(ctx context.Context, oc *graphql.OperationContext) (context.Context, *graphql.Response)
}

// EventBeginner is called before the endpoint waits for each event of a subscription, in the order of the extensions.
// It returns the context that the event's fields run in.
type EventBeginner interface {
	BeginEvent(ctx context.Context) context.Context
}

// Finisher is called with each response before it is sent, in the reverse order of the extensions, and may change the
// response. It also gets the response to an operation that a [Preparer] refused.
type Finisher interface {
	Finish(ctx context.Context, resp *graphql.Response)
}
