package embedded

import (
	"errors"
	"fmt"
	"net/http"

	"deliverygraph/upstream"
)

// refuse returns an error about a request that does not name a parameter.
func refuse(status int, format string, args ...any) *upstream.Error {
	return &upstream.Error{Code: upstream.CodeOfStatus(status), Status: status, Message: fmt.Sprintf(format, args...)}
}

// Errors that are not about the request.
var (
	overloaded = refuse(http.StatusServiceUnavailable, "the server is overloaded: try again")
	canceled   = refuse(http.StatusServiceUnavailable, "the request was canceled before it was answered")
	failed     = &upstream.Error{Code: upstream.Internal, Message: "internal error"}
)

// present returns the error to show the caller: err itself if it is about the request
// or the server is unavailable, and otherwise a general one that hides err.
func present(err error) *upstream.Error {
	var e *upstream.Error
	if !errors.As(err, &e) || e.Message == "" {
		return failed
	}
	switch {
	case e.Status >= 400 && e.Status < 500,
		e.Code == upstream.InvalidArgument, e.Code == upstream.Unauthenticated,
		e.Code == upstream.NotFound, e.Code == upstream.Unavailable:
		return e
	}
	return failed
}
