package operation

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strings"
)

// RequestIDHeader is the header that a request's id comes and goes in.
const RequestIDHeader = "X-Request-ID"

const maxRequestID = 64

type requestIDKey struct{}

// WithRequestID gives each request an id, the caller's in [RequestIDHeader] if that is
// one, else a new one: the answer's header has it, and so has the context. An id
// is 1 to 64 letters, digits, hyphens, underscores, points or colons, so that none
// can forge a line of a log.
func WithRequestID(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := r.Header.Get(RequestIDHeader)
		if !isRequestID(id) {
			id = newID()
		}
		w.Header().Set(RequestIDHeader, id)
		h.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
	})
}

// newID makes an id. That of another request is none that anyone could do harm with: it is
// to be rare, not secret.
func newID() string {
	const digits, half = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", 13 // of 5 bits each
	var id [2 * half]byte
	a, b := rand.Uint64(), rand.Uint64()
	for i := range half {
		id[i], id[half+i] = digits[a%32], digits[b%32]
		a, b = a/32, b/32
	}
	return string(id[:])
}

// RequestID is the id of the context's request, or empty.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
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
