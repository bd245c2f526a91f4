package graph

import (
	"fmt"
	"net/http"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// refusal says why a request was not executed. No part of it has run.
type refusal struct {
	status int    // HTTP status
	allow  string // value of the Allow header, for 405
	// retryAfter is when the caller may try again; 0 sends no Retry-After.
	retryAfter time.Duration
	// cacheControl is the value of the Cache-Control header; "" sends none.
	cacheControl string
	// understood is set if the request is a well-formed GraphQL request whose document or variables are at fault.
	// Callers that accept plain JSON then get status 200: another status could come from a proxy, so they could not
	// trust the body.
	understood bool
	response   *graphql.Response
}

// Error returns the first error message.
func (n *refusal) Error() string { return n.response.Errors[0].Message }

// refuse refuses a request that is not a well-formed GraphQL request.
func refuse(status int, format string, args ...any) *refusal {
	return &refusal{
		status: status, response: &graphql.Response{
			Errors: gqlerror.List{requestError(codeBadUserInput, fmt.Sprintf(format, args...))},
		},
	}
}

// refuseOperation refuses a GraphQL request whose document or variables are invalid.
func refuseOperation(errs ...*gqlerror.Error) *refusal {
	return &refusal{status: http.StatusBadRequest, understood: true, response: &graphql.Response{Errors: errs}}
}

// refuseOver refuses a valid request that exceeds one of its caller's limits.
func refuseOver(errs ...*gqlerror.Error) *refusal {
	no := refuseOperation(errs...)
	if wait, ok := errs[0].Extensions["retryAfterMs"].(int64); ok && errs[0].Extensions["code"] == codeRateLimited {
		no.status, no.understood, no.retryAfter = http.StatusTooManyRequests, false,
			time.Duration(wait)*time.Millisecond
	}
	return no
}

func (n *refusal) answer(media string) answer {
	a := answer{status: n.status, allow: n.allow, cache: n.cacheControl, retry: n.retryAfter, response: n.response}
	if n.understood && media == mediaJSON {
		a.status = http.StatusOK
	}
	return a
}

// Refuse answers a request that is refused before it is read, for example because its caller is unknown. It presents
// err like every other error, in the media type that the request accepts, with the HTTP status of its code.
func Refuse(w http.ResponseWriter, r *http.Request, err error) {
	w.Header()["X-Content-Type-Options"] = nosniff
	w.Header().Add("Vary", "Accept")
	w.Header().Set("Cache-Control", "no-store")
	media := acceptedBy(r.Header["Accept"]).media
	g := present(r.Context(), err)
	code, _ := g.Extensions["code"].(string)
	status, known := refusalStatus[code]
	if !known {
		status = http.StatusInternalServerError
	}
	_ = write(w, media, answer{status: status, response: &graphql.Response{Errors: gqlerror.List{g}}})
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
