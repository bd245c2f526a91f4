package telemetry

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
)

// RequestIDHeader is the header of requests and answers that holds the request's id, in the form in which net/http
// looks it up without copying it.
const RequestIDHeader = "X-Request-Id"

const maxRequestID = 64

type requestIDKey struct{}

// WithRequestID sets each request's id in its context and in the answer's header. The id is the caller's, from
// [RequestIDHeader], if that is valid, and a new one otherwise. A valid id has 1 to 64 letters, digits, hyphens,
// underscores, points or colons, so it cannot forge a log line.
func WithRequestID(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(RequestIDHeader)
		if !isRequestID(id) {
			id = strconv.FormatUint(rand.Uint64(), 36)
		}
		w.Header().Set(RequestIDHeader, id)
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
	})
}

// RequestID returns the id of the context's request, or "".
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

// RequestIDAttr returns the id of the context's request as the attribute request_id of log lines, or the zero Attr if
// there is none.
func RequestIDAttr(ctx context.Context) slog.Attr {
	if id := RequestID(ctx); id != "" {
		return slog.String("request_id", id)
	}
	return slog.Attr{}
}

func isRequestID(s string) bool {
	return s != "" && len(s) <= maxRequestID && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' ||
			strings.ContainsRune("-_.:", r))
	}) < 0
}
