package graph

import (
	"net/http"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

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
