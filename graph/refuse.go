package graph

import (
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Refuse answers a request that is turned away before it is read, such as one whose
// caller is not known: the error as every other is shown, in the media type that
// the request accepts, with the status that its code has in HTTP.
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

// refusalStatus is the status of what is refused as a whole.
var refusalStatus = map[string]int{
	codeBadUserInput:        http.StatusBadRequest,
	codeUnauthenticated:     http.StatusUnauthorized,
	codeForbidden:           http.StatusForbidden,
	codeNotFound:            http.StatusNotFound,
	codeUpstreamUnavailable: http.StatusServiceUnavailable,
	codeUpstreamTimeout:     http.StatusGatewayTimeout,
}
