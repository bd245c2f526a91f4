package graph

import (
	"fmt"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// refusal is the answer to a request that was not executed. No part of it has run.
type refusal struct{ answer }

// refused returns a refusal with these errors.
func refused(status int, errs ...*gqlerror.Error) *refusal {
	return &refusal{answer{status: status, response: &graphql.Response{Errors: errs}}}
}

// message returns the first error message.
func (n *refusal) message() string { return n.response.Errors[0].Message }

// refuse refuses a request that is not a well-formed GraphQL request.
func refuse(status int, format string, args ...any) *refusal {
	return refused(status, requestError(codeBadUserInput, fmt.Sprintf(format, args...)))
}

// refuseOperation refuses a GraphQL request whose document or variables are invalid.
func refuseOperation(errs ...*gqlerror.Error) *refusal {
	no := refused(http.StatusBadRequest, errs...)
	no.understood = true
	return no
}

// refuseOver refuses a valid request that exceeds one of its caller's limits.
func refuseOver(err *gqlerror.Error) *refusal {
	if wait, ok := err.Extensions["retryAfterMs"].(int64); ok && err.Extensions["code"] == codeRateLimited {
		no := refused(http.StatusTooManyRequests, err)
		no.retryAfter = time.Duration(wait) * time.Millisecond
		return no
	}
	return refuseOperation(err)
}

// unavailable refuses a request that the server has no room for at present.
func unavailable(message string) *refusal {
	e := requestError(codeRateLimited, message)
	set(e, "retryAfterMs", patience.Milliseconds())
	no := refused(http.StatusServiceUnavailable, e)
	no.retryAfter = patience
	return no
}

// Refuse answers a request that is refused before it reaches the endpoint, for example because of its origin. It
// presents err like every other error, in the media type that the request accepts, with the HTTP status of its code.
func Refuse(w http.ResponseWriter, r *http.Request, err error) {
	w.Header()["X-Content-Type-Options"] = nosniff
	w.Header().Add("Vary", "Accept")
	refuseRequest(w, acceptedBy(r.Header["Accept"]).media, present(r.Context(), err))
}

// refuseRequest refuses a request with the status of the error's code.
func refuseRequest(w http.ResponseWriter, media string, g *gqlerror.Error) {
	w.Header().Set("Cache-Control", "no-store")
	code, _ := g.Extensions["code"].(string)
	status, known := refusalStatus[code]
	if !known {
		status = http.StatusInternalServerError
	}
	_ = write(w, media, refused(status, g).answer)
}

// refusalStatus maps error codes to the HTTP status of a request refused as a whole.
var refusalStatus = map[string]int{
	codeBadUserInput:        http.StatusBadRequest,
	codeUnauthenticated:     http.StatusUnauthorized,
	codeForbidden:           http.StatusForbidden,
	codeNotFound:            http.StatusNotFound,
	codeUpstreamUnavailable: http.StatusServiceUnavailable,
	codeUpstreamTimeout:     http.StatusGatewayTimeout,
}
