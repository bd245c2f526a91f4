package operation

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"strings"

	"deliverygraph/upstream/values"
)

// RequestIDHeader is the header that a request's id comes and goes in.
const RequestIDHeader = "X-Request-ID"

// requestIDHeader is the same as headers are kept.
var requestIDHeader = http.CanonicalHeaderKey(RequestIDHeader)

const maxRequestID = 64

type requestIDKey struct{}

// WithRequestID gives each request an id, the caller's in [RequestIDHeader] if that is
// one, else a new one: the answer's header has it, and so has the context. An id
// is 1 to 64 letters, digits, hyphens, underscores, points or colons, so that none
// can forge a line of a log.
func WithRequestID(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := make([]string, 1)
		if given := r.Header[requestIDHeader]; len(given) > 0 && isRequestID(given[0]) {
			id[0] = given[0]
		} else {
			id[0] = rand.Text()
		}
		w.Header()[requestIDHeader] = id
		ctx := values.With(values.New(r.Context()), requestIDKey{}, &id[0]) // with room for what others know of the request
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// RequestID is the id of the context's request, or empty.
func RequestID(ctx context.Context) string {
	if id, ok := ctx.Value(requestIDKey{}).(*string); ok {
		return *id
	}
	return ""
}

// LogAttr is the id of the request that ctx is of, as "request_id", for lines of the
// log; the zero Attr where there is none.
func LogAttr(ctx context.Context) slog.Attr {
	if id := RequestID(ctx); id != "" {
		return slog.String("request_id", id)
	}
	return slog.Attr{}
}

func isRequestID(s string) bool {
	return s != "" && len(s) <= maxRequestID && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_.:", r))
	}) < 0
}
