package graph

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/errcode"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"deliverygraph/upstream"
)

// The values of extensions.code. A caller's fault, our credential's fault and the
// upstream's fault are always told apart.
const (
	codeParse                  = errcode.ParseFailed
	codeValidation             = errcode.ValidationFailed
	codeBadUserInput           = "BAD_USER_INPUT"
	codeForbidden              = "FORBIDDEN"
	codeNotFound               = "NOT_FOUND"
	codeUpstreamUnavailable    = "UPSTREAM_UNAVAILABLE"
	codeUpstreamTimeout        = "UPSTREAM_TIMEOUT"
	codeUpstreamRejected       = "UPSTREAM_REJECTED"
	codeUpstreamUnauthorized   = "UPSTREAM_UNAUTHENTICATED"
	codeUpstreamInvalidReponse = "UPSTREAM_INVALID_RESPONSE"
	codeInternal               = "INTERNAL"
)

// presenter turns every error into what callers see: a message, extensions.code,
// retryable and, where known, argument and retryAfterMs. Only errors that are
// known to be fit for callers keep their text; of others the cause is logged and
// the caller gets "internal error". No stack, host, key or upstream body passes.
type presenter struct{ logger *slog.Logger }

// panicked is a panic in a resolver.
type panicked struct {
	value any
	stack []byte
}

func (p panicked) Error() string { return fmt.Sprintf("panic: %v", p.value) }

// recovered makes an error of a panic.
func (presenter) recovered(_ context.Context, v any) error { return panicked{v, debug.Stack()} }

func (p presenter) present(ctx context.Context, err error) *gqlerror.Error {
	var g *gqlerror.Error
	if !errors.As(err, &g) {
		g = &gqlerror.Error{Err: err}
		if graphql.GetFieldContext(ctx) != nil {
			g.Path = graphql.GetPath(ctx)
		}
	}
	if g.Extensions["code"] != nil { // made by a rule or an extension, for callers
		return p.finish(g, fmt.Sprint(g.Extensions["code"]), g.Message)
	}
	cause := err
	if g.Err != nil {
		cause = g.Err
	}
	var u *upstream.Error
	switch {
	case errors.As(cause, &u):
		return p.upstream(ctx, g, u, cause)
	case errors.Is(cause, context.DeadlineExceeded):
		return p.finish(g, codeUpstreamTimeout, "the operation took longer than it may")
	case errors.Is(cause, context.Canceled):
		return p.finish(g, codeUpstreamUnavailable, "the operation was given up")
	case g.Err == nil && g.Rule == "" && len(g.Locations) == 0 && !ours(g):
		return p.internal(ctx, g, cause)
	case g.Err == nil: // gqlparser's and gqlgen's own: written for callers
		return p.finish(g, codeBadUserInput, g.Message)
	}
	return p.internal(ctx, g, cause)
}

// ours says whether gqlgen itself wrote the message, for callers.
func ours(g *gqlerror.Error) bool {
	return g.Message == "must not be null" || strings.HasPrefix(g.Message, "operation ")
}

func (p presenter) upstream(ctx context.Context, g *gqlerror.Error, u *upstream.Error, cause error) *gqlerror.Error {
	code := codeInternal
	switch u.Code {
	case upstream.InvalidArgument:
		// Status tells who found it: 0 is the gateway, so the caller's argument is
		// wrong; otherwise the upstream refused what the gateway made of it.
		if u.Status != 0 {
			code = codeUpstreamRejected
			break
		}
		code = codeBadUserInput
		if a := argument(ctx, g, u.Parameter); a != "" {
			set(g, "argument", a)
		}
	case upstream.Unauthenticated:
		code = codeUpstreamUnauthorized
	case upstream.PermissionDenied:
		code = codeForbidden
	case upstream.NotFound:
		code = codeNotFound
	case upstream.Unavailable:
		code = codeUpstreamUnavailable
	case upstream.Timeout:
		code = codeUpstreamTimeout
	case upstream.InvalidResponse:
		code = codeUpstreamInvalidReponse
	}
	if code == codeInternal {
		return p.internal(ctx, g, cause)
	}
	if u.RetryAfter > 0 {
		set(g, "retryAfterMs", u.RetryAfter.Milliseconds())
	}
	if code != codeBadUserInput && code != codeNotFound {
		p.logger.WarnContext(ctx, "upstream call failed", "code", code, "path", g.Path.String(), "error", cause)
	}
	message := u.Message
	if message == "" {
		message = strings.ReplaceAll(strings.ToLower(code), "_", " ")
	}
	return p.finish(g, code, message)
}

func (p presenter) internal(ctx context.Context, g *gqlerror.Error, cause error) *gqlerror.Error {
	attrs := []any{"path", g.Path.String(), "error", cause}
	var pn panicked
	if errors.As(cause, &pn) {
		attrs = append(attrs, "stack", string(pn.stack))
	}
	p.logger.ErrorContext(ctx, "internal error", attrs...)
	return p.finish(g, codeInternal, "internal error")
}

func (p presenter) finish(g *gqlerror.Error, code, message string) *gqlerror.Error {
	g.Message = message
	set(g, "code", code)
	set(g, "retryable", code == codeUpstreamUnavailable || code == codeUpstreamTimeout)
	return g
}

func set(g *gqlerror.Error, key string, value any) {
	if g.Extensions == nil {
		g.Extensions = map[string]any{}
	}
	g.Extensions[key] = value
}

// argument names the argument at fault, such as "filter.userId". Where a scalar did
// not parse, gqlgen lengthens the path of the error by the way to the argument; that
// is the argument's name, and the path remains the field's.
func argument(ctx context.Context, g *gqlerror.Error, named string) string {
	fc := graphql.GetFieldContext(ctx)
	if named != "" || fc == nil {
		return named
	}
	field := fc.Path()
	if len(g.Path) <= len(field) {
		return ""
	}
	rest := g.Path[len(field):]
	g.Path = field
	return strings.TrimPrefix(rest.String(), ".")
}
