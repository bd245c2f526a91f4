package graph

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// An extension takes part in every operation of the endpoint. It is a gqlgen extension (graphql.HandlerExtension) that
// implements some of the interfaces below, or gqlgen's graphql.FieldInterceptor. gqlgen's hooks that wrap a whole
// operation or response are not supported: each would add nested closures to every operation, where calls in sequence
// do the same.

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
