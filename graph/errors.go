package graph

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"deliverygraph/upstream"
)

// The values of extensions.code. They always distinguish a fault of the caller, of the gateway's credential and of the
// upstream.
const (
	codeBadUserInput            = "BAD_USER_INPUT"  // an error in the request, its document or an argument
	codeUnauthenticated         = "UNAUTHENTICATED" // the gateway does not know the caller
	codeForbidden               = "FORBIDDEN"
	codeNotFound                = "NOT_FOUND"
	codeTooExpensive            = "QUERY_TOO_EXPENSIVE"
	codeRateLimited             = "RATE_LIMITED"
	codePersistedQueryNotFound  = "PERSISTED_QUERY_NOT_FOUND"
	codeTooSlow                 = "SUBSCRIBER_TOO_SLOW" // a subscriber did not read events as fast as they came
	codeUpstreamUnavailable     = "UPSTREAM_UNAVAILABLE"
	codeUpstreamTimeout         = "UPSTREAM_TIMEOUT"
	codeUpstreamRejected        = "UPSTREAM_REJECTED" // the upstream refused the gateway's request
	codeUpstreamUnauthenticated = "UPSTREAM_UNAUTHENTICATED"
	codeUpstreamInvalidResponse = "UPSTREAM_INVALID_RESPONSE"
	codeInternal                = "INTERNAL"
)

// present turns an error into what callers see: a message, extensions.code, retryable and, if known, argument and
// retryAfterMs. Only errors that are known to be safe for callers keep their text. The cause of all others goes to the
// log, and the caller gets "internal error". Stacks, hosts, keys and upstream bodies never reach a caller.
func present(ctx context.Context, err error) *gqlerror.Error {
	g := located(ctx, err)
	cause := cmp.Or(g.Err, errors.New(g.Message))      // before its message changes
	if code, ok := g.Extensions["code"].(string); ok { // made for callers
		return finish(g, code, g.Message)
	}
	var u *upstream.Error
	var closed *closedError
	switch {
	case errors.As(err, &closed):
		return finish(g, closed.code, closed.message)
	case errors.As(err, &u):
		presentUpstream(g, u)
	case errors.Is(err, context.DeadlineExceeded):
		finish(g, codeUpstreamTimeout, "the operation took longer than its time limit")
	case errors.Is(err, context.Canceled): // by the caller
		return finish(g, codeUpstreamUnavailable, "the operation was canceled")
	default:
		finish(g, codeInternal, "internal error")
	}
	recordOf(ctx).note(g, cause)
	return g
}

// located returns err as a GraphQL error, with the path of the field that it occurred in unless it has one.
func located(ctx context.Context, err error) *gqlerror.Error {
	var g *gqlerror.Error
	if errors.As(err, &g) {
		return g
	}
	g = &gqlerror.Error{Err: err}
	if graphql.GetFieldContext(ctx) != nil {
		g.Path = graphql.GetPath(ctx)
	}
	return g
}

// upstreamCodes are the codes for errors of the upstream: if the gateway found the fault, so that the request is at
// fault, and if the upstream refused the request that the gateway made from a valid operation. Others are internal.
var upstreamCodes = map[upstream.Code]struct{ ours, theirs string }{
	upstream.InvalidArgument:  {codeBadUserInput, codeUpstreamRejected},
	upstream.Exhausted:        {codeTooExpensive, codeTooExpensive},
	upstream.Unauthenticated:  {codeUnauthenticated, codeUpstreamUnauthenticated},
	upstream.PermissionDenied: {codeForbidden, codeForbidden},
	// Resolvers know which calls look up a single object, and turn their NotFound into an error of their own. The API
	// never answers 404 for a list or a catalogue: a wrong base URL does.
	upstream.NotFound:        {codeNotFound, codeUpstreamInvalidResponse},
	upstream.Unavailable:     {codeUpstreamUnavailable, codeUpstreamUnavailable},
	upstream.Timeout:         {codeUpstreamTimeout, codeUpstreamTimeout},
	upstream.InvalidResponse: {codeUpstreamInvalidResponse, codeUpstreamInvalidResponse},
}

func presentUpstream(g *gqlerror.Error, u *upstream.Error) {
	ours := u.Status == 0 // the gateway found the fault
	code := upstreamCodes[u.Code].theirs
	if ours {
		code = upstreamCodes[u.Code].ours
	}
	if ours && u.Parameter != "" && (code == codeBadUserInput || code == codeForbidden) {
		set(g, "argument", u.Parameter)
	}
	switch {
	case code == "":
		finish(g, codeInternal, "internal error")
		return
	case u.Message == "":
		finish(g, code, strings.ReplaceAll(strings.ToLower(code), "_", " "))
	default:
		finish(g, code, u.Message)
	}
	if u.RetryAfter > 0 {
		set(g, "retryAfterMs", u.RetryAfter.Milliseconds())
	}
}

// requestError returns an error found before anything ran.
func requestError(code, message string) *gqlerror.Error {
	return finish(&gqlerror.Error{}, code, message)
}

func finish(g *gqlerror.Error, code, message string) *gqlerror.Error {
	g.Message = clip(message, maxMessage)
	set(g, "code", code)
	set(g, "retryable", code == codeUpstreamUnavailable || code == codeUpstreamTimeout || code == codeRateLimited ||
		code == codeTooSlow)
	return g
}

func set(g *gqlerror.Error, key string, value any) {
	if g.Extensions == nil {
		g.Extensions = map[string]any{}
	}
	g.Extensions[key] = value
}

// Limits of a message, and of what it repeats of its input, in bytes: names in a document can be as long as the
// document.
const (
	maxMessage = 600
	maxExcerpt = 100
)

func excerpt(s string) string { return clip(s, maxExcerpt) }

func clip(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most-len("…")], "") + "…"
}

// panicked is a panic in a resolver.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// recovered converts a panic to an error.
func recovered(_ context.Context, v any) error { return &panicked{v, debug.Stack()} }
