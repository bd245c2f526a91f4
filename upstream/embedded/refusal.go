package embedded

import (
	"errors"
	"fmt"
	"net/http"

	"deliverygraph/upstream"
)

// refuse is the error of a request that is wrong whatever its parameters.
func refuse(status int, format string, args ...any) *upstream.Error {
	return &upstream.Error{Code: upstream.CodeOfStatus(status), Status: status, Message: fmt.Sprintf(format, args...)}
}

// Errors that say nothing of the request.
var (
	overloaded = refuse(http.StatusServiceUnavailable, "too many requests at once: try again")
	givenUp    = refuse(http.StatusServiceUnavailable, "the request was given up before it was answered")
	failed     = &upstream.Error{Code: upstream.Internal, Message: "internal error"}
)

// present is the error that a caller is shown for err: itself where it is about the
// request or about being busy, and nothing of it otherwise.
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
