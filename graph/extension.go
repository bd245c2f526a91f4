package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// An extension of the endpoint takes part in every operation. It is a gqlgen extension
// (graphql.HandlerExtension), and implements some of the interfaces below, or gqlgen's
// graphql.FieldInterceptor. Those of gqlgen's hooks that wrap a whole operation or
// response are not called: each would be a closure within a closure for every operation,
// where plain calls in order do.

// Preparer is asked before an operation runs, in the order of the extensions: what it
// answers with refuses it. Its context is the operation's from then on, if it refuses it
// too.
type Preparer interface {
	Prepare(ctx context.Context, oc *graphql.OperationContext) (context.Context, *gqlerror.Error)
}

// Beginner is called when an operation begins, in the order of the extensions. It gives
// the context that it runs in, or what is answered in the place of running it.
type Beginner interface {
	Begin(ctx context.Context, oc *graphql.OperationContext) (context.Context, *graphql.Response)
}

// EventBeginner is called before each event of a subscription is waited for, in the order
// of the extensions. It gives the context that the event's fields run in.
type EventBeginner interface {
	BeginEvent(ctx context.Context) context.Context
}

// Finisher is given each response before it is sent, also one that tells that the
// operation was refused by a [Preparer], in the reverse of the order of the extensions. It
// may change it.
type Finisher interface {
	Finish(ctx context.Context, resp *graphql.Response)
}
